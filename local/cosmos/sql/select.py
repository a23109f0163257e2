"""A whole query as functions: from a document to its rows, from a row to what is selected of it."""

from collections.abc import Callable, Iterable

from local.cosmos import values
from local.cosmos.failures import bad_request, unsupported
from local.cosmos.sql import syntax
from local.cosmos.sql.evaluation import Compiler, Frame, Rows
from local.cosmos.sql.grouping import Groups
from local.cosmos.values import UNDEFINED, Json

type Expand = Callable[[Frame], Iterable[Frame]]


class Select:
    """A compiled query. At the top, `outer` is empty and a frame starts with the context and the document."""

    def __init__(self, query: syntax.Query, outer: tuple[str, ...] = ()) -> None:
        self.query = query
        self._outer = outer
        self._expand, self.scope = self._sources()
        compiler = self.compiler
        self._where = compiler.compile(query.where) if query.where else None
        self._selected = [(item.name, compiler.compile(item.expression)) for item in query.selected]
        self._by = [compiler.compile(expression) for expression in query.group]
        self._aggregates = {node: compiler.compile(node.argument) for node in query.aggregates}
        self.order = [compiler.compile(term.expression) for term in query.order]
        _check_aggregates(query)

    @property
    def compiler(self) -> Compiler:
        """For expressions in this query's scope."""
        return Compiler(self.scope, _subquery_rows)

    @property
    def grouped(self) -> bool:
        """Whether rows are gathered before they are selected from."""
        return bool(self._by or self._aggregates)

    def groups(self, empty: Frame) -> Groups:
        """An empty set of groups for this query."""
        return Groups(self._by, self._aggregates, (*empty, *[UNDEFINED] * len(self.scope)))

    def _sources(self) -> tuple[list[Expand], tuple[str, ...]]:
        scope, steps = self._outer, []
        for place, source in enumerate(self.query.sources):
            if source.alias in scope:
                raise bad_request(f"The alias '{source.alias}' is used twice.")
            root = place == 0 and not self._outer
            steps.append(_source_step(source, (_root_name(source),) if root else scope, replace=root))
            scope = (source.alias,) if root else (*scope, source.alias)
        return steps, scope

    def frames(self, frame: Frame) -> list[Frame]:
        """The rows that a document, or an outer row, gives after FROM, JOIN and WHERE."""
        frames: Iterable[Frame] = (frame,)
        for expand in self._expand:
            frames = [inner for outer in frames for inner in expand(outer)]
        where = self._where
        return list(frames) if where is None else [row for row in frames if where(row) is True]

    def project(self, frame: Frame) -> Json:
        """What is selected of a row; UNDEFINED if it gives no result."""
        if self.query.star:
            return frame[-1]
        if self.query.value:
            return self._selected[0][1](frame)
        return {name: value for name, select in self._selected if (value := select(frame)) is not UNDEFINED}


def _root_name(source: syntax.Source) -> str:
    node: object = source.expression
    while isinstance(node, syntax.Member | syntax.Index):
        node = node.of
    if not isinstance(node, syntax.Name):
        raise unsupported("A subquery as the first input set of a query")
    return node.name


def _source_step(source: syntax.Source, scope: tuple[str, ...], *, replace: bool) -> Expand:
    """How a row grows by one input set; the first one of a query takes the document's place."""
    evaluate = Compiler(scope, _subquery_rows).compile(source.expression)

    def expand(frame: Frame) -> Iterable[Frame]:
        value = evaluate(frame)
        kept = frame[:1] if replace else frame
        if not source.each:
            return () if value is UNDEFINED else ((*kept, value),)
        return ((*kept, element) for element in value) if isinstance(value, list) else ()

    return expand


def _subquery_rows(query: syntax.Query, outer: tuple[str, ...]) -> Rows:
    if query.order or query.top is not None or query.limit is not None or query.group:
        raise unsupported("ORDER BY, TOP, OFFSET LIMIT or GROUP BY in a subquery")
    select = Select(query, outer)

    def rows(frame: Frame) -> list[Json]:
        frames = select.frames(frame)
        if select.grouped:
            groups = select.groups(frame)
            for row in frames:
                groups.add(row)
            frames = [row for _, row in groups.rows()]
        found = [value for row in frames if (value := select.project(row)) is not UNDEFINED]
        return list({values.canonical(value): value for value in found}.values()) if query.distinct else found

    return rows


def _check_aggregates(query: syntax.Query) -> None:
    """Outside aggregates, a grouped query may only select what it groups by."""
    arguments = tuple(aggregate.argument for aggregate in query.aggregates)
    elsewhere = (query.sources, query.where, query.group, query.order, arguments)
    if any(isinstance(node, syntax.Aggregate) for node in syntax.walk(elsewhere)):
        raise bad_request("An aggregate function may only stand in the SELECT list, and not in another one.")
    if query.group or query.aggregates:
        for item in query.selected:
            _check_grouped(item.expression, query.group)


def _check_grouped(node: object, group: tuple[syntax.Expression, ...]) -> None:
    if node in group or isinstance(node, syntax.Aggregate):
        return
    if isinstance(node, syntax.Name | syntax.Subquery):
        raise bad_request(
            "Property reference is invalid in the select list because it is not contained in either an aggregate "
            "function or the GROUP BY clause."
        )
    for child in syntax.children(node):
        _check_grouped(child, group)
