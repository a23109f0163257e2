"""Request units, **modelled**: what the service would about charge, so that cost shows in every local run.

Sizes are priced by Microsoft's published table (consistency weaker than strong), interpolated linearly and extended
beyond its last entry with its last slope. The indexing surcharge goes through three published figures of an insert of
about 1 KB with 28 properties: 6 RU with no path indexed, 8 with three, 19 with all. The rest is assumption: a replace
is two inserts, a delete costs what the insert did, a query or a feed page 2.5 plus a quarter per KB it reads, a batch
the sum of its operations, an operation that fails 1.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

type Curve = Sequence[tuple[float, float]]

_KB: Final = 1024

WRITE_BY_KB: Final[Curve] = ((0, 5), (1, 5), (4, 7), (64, 48))
READ_BY_KB: Final[Curve] = ((0, 1), (1, 1), (4, 1.3), (64, 10))
SURCHARGE_BY_TERMS: Final[Curve] = ((0, 1), (3, 3), (28, 14))

FAILED: Final = 1.0
"""An operation that ends in 304, 404, 409 or 412."""

METADATA: Final = 1.0
"""Reading or changing a database, a container or an offer."""

_REPLACE_FACTOR: Final = 2
_QUERY_START: Final = 2.5
_QUERY_PER_KB: Final = 0.25


def point_read(size: int) -> float:
    """Read one item of `size` bytes by id and partition key."""
    return interpolate(READ_BY_KB, size / _KB)


def insert(size: int, terms: int) -> float:
    """Create an item of `size` bytes with `terms` indexed values; also its deletion."""
    return interpolate(WRITE_BY_KB, size / _KB) + interpolate(SURCHARGE_BY_TERMS, terms)


def replace(size: int, terms: int) -> float:
    """Replace, upsert over or patch an item; size and terms are those of the new item."""
    return _REPLACE_FACTOR * insert(size, terms)


def scan(size: int) -> float:
    """One page of a query or of a feed that read `size` bytes of items."""
    return _QUERY_START + _QUERY_PER_KB * size / _KB


def interpolate(curve: Curve, at: float) -> float:
    """The value of a piecewise linear curve; its last piece goes on without end."""
    pieces = list(pairwise(curve))
    for (x0, y0), (x1, y1) in pieces:
        if at <= x1 or (x1, y1) == curve[-1]:
            return y0 + (y1 - y0) * (at - x0) / (x1 - x0)
    raise ValueError("a curve has at least two points")
