"""The syntax tree to Python functions.

An expression becomes a function of a frame: a tuple of a `Context` and the value of each alias in scope. Which place an
alias has is settled when the function is built, so evaluation looks nothing up by name.
"""

import functools
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from local.cosmos import values
from local.cosmos.failures import bad_request
from local.cosmos.sql import syntax
from local.cosmos.sql.functions import CLOCK_FUNCTIONS, FUNCTIONS, number
from local.cosmos.values import UNDEFINED, Json

type Frame = tuple[Any, ...]
type Evaluate = Callable[[Frame], Json]
type Rows = Callable[[Frame], list[Json]]


@dataclass(frozen=True)
class Context:
    """What is the same for all rows: parameters, the time in ms, and in a group its aggregates' results."""

    parameters: Mapping[str, Json]
    now: int
    aggregates: Mapping[syntax.Aggregate, Json] = field(default_factory=dict)


class Compiler:
    """Builds functions for expressions in one scope."""

    def __init__(self, scope: tuple[str, ...], subquery: Callable[[syntax.Query, tuple[str, ...]], Rows]) -> None:
        self._scope = scope
        self._rows_of = subquery

    def compile(self, node: syntax.Expression) -> Evaluate:
        """The function of an expression.

        Raises:
            Failure: it uses an alias that is not in scope.
        """
        build: Callable[[Any], Evaluate] = getattr(self, f"_{type(node).__name__.lower()}")
        return build(node)

    def _literal(self, node: syntax.Literal) -> Evaluate:
        value = node.value
        return lambda _: value

    def _parameter(self, node: syntax.Parameter) -> Evaluate:
        name = node.name

        def parameter(frame: Frame) -> Json:
            try:
                return frame[0].parameters[name]
            except KeyError:
                raise bad_request(f"The query parameter '{name}' is not given.") from None

        return parameter

    def _name(self, node: syntax.Name) -> Evaluate:
        if node.name not in self._scope:
            raise bad_request(f"Identifier '{node.name}' could not be resolved.")
        place = len(self._scope) - self._scope[::-1].index(node.name)
        return lambda frame: frame[place]

    def _member(self, node: syntax.Member) -> Evaluate:
        of, name = self.compile(node.of), node.name

        def member(frame: Frame) -> Json:
            value = of(frame)
            return value.get(name, UNDEFINED) if type(value) is dict else UNDEFINED

        return member

    def _index(self, node: syntax.Index) -> Evaluate:
        of, index = self.compile(node.of), self.compile(node.index)
        return lambda frame: _at(of(frame), index(frame))

    def _unary(self, node: syntax.Unary) -> Evaluate:
        operand, apply = self.compile(node.operand), _UNARY[node.operator]
        return lambda frame: apply(operand(frame))

    def _binary(self, node: syntax.Binary) -> Evaluate:
        left, right = self.compile(node.left), self.compile(node.right)
        if node.operator == "??":
            return lambda frame: right(frame) if (value := left(frame)) is UNDEFINED else value
        apply = _BINARY[node.operator]
        return lambda frame: apply(left(frame), right(frame))

    def _logical(self, node: syntax.Logical) -> Evaluate:
        terms = [self.compile(term) for term in node.terms]
        decisive = node.operator == "OR"

        def logical(frame: Frame) -> Json:
            result: Json = not decisive
            for term in terms:
                value = term(frame)
                if value is decisive:
                    return decisive
                if value is not (not decisive):
                    result = UNDEFINED
            return result

        return logical

    def _conditional(self, node: syntax.Conditional) -> Evaluate:
        condition, then, otherwise = map(self.compile, (node.condition, node.then, node.otherwise))
        return lambda frame: then(frame) if condition(frame) is True else otherwise(frame)

    def _in(self, node: syntax.In) -> Evaluate:
        operand, choices = self.compile(node.operand), [self.compile(choice) for choice in node.choices]

        def contained(frame: Frame) -> Json:
            value = operand(frame)
            if value is UNDEFINED:
                return UNDEFINED
            return any(values.equal(value, choice(frame)) for choice in choices)

        return contained

    def _between(self, node: syntax.Between) -> Evaluate:
        low = syntax.Binary(">=", node.operand, node.low)
        high = syntax.Binary("<=", node.operand, node.high)
        return self._logical(syntax.Logical("AND", (low, high)))

    def _like(self, node: syntax.Like) -> Evaluate:
        operand, pattern, escape = self.compile(node.operand), self.compile(node.pattern), node.escape

        def like(frame: Frame) -> Json:
            text, wanted = operand(frame), pattern(frame)
            if not isinstance(text, str) or not isinstance(wanted, str):
                return UNDEFINED
            return _pattern(wanted, escape).fullmatch(text) is not None

        return like

    def _call(self, node: syntax.Call) -> Evaluate:
        function, arguments = FUNCTIONS[node.name], [self.compile(argument) for argument in node.arguments]
        if node.name in CLOCK_FUNCTIONS:
            return lambda frame: function.apply(frame[0].now)
        return lambda frame: function.call([argument(frame) for argument in arguments])

    def _aggregate(self, node: syntax.Aggregate) -> Evaluate:
        return lambda frame: frame[0].aggregates[node]

    def _arrayliteral(self, node: syntax.ArrayLiteral) -> Evaluate:
        elements = [self.compile(element) for element in node.elements]
        return lambda frame: [value for element in elements if (value := element(frame)) is not UNDEFINED]

    def _objectliteral(self, node: syntax.ObjectLiteral) -> Evaluate:
        members = [(name, self.compile(member)) for name, member in node.members]
        return lambda frame: {name: value for name, member in members if (value := member(frame)) is not UNDEFINED}

    def _subquery(self, node: syntax.Subquery) -> Evaluate:
        rows = self._rows_of(node.query, self._scope)
        if node.form == "EXISTS":
            return lambda frame: bool(rows(frame))
        if node.form == "ARRAY":
            return rows
        return lambda frame: _only(rows(frame))


def _only(rows: list[Json]) -> Json:
    if len(rows) > 1:
        raise bad_request("The cardinality of a scalar subquery result set cannot be greater than 1.")
    return rows[0] if rows else UNDEFINED


def _at(value: Json, index: Json) -> Json:
    if isinstance(value, dict) and isinstance(index, str):
        return value.get(index, UNDEFINED)
    if isinstance(value, list) and values.is_number(index) and float(index).is_integer():
        return value[int(index)] if 0 <= index < len(value) else UNDEFINED
    return UNDEFINED


@functools.lru_cache(maxsize=256)
def _pattern(text: str, escape: str | None) -> re.Pattern[str]:
    """The regular expression of a LIKE pattern: %, _, [set], [^set], and what is escaped taken literally."""
    escaped = rf"{re.escape(escape)}(.)" if escape else r"(?!)(.)"
    tokens = re.compile(rf"{escaped}|(\[\^?[^\]]+\]|.)", re.DOTALL)
    return re.compile("".join(_part(match[1], match[2]) for match in tokens.finditer(text)), re.DOTALL)


def _part(literal: str | None, token: str) -> str:
    if literal is not None:
        return re.escape(literal)
    if len(token) == 1:
        return {"%": ".*", "_": "."}.get(token) or re.escape(token)
    inverted = token.startswith("[^")
    inside = re.sub(r"([\\\[\]&|~^])", r"\\\1", token[2 if inverted else 1 : -1])
    return f"[{'^' if inverted else ''}{inside}]"


def _not(value: Json) -> Json:
    return not value if type(value) is bool else UNDEFINED


def _negative(value: Json) -> Json:
    return -value if values.is_number(value) else UNDEFINED


def _positive(value: Json) -> Json:
    return value if values.is_number(value) else UNDEFINED


def _equals(left: Json, right: Json) -> Json:
    return UNDEFINED if left is UNDEFINED or right is UNDEFINED else values.equal(left, right)


def _differs(left: Json, right: Json) -> Json:
    return UNDEFINED if left is UNDEFINED or right is UNDEFINED else not values.equal(left, right)


def _compared(test: Callable[[Any, Any], bool], same: bool) -> Callable[[Json, Json], Json]:
    """A comparison of two scalars of one type; `same` is its answer for two nulls."""

    def compare(left: Json, right: Json) -> Json:
        if not values.comparable(left, right):
            return UNDEFINED
        return same if left is None else test(left, right)

    return compare


def _arithmetic(apply: Callable[[Any, Any], Any]) -> Callable[[Json, Json], Json]:
    def compute(left: Json, right: Json) -> Json:
        if not values.is_number(left) or not values.is_number(right):
            return UNDEFINED
        try:
            return number(apply(float(left), float(right)))  # numbers are doubles in the service, whole ones too
        except (ZeroDivisionError, OverflowError):
            return UNDEFINED

    return compute


def _remainder(left: float, right: float) -> float:
    if not right:
        raise ZeroDivisionError
    return math.fmod(left, right)  # it takes the sign of the dividend


def _concatenated(left: Json, right: Json) -> Json:
    return left + right if isinstance(left, str) and isinstance(right, str) else UNDEFINED


_UNARY: Final = {"NOT": _not, "-": _negative, "+": _positive}
_BINARY: Final[dict[str, Callable[[Json, Json], Json]]] = {
    "=": _equals,
    "!=": _differs,
    "<": _compared(lambda left, right: left < right, same=False),
    "<=": _compared(lambda left, right: left <= right, same=True),
    ">": _compared(lambda left, right: left > right, same=False),
    ">=": _compared(lambda left, right: left >= right, same=True),
    "+": _arithmetic(lambda left, right: left + right),
    "-": _arithmetic(lambda left, right: left - right),
    "*": _arithmetic(lambda left, right: left * right),
    "/": _arithmetic(lambda left, right: left / right),
    "%": _arithmetic(_remainder),
    "||": _concatenated,
}
