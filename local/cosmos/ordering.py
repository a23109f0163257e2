"""In which order a query gives its results, as positions that can be compared and sent in a continuation.

Results come in the order of ORDER BY, then of their keys; distinct values and groups, which have no keys, in an order
of their own that stays the same. As in the service, ORDER BY needs an index: one path must be indexed, several need a
composite index, and items without the property are left out unless the policy names the path itself.
"""

import functools
from collections.abc import Sequence
from typing import Any, Final

from local.cosmos import values
from local.cosmos.failures import bad_request, unsupported
from local.cosmos.indexing import IndexingPolicy, Path
from local.cosmos.sql import syntax
from local.cosmos.values import UNDEFINED, Json

type Position = tuple[Any, ...]

_UNDEFINED_RANK: Final = values.rank(UNDEFINED)


@functools.total_ordering
class _Descending:
    """A sort key that sorts the other way round."""

    __slots__ = ("key",)

    def __init__(self, key: tuple[int, Any]) -> None:
        self.key = key

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Descending) and self.key == other.key

    def __lt__(self, other: "_Descending") -> bool:
        return self.key > other.key

    def __hash__(self) -> int:
        return hash(self.key)


class Ordering:
    """The ORDER BY of a query, checked against an indexing policy.

    Raises:
        Failure: the service would not serve it, or it is not supported.
    """

    def __init__(self, query: syntax.Query, indexing: IndexingPolicy) -> None:
        paths = [_path(term.expression, query) for term in query.order]
        self._descending = [term.descending for term in query.order]
        self._required = [not indexing.keeps_undefined(path) for path in paths]
        if len(paths) == 1 and not indexing.covers(paths[0]):
            raise bad_request("The index path corresponding to the specified order-by item is excluded.")
        if len(paths) > 1 and not indexing.serves(tuple(zip(paths, self._descending, strict=True))):
            raise bad_request(
                "The order by query does not have a corresponding composite index that it can be served from."
            )
        if query.distinct:
            _check_distinct(query)

    def position(self, sort: Sequence[Json], tie: Sequence[Any]) -> Position | None:
        """Where a result with these values of ORDER BY stands; None if it is left out."""
        keys = [values.order_key(value) for value in sort]
        if any(required and key[0] == _UNDEFINED_RANK for required, key in zip(self._required, keys, strict=True)):
            return None
        return (*self._directed(keys), *tie)

    def encode(self, position: Position) -> Json:
        """A position as JSON."""
        keys = [part.key if isinstance(part, _Descending) else part for part in position[: len(self._descending)]]
        return [keys, [part.hex() if isinstance(part, bytes) else part for part in position[len(keys) :]]]

    def decode(self, place: Json) -> Position:
        """The position that was encoded."""
        keys, tie = place
        first = [bytes.fromhex(part) for part in tie[:1]] if len(tie) > 1 else tie[:1]
        return (*self._directed([tuple(key) for key in keys]), *first, *tie[1:])

    def _directed(self, keys: Sequence[tuple[int, Any]]) -> list[Any]:
        return [_Descending(key) if down else key for key, down in zip(keys, self._descending, strict=True)]


def _path(expression: syntax.Expression, query: syntax.Query) -> Path:
    path = syntax.path_of(expression)
    root = query.sources[0] if query.sources else None
    if root is None or root.each or not isinstance(root.expression, syntax.Name):
        raise unsupported("ORDER BY over anything but the items of the container")
    if path is None or path[0] != root.alias or len(path) == 1:
        raise bad_request(
            "Unsupported ORDER BY clause. ORDER BY item expression could not be mapped to a document path."
        )
    return path[1:]


def _check_distinct(query: syntax.Query) -> None:
    selected = {item.expression for item in query.selected}
    if any(term.expression not in selected for term in query.order):
        raise unsupported("DISTINCT with an ORDER BY over what is not selected")
