"""The root: one number that stands for where all chains end, in whatever order they are read."""

import hashlib
import json
from typing import Final

from shared.ledger.entries import Head

_BITS: Final = 4096
_MODULUS: Final = 2**_BITS


def line(head: Head) -> bytes:
    """The one written form of a head."""
    return json.dumps(head, separators=(",", ":"), ensure_ascii=True).encode()


def head_of(written: bytes) -> Head:
    """Read what `line` wrote.

    Raises:
        ValueError: it is no head.
    """
    fields = json.loads(written)
    if not isinstance(fields, list) or [type(field) for field in fields] != [str, int, str]:
        raise ValueError("no head")
    return Head(*fields)


class Root:
    """A commitment to a set of heads: the sum of their hashes, modulo 2^4096 (AdHash, Bellare and Micciancio 1997).

    A sum needs no order, so a scan of all partitions need not be sorted, and a head is exchanged for a later one
    without reading the others. Each head is hashed to the full width by SHAKE-256. To find two sets of one sum is a
    knapsack problem, whose best known attack (Wagner's generalised birthday, 2002) takes about 2^(2*sqrt(4096)) = 2^128
    steps at this width: as many as a collision of SHA-256. A plain XOR, or a sum as narrow as one hash, would be weak.
    """

    def __init__(self) -> None:
        """The root of no head."""
        self._sum = 0

    def add(self, head: Head) -> None:
        """Put a head in."""
        self._sum = (self._sum + self._number(head)) % _MODULUS

    def remove(self, head: Head) -> None:
        """Take a head out that is in."""
        self._sum = (self._sum - self._number(head)) % _MODULUS

    @staticmethod
    def _number(head: Head) -> int:
        return int.from_bytes(hashlib.shake_256(line(head)).digest(_BITS // 8))

    def written(self) -> str:
        """The root as a checkpoint names it: the SHA-256 of the sum."""
        return hashlib.sha256(self._sum.to_bytes(_BITS // 8)).hexdigest()
