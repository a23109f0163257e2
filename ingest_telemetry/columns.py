"""Readings as columns: per kind one list per field. That is how they travel and lie in the database.

Sixty objects are many times as long as seven lists, and cost as much more to read, to decide on and to store.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from itertools import compress
from operator import itemgetter
from typing import Any, Final

from pydantic import ConfigDict, TypeAdapter

from shared import clock
from shared.contract import DeviceMoment
from shared.data_map import READINGS

Column = Sequence[Any]
Columns = Mapping[str, Mapping[str, Column]]
"""By kind and field. Every kind has its `observedAt`, in the stored form of a time, and all its columns are as long."""

DEVICE_MOMENT: Final = TypeAdapter[datetime](DeviceMoment, config=ConfigDict(defer_build=True))

_STORED_FORM: Final = re.compile(r"(?:\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)*", re.ASCII)
_STORED_LENGTH: Final = len("2026-03-01T12:00:00.000Z")
_FIRST, _LAST = "1970", "2200"


def columns_of(readings: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, list[Any]]]:
    """Readings of declared kinds as columns; a field that none of them has is left out."""
    by_kind: dict[str, list[Mapping[str, Any]]] = {}
    for reading in readings:
        by_kind.setdefault(reading["kind"], []).append(reading)
    columns: dict[str, dict[str, list[Any]]] = {}
    for kind, rows in by_kind.items():
        named = set().union(*rows) & READINGS[kind].fields.keys()
        columns[kind] = {name: column_of(name, rows) for name in ("observedAt", *sorted(named))}
    return _without_empty(columns)


def column_of(name: str, rows: Sequence[Mapping[str, Any]]) -> list[Any]:
    """What the rows say of one field; None for those that do not."""
    try:
        return list(map(itemgetter(name), rows))
    except KeyError:
        return [row.get(name) for row in rows]


def checked_columns(written: Any) -> Columns:
    """Columns as they came through the hub, without what the data map lacks, every time in its stored form.

    Raises:
        KeyError, TypeError, ValueError: they are none.
    """
    if type(written) is not dict or not written:
        raise TypeError("no columns")
    return _without_empty({kind: _of_kind(kind, columns) for kind, columns in written.items()})


def _of_kind(kind: str, written: Any) -> dict[str, Column]:
    declared = READINGS[kind].fields
    length = len(written["observedAt"])
    if not length:
        raise ValueError("no readings")
    columns: dict[str, Column] = {"observedAt": stored_times(written["observedAt"])}
    for name, column in written.items():
        if type(column) is not list or len(column) != length:
            raise TypeError("no column")
        if name in declared:
            columns[name] = column
    return columns


def _without_empty[C: Column](columns: dict[str, dict[str, C]]) -> dict[str, dict[str, C]]:
    return {
        kind: {name: column for name, column in of_kind.items() if not is_empty(column)}
        for kind, of_kind in columns.items()
    }


def is_empty(column: Column) -> bool:
    """Whether no row has anything in it; nearly always the first one shows that."""
    return (not column or column[0] is None) and column.count(None) == len(column)


def stored_times(written: Column) -> Column:
    """A column of times in the stored form; it is the column itself when that has it already."""
    try:
        joined = "".join(written)
        if len(joined) == _STORED_LENGTH * len(written) and _STORED_FORM.fullmatch(joined):
            for moment in written:
                datetime.fromisoformat(moment)
            if min(written) >= _FIRST and max(written) < _LAST:
                return written
    except (TypeError, ValueError):
        pass
    return [clock.text(DEVICE_MOMENT.validate_python(moment)) for moment in written]


def count_of(columns: Columns) -> int:
    """How many readings they hold."""
    return sum(len(of_kind["observedAt"]) for of_kind in columns.values())


def admitted(
    of_kind: Mapping[str, Column], refusal: Callable[[datetime], str | None]
) -> tuple[Mapping[str, Column], dict[str, int]]:
    """The rows that are not refused at their times, and how many are, by reason."""
    reasons = [refusal(clock.moment(moment)) for moment in of_kind["observedAt"]]
    refused: dict[str, int] = {}
    for reason in reasons:
        if reason is not None:
            refused[reason] = refused.get(reason, 0) + 1
    kept = [reason is None for reason in reasons]
    [left] = _without_empty({"": {name: list(compress(column, kept)) for name, column in of_kind.items()}}).values()
    return left, refused
