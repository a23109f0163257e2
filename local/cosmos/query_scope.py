"""What part of a container a request is about, and how a query's WHERE narrows it further."""

import itertools
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from local.cosmos.containers import Container
from local.cosmos.failures import Substatus, bad_request, unsupported
from local.cosmos.partition_key import COMPONENT_BYTES
from local.cosmos.scan import EVERYTHING, Key, Range, Scope
from local.cosmos.sql import syntax
from local.cosmos.sql.narrowing import Bounds, bounds
from local.cosmos.values import Json


class Target(NamedTuple):
    """The partition key, the range of effective partition keys, or the whole container that a request names."""

    epk: bytes | None = None
    within: Range | None = None
    whole_range: bool = False
    """The client itself goes through the physical partitions, one range after the other."""
    cross_partition: bool = False

    def range(self, container: Container) -> Range:
        """The effective partition keys it covers."""
        if self.epk is None:
            return self.within or EVERYTHING
        full = len(self.epk) == COMPONENT_BYTES * len(container.partition_key.paths)
        return Range.point(self.epk) if full else Range.prefix(self.epk)

    @property
    def scoped(self) -> bool:
        """Whether it says where to look; otherwise the service fans a query out."""
        return self.epk is not None or self.within is not None or self.whole_range


def scope_of(container: Container, target: Target, query: syntax.Query, parameters: Mapping[str, Json]) -> Scope:
    """What must be read to answer a query.

    Raises:
        Failure: it goes across partitions without being allowed to.
    """
    within = target.range(container)
    alternatives = bounds(query, parameters)
    keys = [_keys(container, within, alternative) for alternative in alternatives]
    epks = sorted({epk for found in keys if found for epk, _ in found})
    narrowed = bool(keys) and all(found is not None for found in keys)
    if not target.scoped and not target.cross_partition and not (narrowed and len(epks) <= 1):
        raise bad_request(
            "Cross partition query is required but disabled. Please set x-ms-documentdb-query-enablecrosspartition to "
            "true, specify x-ms-documentdb-partitionkey, or revise your query to avoid this exception."
        )
    if not narrowed:
        return Scope(ranges=(within,))
    if all(alternative.ids is not None for alternative in alternatives):
        return Scope(keys=tuple(sorted({(epk, name) for found in keys if found for epk, name in found if name})))
    return Scope(ranges=tuple(map(Range.point, epks)))


def _keys(container: Container, within: Range, alternative: Bounds) -> list[Key] | None:
    """The keys that an alternative leaves, an empty id for any; None if it does not settle the partition key."""
    epks = _epks(container, within, alternative)
    if epks is None:
        return None
    inside = [epk for epk in epks if within.low <= epk < within.high]
    names = alternative.ids if alternative.ids is not None else frozenset({""})
    return list(itertools.product(inside, names))


def _epks(container: Container, within: Range, alternative: Bounds) -> Iterator[bytes] | list[bytes] | None:
    key = container.partition_key
    if within == Range.point(within.low):
        return [within.low]
    if key.paths == (("id",),) and alternative.ids is not None:
        return [key.epk([name]) for name in alternative.ids]
    if all(path in alternative.equals for path in key.paths):
        return [key.epk([alternative.equals[path] for path in key.paths])]
    return None


def check_servable(query: syntax.Query, target: Target) -> None:
    """Refuse what the official Python client cannot do across partitions, so that nothing works here only.

    Raises:
        Failure: GROUP BY, or an aggregate other than SELECT VALUE.
    """
    if target.scoped:
        return
    if query.group:
        raise unsupported("GROUP BY across partitions (the Python client has none)")
    if query.aggregates and not (query.value and isinstance(query.selected[0].expression, syntax.Aggregate)):
        raise bad_request(
            "Cross partition query only supports 'VALUE <AggregateFunc>' for aggregates.", substatus=Substatus.NONE
        )
