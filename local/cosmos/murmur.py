"""MurmurHash3, 128 bits for 64-bit machines: the hash that spreads partition keys."""

from typing import Final

_MASK: Final = 0xFFFF_FFFF_FFFF_FFFF
_C1: Final = 0x87C3_7B91_1142_53D5
_C2: Final = 0x4CF5_AD43_2745_937F
_BLOCK: Final = 16


def murmur3_128(data: bytes) -> tuple[int, int]:
    """The low and the high 64 bits of the hash with seed 0."""
    low = high = 0
    whole = len(data) - len(data) % _BLOCK
    for at in range(0, whole, _BLOCK):
        first = int.from_bytes(data[at : at + 8], "little")
        second = int.from_bytes(data[at + 8 : at + _BLOCK], "little")
        low ^= _mix_first(first)
        low = ((_rotate(low, 27) + high) * 5 + 0x52DC_E729) & _MASK
        high ^= _mix_second(second)
        high = ((_rotate(high, 31) + low) * 5 + 0x3849_5AB5) & _MASK
    high ^= _mix_second(int.from_bytes(data[whole + 8 :], "little"))
    low ^= _mix_first(int.from_bytes(data[whole : whole + 8], "little"))
    return _finish(low ^ len(data), high ^ len(data))


def _rotate(value: int, bits: int) -> int:
    return ((value << bits) | (value >> (64 - bits))) & _MASK


def _mix_first(block: int) -> int:
    return _rotate(block * _C1 & _MASK, 31) * _C2 & _MASK


def _mix_second(block: int) -> int:
    return _rotate(block * _C2 & _MASK, 33) * _C1 & _MASK


def _finish(low: int, high: int) -> tuple[int, int]:
    low = (low + high) & _MASK
    high = (high + low) & _MASK
    low, high = _avalanche(low), _avalanche(high)
    low = (low + high) & _MASK
    return low, (high + low) & _MASK


def _avalanche(value: int) -> int:
    value = (value ^ (value >> 33)) * 0xFF51_AFD7_ED55_8CCD & _MASK
    value = (value ^ (value >> 33)) * 0xC4CE_B9FE_1A85_EC53 & _MASK
    return value ^ (value >> 33)
