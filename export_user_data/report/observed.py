"""What the page plots of a monitor's readings: which kinds and fields, taken from the columns as they are stored."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Self

from export_user_data.report.series import Series
from shared import clock
from shared.readings import corrected

Columns = Mapping[str, Sequence[Any]]
"""Of one kind: one list per field."""

_DAY: Final = len("2026-03-01")

UNSAID: Final = "unsaid"
"""The word of a reading that says none."""

BY_WORD: Final = {"call": ("calls", "outcome"), "door_opening": ("doors", "openedFrom")}
"""Kinds of which each reading counts once, under the word of a field."""

BY_NUMBER: Final = {
    "system_failure": ("count", "failures", 1),
    "component_health": ("restartCount", "restarts", 0),
    "network_health": ("reconnectCount", "reconnections", 0),
}
"""Kinds of which a field is a number of things that happened: what they are, and how many when it is not said."""

FAULTS: Final = "faults"

SAMPLED: Final = {
    "temperatureC": "temperature",
    "memoryUsedMb": "memory",
    "cpuPercent": "processor",
    "wifiRssiDbm": "wifi",
}
_SAMPLED_OF: Final = {"system_health": tuple(SAMPLED), "network_health": ("wifiRssiDbm",)}

_FEATURES: Final = "feature_use"

_NEEDED: Final[dict[str, tuple[str, ...]]] = {
    kind: (
        "observedAt",
        *BY_WORD.get(kind, ())[1:],
        *BY_NUMBER.get(kind, ())[:1],
        *_SAMPLED_OF.get(kind, ()),
        *(("feature", "count") if kind == _FEATURES else ()),
    )
    for kind in {*BY_WORD, *BY_NUMBER, *_SAMPLED_OF, _FEATURES}
}
"""The fields of a kind that are looked at; other kinds are not."""


@dataclass(slots=True)
class Observed:
    """What one monitor reported."""

    readings: Counter[str] = field(default_factory=Counter)
    """How many, by category."""
    topics: dict[str, Series] = field(default_factory=dict)
    features: Counter[str] = field(default_factory=Counter)
    """How often each function was used."""

    def add(self, item: Mapping[str, Any]) -> None:
        """Take the readings of a stored item into account; of a day in one go, since nearly every item is of one."""
        self.readings[item["category"]] += item["count"]
        day = item["observedFrom"][:_DAY]
        if day == item["observedTo"][:_DAY]:
            for kind, columns in item["columns"].items():
                self._of_day(day, kind, columns)
            return
        for kind, columns in item["columns"].items():
            for of_day, part in _by_day(item, kind, columns):
                self._of_day(of_day, kind, part)

    def _of_day(self, day: str, kind: str, columns: Columns) -> None:
        if kind in BY_WORD:
            topic, name = BY_WORD[kind]
            for word, number in Counter(_column(columns, name)).items():
                self._series(topic).count(day, word or UNSAID, number)
        if kind in BY_NUMBER:
            name, what, otherwise = BY_NUMBER[kind]
            column = _column(columns, name)
            if happened := sum(filter(None, column)) + otherwise * column.count(None):
                self._series(FAULTS).count(day, what, happened)
        for name in _SAMPLED_OF.get(kind, ()):
            column = columns.get(name, ())
            values = [value for value in column if value is not None] if None in column else column
            if values:
                cell = [len(values), sum(values), min(values), max(values)]
                self._series(SAMPLED[name]).sample(day, name, cell)
        if kind == _FEATURES:
            for feature, number in zip(columns["feature"], _column(columns, "count"), strict=True):
                self.features[feature] += number or 1

    def _series(self, topic: str) -> Series:
        if topic not in self.topics:
            self.topics[topic] = Series()
        return self.topics[topic]

    def state(self) -> dict[str, Any]:
        """What JSON can hold, and `of` takes."""
        return {
            "readings": dict(self.readings),
            "topics": {topic: series.state() for topic, series in self.topics.items()},
            "features": dict(self.features),
        }

    @classmethod
    def of(cls, state: Mapping[str, Any]) -> Self:
        """What had this state."""
        topics = {topic: Series.of(series) for topic, series in state["topics"].items()}
        return cls(Counter(state["readings"]), topics, Counter(state["features"]))


def _column(columns: Columns, name: str) -> Sequence[Any]:
    return columns.get(name) or [None] * len(columns["observedAt"])


def _by_day(item: Mapping[str, Any], kind: str, columns: Columns) -> Iterator[tuple[str, Columns]]:
    """The rows of each day, by this service's clock."""
    names = columns.keys() & _NEEDED.get(kind, ())
    places: dict[str, list[int]] = {}
    for place, written in enumerate(columns["observedAt"] if names else ()):
        at = clock.text(corrected(item, written)) if item["clockOffsetS"] else written
        places.setdefault(at[:_DAY], []).append(place)
    for day, of_day in places.items():
        yield day, {name: [columns[name][place] for place in of_day] for name in names}
