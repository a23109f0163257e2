"""Which partition keys and ids a WHERE can be true for at all: what need not be read is not."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from local.cosmos.sql import syntax
from local.cosmos.values import Json

type Path = tuple[str, ...]


class Bounds(NamedTuple):
    """What one term of the WHERE's alternatives demands: exact values of paths, and one of some ids."""

    equals: dict[Path, Json]
    ids: frozenset[str] | None


def bounds(query: syntax.Query, parameters: Mapping[str, Json]) -> list[Bounds]:
    """The alternatives of a WHERE: every row it is true for meets one of them. None at all means no WHERE."""
    if query.where is None or not query.sources or query.sources[0].each:
        return []
    if syntax.path_of(query.sources[0].expression) is None or isinstance(query.sources[0].expression, syntax.Member):
        return []
    return [_bounds(term, query.sources[0].alias, parameters) for term in _terms(query.where, "OR")]


def filtered_paths(query: syntax.Query) -> set[Path]:
    """The paths of the document that a WHERE looks at, without the alias."""
    found: set[Path] = set()
    for node in syntax.walk(query.where):
        if isinstance(node, syntax.Member) and (path := syntax.path_of(node)):
            found.add(path[1:])
    return {path for path in found if not any(path != other and path == other[: len(path)] for other in found)}


def _bounds(term: syntax.Expression, alias: str, parameters: Mapping[str, Json]) -> Bounds:
    equals: dict[Path, Json] = {}
    ids: frozenset[str] | None = None
    for condition in _terms(term, "AND"):
        for path, choices in _demands(condition, parameters):
            if path[0] != alias:
                continue
            if len(choices) == 1:
                equals[path[1:]] = choices[0]
            if path[1:] == ("id",):
                named = frozenset(choice for choice in choices if isinstance(choice, str))
                ids = named if ids is None else ids & named
    return Bounds(equals, ids)


def _terms(node: syntax.Expression, operator: str) -> Iterator[syntax.Expression]:
    if isinstance(node, syntax.Logical) and node.operator == operator:
        for term in node.terms:
            yield from _terms(term, operator)
    else:
        yield node


def _demands(node: syntax.Expression, parameters: Mapping[str, Json]) -> Iterator[tuple[Path, Sequence[Json]]]:
    """Paths and the values that one of which a condition demands."""
    if isinstance(node, syntax.Binary) and node.operator == "=":
        for side, other in ((node.left, node.right), (node.right, node.left)):
            yield from _choice(side, (other,), parameters)
    elif isinstance(node, syntax.In):
        yield from _choice(node.operand, node.choices, parameters)


def _choice(
    operand: syntax.Expression, choices: tuple[syntax.Expression, ...], parameters: Mapping[str, Json]
) -> Iterator[tuple[Path, Sequence[Json]]]:
    path = syntax.path_of(operand)
    if path is None or not all(isinstance(choice, syntax.Literal | syntax.Parameter) for choice in choices):
        return
    found = [_constant(choice, parameters) for choice in choices]
    if not any(isinstance(value, dict | list) for value in found):
        yield path, found


def _constant(node: syntax.Expression, parameters: Mapping[str, Json]) -> Json:
    return node.value if isinstance(node, syntax.Literal) else parameters.get(getattr(node, "name", ""))
