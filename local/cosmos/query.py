"""Queries over the items of a container, one page at a time."""

import functools
import heapq
import sqlite3
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from local.cosmos import charges, values
from local.cosmos.containers import Container
from local.cosmos.continuation import Continuation, decode, invalid
from local.cosmos.failures import bad_request, unsupported
from local.cosmos.ordering import Ordering, Position
from local.cosmos.query_scope import Target, check_servable, scope_of
from local.cosmos.scan import Found, Key, give_way, scan
from local.cosmos.sql import syntax
from local.cosmos.sql.evaluation import Context, Frame
from local.cosmos.sql.narrowing import filtered_paths
from local.cosmos.sql.parser import parse
from local.cosmos.sql.select import Select
from local.cosmos.store import Store
from local.cosmos.values import UNDEFINED, Json

DEFAULT_PAGE: Final = 1000
MAX_PAGE_BYTES: Final = 4 * 1024 * 1024

_SLACK: Final = 1024


class Request(NamedTuple):
    """A query as sent, and the page that is asked for."""

    text: str
    parameters: Mapping[str, Json]
    target: Target
    page_size: int
    continuation: str | None
    now: float


class Page(NamedTuple):
    """Results as JSON texts, and where the next page starts."""

    results: list[bytes]
    continuation: str | None
    charge: float


class _Row(NamedTuple):
    """A row of FROM, JOIN and WHERE, the item it comes from, and its place among the rows of that item."""

    frame: Frame
    found: Found
    place: int


async def run(store: Store, container: Container, request: Request) -> Page:
    """Answer one page.

    Raises:
        Failure: the query is wrong, not supported, or could not be served by the service.
    """
    select = _compiled(request.text)
    query = select.query
    if missing := query.parameters - request.parameters.keys():
        raise bad_request(f"The query parameter '{min(missing)}' is not given.")
    check_servable(query, request.target)
    execution = _Execution(container, request, select)
    if not query.sources:
        return execution.constant()
    with store.snapshot() as connection:
        if query.order or query.distinct or execution.select.grouped:
            return await execution.collected(connection)
        return await execution.streamed(connection)


@functools.lru_cache(maxsize=512)
def _compiled(text: str) -> Select:
    return Select(parse(text))


class _Execution:
    """One page in the making."""

    def __init__(self, container: Container, request: Request, select: Select) -> None:
        query = select.query
        self.container = container
        self.request = request
        self.query = query
        self.select = select
        self.context = Context(request.parameters, int(request.now * 1000))
        self.scope = scope_of(container, request.target, query, request.parameters)
        self.ordering = Ordering(query, container.indexing)
        self.start = self._start()
        self._whole = query.star and isinstance(query.sources[0].expression, syntax.Name) and not query.sources[0].each
        self._indexed = all(_covered(container, path) for path in filtered_paths(query))
        self._read = 0

    def _start(self) -> Continuation:
        if self.request.continuation:
            return decode(self.request.continuation, self.request.text)
        skip = self._count(self.query.offset) or 0
        return Continuation(None, skip, self._count(self.query.limit if self.query.top is None else self.query.top))

    def _count(self, expression: syntax.Expression | None) -> int | None:
        if expression is None:
            return None
        constant = isinstance(expression, syntax.Literal | syntax.Parameter)
        value = self.select.compiler.compile(expression)((self.context,)) if constant else None
        if type(value) is not int or value < 0:
            raise bad_request("TOP, OFFSET and LIMIT take integers that are not negative.")
        return value

    @property
    def charge(self) -> float:
        return charges.scan(self._read)

    def constant(self) -> Page:
        """A query without FROM has one row."""
        if self.select.grouped or self.query.star:
            raise unsupported("A query without FROM that selects * or an aggregate")
        value = self.select.project((self.context,)) if self.select.frames((self.context,)) else UNDEFINED
        return Page([] if value is UNDEFINED else [values.dump(value)], None, self.charge)

    def _scan(self, connection: sqlite3.Connection, since: Key = (b"", "")) -> Iterator[list[Found]]:
        return scan(connection, self.container, self.scope, self.request.now, since)

    def _rows(self, step: list[Found]) -> Iterator[_Row]:
        plain = self._whole and self.query.where is None and not self.query.order
        for found in step:
            if plain:
                frames: list[Frame] = [()]
            else:
                frames = self.select.frames((self.context, values.load(found.body)))
            if frames or not self._indexed:
                self._read += len(found.body)
            for place, frame in enumerate(frames):
                yield _Row(frame, found, place)

    def _result(self, row: _Row) -> bytes | None:
        if self._whole:
            return row.found.body
        value = self.select.project(row.frame)
        return None if value is UNDEFINED else values.dump(value)

    async def streamed(self, connection: sqlite3.Connection) -> Page:
        """Results in the order of keys: nothing before the place of the continuation is read."""
        place, skip, left = self.start
        last = _key_place(place)
        page = _Page(self.request.page_size, left)
        for step in self._scan(connection, last[:2]):
            for row in self._rows(step):
                here = (*row.found.key, row.place)
                result = None if here <= last else self._result(row)
                if result is None:
                    continue
                if page.full:
                    return page.finish(self, [last[0].hex(), *last[1:]], skip)
                last = here
                if skip:
                    skip -= 1
                else:
                    page.add(result)
            await give_way(step)
        return page.finish(self, None, skip)

    async def collected(self, connection: sqlite3.Connection) -> Page:
        """Results that must all be seen before the first is known: the best of them are kept."""
        skip = self.start.skip
        page = _Page(self.request.page_size, self.start.left)
        found = await self._best(connection, skip + page.capacity + 1)
        place: Json = None
        for position, result in found[skip:]:
            if page.full:
                return page.finish(self, place, 0)
            page.add(result)
            place = self.ordering.encode(position)
        return page.finish(self, None, 0)

    async def _best(self, connection: sqlite3.Connection, count: int) -> list[tuple[Position, bytes]]:
        after = None if self.start.place is None else _decoded(self.ordering, self.start.place)
        if self.select.grouped:
            positioned = await self._groups(connection)
            return sorted(entry for entry in positioned if after is None or entry[0] > after)[:count]
        kept: dict[Position, bytes] = {}
        for step in self._scan(connection):
            kept.update(entry for entry in self._positioned(step) if after is None or entry[0] > after)
            if len(kept) > 2 * count + _SLACK:
                kept = dict(heapq.nsmallest(count, kept.items()))
            await give_way(step)
        return heapq.nsmallest(count, kept.items())

    def _positioned(self, step: list[Found]) -> Iterator[tuple[Position, bytes]]:
        for row in self._rows(step):
            result = self._result(row)
            position = None if result is None else self._position(row, result)
            if result is not None and position is not None:
                yield position, result

    def _position(self, row: _Row, result: bytes) -> Position | None:
        sort = [evaluate(row.frame) for evaluate in self.select.order]
        tie: tuple[Any, ...] = (*row.found.key, row.place)
        return self.ordering.position(sort, (values.fingerprint(values.load(result)),) if self.query.distinct else tie)

    async def _groups(self, connection: sqlite3.Connection) -> list[tuple[Position, bytes]]:
        groups = self.select.groups((self.context,))
        for step in self._scan(connection):
            for row in self._rows(step):
                groups.add(row.frame)
            await give_way(step)
        results = [(key, self.select.project(frame)) for key, frame in groups.rows()]
        return [((key,), values.dump(value)) for key, value in results if value is not UNDEFINED]


class _Page:
    """Results until the page is full or the query's TOP or LIMIT is reached."""

    def __init__(self, size: int, left: int | None) -> None:
        self.capacity = size if left is None else min(size, left)
        self._left = left
        self._results: list[bytes] = []
        self._bytes = 0

    @property
    def full(self) -> bool:
        return len(self._results) >= self.capacity or self._bytes > MAX_PAGE_BYTES

    def add(self, result: bytes) -> None:
        self._results.append(result)
        self._bytes += len(result)

    def finish(self, execution: _Execution, place: Json, skip: int) -> Page:
        left = None if self._left is None else self._left - len(self._results)
        more = place is not None and left != 0
        continuation = Continuation(place, skip, left).encode(execution.request.text) if more else None
        return Page(self._results, continuation, execution.charge)


def _covered(container: Container, path: tuple[str, ...]) -> bool:
    return path in container.partition_key.paths or path == ("id",) or container.indexing.covers(path)


def _key_place(place: Json) -> tuple[bytes, str, int]:
    if place is None:
        return (b"", "", -1)
    try:
        epk, name, index = place
        return (bytes.fromhex(epk), str(name), int(index))
    except (ValueError, TypeError):
        raise invalid() from None


def _decoded(ordering: Ordering, place: Json) -> Position:
    try:
        return ordering.decode(place)
    except (ValueError, TypeError):
        raise invalid() from None
