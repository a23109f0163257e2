"""Which partition an event's key lands in: Bob Jenkins' lookup3 hash, as the SDK's own resolver computes it.

The Python SDK hashes a key's characters, where the service hashes UTF-8 bytes, and reduces a negative hash as Python
does: keys of one product spread alike whether a buffered client or the endpoint places them. Azure may place the same
key in another partition; what holds in both is that a key keeps its partition.
"""

from functools import lru_cache
from typing import Final

_MASK: Final = 0xFFFFFFFF
_BLOCK: Final = 12
_SEED: Final = 0xDEADBEEF


@lru_cache(maxsize=65536)
def partition_of(key: str, partition_count: int) -> int:
    """The index of the partition that events with this key go to."""
    if not key:
        return 0
    primary, secondary = _lookup3(key)
    hashed = (primary ^ secondary) & 0xFFFF
    return (hashed - 0x10000 if hashed & 0x8000 else hashed) % partition_count


def _rotate(value: int, bits: int) -> int:
    return (value << bits | value >> (32 - bits)) & _MASK


def _word(characters: str) -> int:
    return sum(ord(character) << shift for character, shift in zip(characters, (0, 8, 16, 24), strict=False))


def _lookup3(key: str) -> tuple[int, int]:
    a = b = c = (_SEED + len(key)) & _MASK
    position = 0
    while len(key) - position > _BLOCK:
        a, b, c = _add(key, position, a, b, c)
        a, b, c = _mix(a, b, c)
        position += _BLOCK
    return _finish(*_add(key, position, a, b, c))


def _add(key: str, position: int, a: int, b: int, c: int) -> tuple[int, int, int]:
    words = (_word(key[start : start + 4]) for start in (position, position + 4, position + 8))
    return tuple((value + word) & _MASK for value, word in zip((a, b, c), words, strict=True))  # type: ignore[return-value] # of three


def _mix(a: int, b: int, c: int) -> tuple[int, int, int]:
    for bits in (4, 6, 8, 16, 19, 4):
        a = ((a - c) & _MASK) ^ _rotate(c, bits)
        c = (c + b) & _MASK
        a, b, c = b, c, a
    return a, b, c


def _finish(a: int, b: int, c: int) -> tuple[int, int]:
    for bits in (14, 11, 25, 16, 4, 14, 24):
        c = ((c ^ b) - _rotate(b, bits)) & _MASK
        a, b, c = b, c, a
    return b, a
