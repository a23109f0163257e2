"""The syntax tree. Equal expressions are equal values, so GROUP BY and DISTINCT can be checked against SELECT."""

import functools
from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass

from local.cosmos.values import Json

type Expression = (
    Literal
    | Parameter
    | Name
    | Member
    | Index
    | Unary
    | Binary
    | Logical
    | Conditional
    | In
    | Between
    | Like
    | Call
    | Aggregate
    | ArrayLiteral
    | ObjectLiteral
    | Subquery
)


@dataclass(frozen=True)
class Literal:
    """A value written in the query."""

    value: Json
    kind: str
    """The value's type, since Python's 1, 1.0 and True are equal."""


@dataclass(frozen=True)
class Parameter:
    """A value sent beside the query; the name starts with @."""

    name: str


@dataclass(frozen=True)
class Name:
    """An alias of FROM or JOIN."""

    name: str


@dataclass(frozen=True)
class Member:
    """`of.name`, also when written `of["name"]`."""

    of: Expression
    name: str


@dataclass(frozen=True)
class Index:
    """`of[index]`."""

    of: Expression
    index: Expression


@dataclass(frozen=True)
class Unary:
    """NOT, + or -."""

    operator: str
    operand: Expression


@dataclass(frozen=True)
class Binary:
    """A comparison, arithmetic, `||` or `??`."""

    operator: str
    left: Expression
    right: Expression


@dataclass(frozen=True)
class Logical:
    """AND or OR of two or more terms: flat, since clients send a thousand of them."""

    operator: str
    terms: tuple[Expression, ...]


@dataclass(frozen=True)
class Conditional:
    """`condition ? then : otherwise`."""

    condition: Expression
    then: Expression
    otherwise: Expression


@dataclass(frozen=True)
class In:
    """`operand IN (choices)`."""

    operand: Expression
    choices: tuple[Expression, ...]


@dataclass(frozen=True)
class Between:
    """`operand BETWEEN low AND high`, both included."""

    operand: Expression
    low: Expression
    high: Expression


@dataclass(frozen=True)
class Like:
    """`operand LIKE pattern ESCAPE escape`."""

    operand: Expression
    pattern: Expression
    escape: str | None


@dataclass(frozen=True)
class Call:
    """A built-in function, by its name in upper case."""

    name: str
    arguments: tuple[Expression, ...]


@dataclass(frozen=True)
class Aggregate:
    """COUNT, SUM, MIN, MAX or AVG."""

    name: str
    argument: Expression


@dataclass(frozen=True)
class ArrayLiteral:
    """`[...]`."""

    elements: tuple[Expression, ...]


@dataclass(frozen=True)
class ObjectLiteral:
    """`{...}`."""

    members: tuple[tuple[str, Expression], ...]


@dataclass(frozen=True)
class Subquery:
    """`(SELECT ...)` as a value, or under EXISTS or ARRAY."""

    form: str
    query: "Query"


@dataclass(frozen=True)
class Source:
    """One input set: the alias, where it comes from, and whether its elements are walked (`IN`).

    The first source of a query has a path from the root, whose own name is free.
    """

    alias: str
    expression: Expression
    each: bool


@dataclass(frozen=True)
class Selected:
    """One item of a SELECT list; the name is that of the property it becomes."""

    expression: Expression
    name: str


@dataclass(frozen=True)
class Order:
    """One term of ORDER BY."""

    expression: Expression
    descending: bool


@dataclass(frozen=True)
class Query:
    """A whole SELECT."""

    star: bool
    value: bool
    selected: tuple[Selected, ...]
    distinct: bool = False
    top: Expression | None = None
    sources: tuple[Source, ...] = ()
    where: Expression | None = None
    group: tuple[Expression, ...] = ()
    order: tuple[Order, ...] = ()
    offset: Expression | None = None
    limit: Expression | None = None

    @functools.cached_property
    def parameters(self) -> set[str]:
        """The names of all parameters, also those of subqueries."""
        return {node.name for node in walk(self, subqueries=True) if isinstance(node, Parameter)}

    @functools.cached_property
    def aggregates(self) -> tuple[Aggregate, ...]:
        """The aggregates of the SELECT list, not those of its subqueries."""
        return tuple(node for item in self.selected for node in walk(item.expression) if isinstance(node, Aggregate))


def walk(node: object, *, subqueries: bool = False) -> Iterator[object]:
    """A node and all below it, but what is inside subqueries only when asked for."""
    yield node
    if subqueries or not isinstance(node, Subquery):
        for child in children(node):
            yield from walk(child, subqueries=subqueries)


def children(node: object) -> Iterator[object]:
    """What is directly below a node, or in a tuple."""
    if isinstance(node, tuple):
        yield from node
    elif is_dataclass(node):
        yield from (getattr(node, field.name) for field in fields(node))


def path_of(expression: Expression) -> tuple[str, ...] | None:
    """The alias and property names of a plain path such as c.address.city, else None."""
    names: list[str] = []
    while isinstance(expression, Member):
        names.append(expression.name)
        expression = expression.of
    return (expression.name, *reversed(names)) if isinstance(expression, Name) else None
