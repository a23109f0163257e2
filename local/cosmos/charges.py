"""Request units, **modelled**: what the service would about charge, so that cost shows in every local run.

Sizes are priced by Microsoft's published table (consistency weaker than strong), interpolated linearly and extended
beyond its last entry with its last slope. The indexing surcharge goes through three published figures of an insert of
about 1 KB with 28 properties: 6 RU with no path indexed, 8 with three, 19 with all. The rest is assumption: a replace
is two inserts, a delete costs what the insert did, a query or a feed page 2.5 plus a quarter per KB it reads, a batch
the sum of its operations, an operation that fails 1.
"""

from itertools import pairwise
from typing import Final

_KB: Final = 1024


class Curve:
    """A piecewise linear function through some points; its last piece goes on without end."""

    def __init__(self, *points: tuple[float, float]) -> None:
        self._pieces = [(x0, x1, y0, (y1 - y0) / (x1 - x0)) for (x0, y0), (x1, y1) in pairwise(points)]

    def __call__(self, at: float) -> float:
        """The value at a point that is not before the first."""
        value = 0.0
        for x0, x1, y0, slope in self._pieces:
            value = y0 + (at - x0) * slope
            if at <= x1:
                break
        return value


WRITE_BY_KB: Final = Curve((0, 5), (1, 5), (4, 7), (64, 48))
READ_BY_KB: Final = Curve((0, 1), (1, 1), (4, 1.3), (64, 10))
SURCHARGE_BY_TERMS: Final = Curve((0, 1), (3, 3), (28, 14))

FAILED: Final = 1.0
"""An operation that ends in 304, 404, 409 or 412."""

METADATA: Final = 1.0
"""Reading or changing a database, a container or an offer."""

_REPLACE_FACTOR: Final = 2
_QUERY_START: Final = 2.5
_QUERY_PER_KB: Final = 0.25


def point_read(size: int) -> float:
    """Read one item of `size` bytes by id and partition key."""
    return round(READ_BY_KB(size / _KB), 2)


def insert(size: int, terms: int) -> float:
    """Create an item of `size` bytes with `terms` indexed values; also its deletion."""
    return round(WRITE_BY_KB(size / _KB) + SURCHARGE_BY_TERMS(terms), 2)


def replace(size: int, terms: int) -> float:
    """Replace, upsert over or patch an item; size and terms are those of the new item."""
    return _REPLACE_FACTOR * insert(size, terms)


def scan(size: int) -> float:
    """One page of a query or of a feed that read `size` bytes of items."""
    return round(_QUERY_START + _QUERY_PER_KB * size / _KB, 2)
