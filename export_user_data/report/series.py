"""Figures over time in a bounded number of buckets: days, and as their span grows weeks, months, then years."""

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import Any, Final, Literal, Self

Grain = Literal["day", "week", "month", "year"]

GRAINS: Final[tuple[Grain, ...]] = ("day", "week", "month", "year")
SPAN_LIMIT: Final = 60
"""Buckets from the first to the last, both included; years alone may be more."""

Cell = list[float]
"""A count, alone; or of samples how many there are, their sum, the lowest and the highest."""

_MONTHS: Final = 12


class Series:
    """Cells by the begin of their bucket and a name. What it holds does not depend on the order in which it came."""

    def __init__(self, grain: Grain = "day") -> None:
        """Begin with nothing."""
        self.grain: Grain = grain
        self.buckets: dict[str, dict[str, Cell]] = {}
        self.first, self.last = "9999-12-31", ""
        """The first and the last day of all."""
        self._starts: dict[str, str] = {}

    def count(self, day: str, name: str, number: float) -> None:
        """Add a number of things that happened on a day."""
        bucket = self._bucket(day)
        if name in bucket:
            bucket[name][0] += number
        else:
            bucket[name] = [number]

    def sample(self, day: str, name: str, cell: Cell) -> None:
        """Add samples that were taken on a day."""
        bucket = self._bucket(day)
        bucket[name] = _joined(bucket[name], cell) if name in bucket else cell

    def _bucket(self, day: str) -> dict[str, Cell]:
        start = self._starts.get(day)
        if start is None:
            self.first, self.last = min(self.first, day), max(self.last, day)
            start = self._starts[day] = start_of(day, self.grain)
            self.buckets.setdefault(start, {})
            self._widen()
            start = self._starts.setdefault(day, start_of(day, self.grain))
        return self.buckets[start]

    def _widen(self) -> None:
        while self.grain != GRAINS[-1] and span(min(self.buckets), max(self.buckets), self.grain) > SPAN_LIMIT:
            self.grain = GRAINS[GRAINS.index(self.grain) + 1]
            finer, self.buckets = self.buckets, {}
            self._starts = {}
            for start, cells in finer.items():
                bucket = self.buckets.setdefault(start_of(start, self.grain), {})
                for name, cell in cells.items():
                    bucket[name] = _joined(bucket[name], cell) if name in bucket else cell

    def starts(self) -> list[str]:
        """The begin of every bucket from the first to the last, those without anything included."""
        if not self.buckets:
            return []
        found, last = [min(self.buckets)], max(self.buckets)
        while found[-1] < last:
            found.append(_next(found[-1], self.grain))
        return found

    def total(self, name: str) -> float:
        """All that was counted of a name."""
        return sum(cells[name][0] for cells in self.buckets.values() if name in cells)

    def state(self) -> dict[str, Any]:
        """What JSON can hold, and `of` takes."""
        rounded = {
            start: {name: [round(number, 3) for number in cell] for name, cell in cells.items()}
            for start, cells in self.buckets.items()
        }
        return {"grain": self.grain, "first": self.first, "last": self.last, "buckets": rounded}

    @classmethod
    def of(cls, state: Mapping[str, Any]) -> Self:
        """The series that had this state."""
        series = cls(state["grain"])
        series.first, series.last = state["first"], state["last"]
        series.buckets = {start: dict(cells) for start, cells in state["buckets"].items()}
        return series


def _joined(one: Cell, other: Cell) -> Cell:
    if len(one) == 1:
        return [one[0] + other[0]]
    return [one[0] + other[0], one[1] + other[1], min(one[2], other[2]), max(one[3], other[3])]


def _week(day: str) -> str:
    moment = date.fromisoformat(day)
    return (moment - timedelta(days=moment.weekday())).isoformat()


_START: Final[Mapping[Grain, Callable[[str], str]]] = {
    "day": lambda day: day,
    "week": _week,
    "month": lambda day: f"{day[:7]}-01",
    "year": lambda day: f"{day[:4]}-01-01",
}


def start_of(day: str, grain: Grain) -> str:
    """The first day of the bucket that a day is in."""
    return _START[grain](day)


def span(first: str, last: str, grain: Grain) -> int:
    """How many buckets there are from one to another, both included."""
    begin, end = date.fromisoformat(first), date.fromisoformat(last)
    if grain in {"day", "week"}:
        return (end - begin).days // (7 if grain == "week" else 1) + 1
    return (end.year - begin.year) * _MONTHS + end.month - begin.month + 1


def _next(start: str, grain: Grain) -> str:
    begin = date.fromisoformat(start)
    if grain in {"day", "week"}:
        return (begin + timedelta(days=7 if grain == "week" else 1)).isoformat()
    beyond = begin + timedelta(days=31 if grain == "month" else 366)
    return start_of(beyond.isoformat(), grain)
