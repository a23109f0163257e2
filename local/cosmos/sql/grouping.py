"""Aggregates, and the groups they are taken over."""

from collections.abc import Callable
from typing import Final, Protocol

from local.cosmos import values
from local.cosmos.sql import syntax
from local.cosmos.sql.evaluation import Context, Evaluate, Frame
from local.cosmos.sql.functions import number
from local.cosmos.values import UNDEFINED, Json


class Accumulator(Protocol):
    """One aggregate in the making; undefined values are left out before."""

    def add(self, value: Json) -> None:
        """Take one more value."""

    @property
    def result(self) -> Json:
        """The aggregate of what was taken."""


class _Count:
    def __init__(self) -> None:
        self.result: Json = 0

    def add(self, _: Json) -> None:
        self.result += 1


class _Sum:
    """A sum is undefined as soon as one value is no number."""

    def __init__(self) -> None:
        self._total: Json = 0
        self._count = 0

    def add(self, value: Json) -> None:
        self._count += 1
        defined = self._total is not UNDEFINED and values.is_number(value)
        self._total = self._total + value if defined else UNDEFINED

    @property
    def result(self) -> Json:
        return UNDEFINED if self._total is UNDEFINED else number(self._total)


class _Average(_Sum):
    @property
    def result(self) -> Json:
        if self._total is UNDEFINED or not self._count:
            return UNDEFINED
        return number(self._total / self._count)


class _Extreme:
    """MIN or MAX over scalars of any types, in the order of types; an array or object makes it undefined."""

    def __init__(self, *, greatest: bool) -> None:
        self._greatest = greatest
        self._best: Json = UNDEFINED
        self._scalars = True

    def add(self, value: Json) -> None:
        self._scalars = self._scalars and not isinstance(value, dict | list)
        if self._best is UNDEFINED or self._beats(value):
            self._best = value

    def _beats(self, value: Json) -> bool:
        new, best = values.order_key(value), values.order_key(self._best)
        return new > best if self._greatest else new < best

    @property
    def result(self) -> Json:
        return self._best if self._scalars else UNDEFINED


_ACCUMULATORS: Final[dict[str, Callable[[], Accumulator]]] = {
    "COUNT": _Count,
    "SUM": _Sum,
    "AVG": _Average,
    "MIN": lambda: _Extreme(greatest=False),
    "MAX": lambda: _Extreme(greatest=True),
}


class Groups:
    """Rows gathered by the values of GROUP BY; without any, all rows are one group, even if there are none."""

    def __init__(self, by: list[Evaluate], aggregates: dict[syntax.Aggregate, Evaluate], empty: Frame) -> None:
        self._by = by
        self._aggregates = aggregates
        self._groups: dict[str, tuple[Frame, dict[syntax.Aggregate, Accumulator]]] = {}
        if not by:
            self._groups[values.fingerprint([])] = (empty, self._accumulators())

    def _accumulators(self) -> dict[syntax.Aggregate, Accumulator]:
        return {node: _ACCUMULATORS[node.name]() for node in self._aggregates}

    def add(self, frame: Frame) -> None:
        """Take one row."""
        key = values.fingerprint([evaluate(frame) for evaluate in self._by])
        group = self._groups.get(key)
        if group is None:
            group = self._groups[key] = (frame, self._accumulators())
        for node, evaluate in self._aggregates.items():
            value = evaluate(frame)
            if value is not UNDEFINED:
                group[1][node].add(value)

    def rows(self) -> list[tuple[str, Frame]]:
        """For each group a short text of its own, and a frame in which aggregates have their results."""
        return [(key, _with_results(*group)) for key, group in self._groups.items()]


def _with_results(frame: Frame, accumulators: dict[syntax.Aggregate, Accumulator]) -> Frame:
    context: Context = frame[0]
    results = {node: accumulator.result for node, accumulator in accumulators.items()}
    return (Context(context.parameters, context.now, results), *frame[1:])
