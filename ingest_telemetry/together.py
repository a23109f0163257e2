"""Checking readings of a kind together: nearly all messages are sound, and a reading alone costs many times as much."""

from collections.abc import Mapping, Sequence
from functools import cache
from operator import itemgetter
from typing import Any, Final

from pydantic import BaseModel, TypeAdapter, ValidationError, create_model

from ingest_telemetry.columns import Column, stored_times
from ingest_telemetry.contract import EXTRA, reading_model
from ingest_telemetry.messages import Message
from shared import clock
from shared.data_map import READINGS

_WITH_TEXTS: Final = {
    name for name, kind in READINGS.items() if any(field.type == "text" for field in kind.fields.values())
}
"""Kinds that may hold something personal: their texts are scrubbed one by one."""


def sound_columns(readings: Sequence[Mapping[str, Any]], message: Message) -> dict[str, dict[str, Column]]:
    """The columns of those kinds of which every reading is sound, may be stored, and is there once.

    The others are for a check one by one, which tells what is wrong with which.
    """
    by_kind: dict[str, list[Mapping[str, Any]]] = {}
    for raw in readings:
        kind = raw.get("kind")
        if isinstance(kind, str) and kind in READINGS:
            by_kind.setdefault(kind, []).append(raw)
    checked = {kind: _sound(kind, of_kind, message) for kind, of_kind in by_kind.items()}
    return {kind: columns for kind, columns in checked.items() if columns is not None}


def _sound(kind: str, readings: list[Mapping[str, Any]], message: Message) -> dict[str, Column] | None:
    if kind in _WITH_TEXTS:
        return None
    try:
        times = stored_times([raw["observedAt"] for raw in readings])
        validated = _adapter(kind).validate_python(readings)
    except (KeyError, ValidationError):
        return None
    if len(set(times)) < len(times):  # one of them may be there twice
        return None
    first, last = (clock.moment(moment) + message.clock_offset for moment in (min(times), max(times)))
    if not message.policy.admits_all(READINGS[kind].category.value, first, last, message.received_at):
        return None
    rows = [one.__dict__ for one in validated]
    columns = {name: list(map(itemgetter(name), rows)) for name in rows[0] if name not in ("kind", "observedAt")}
    extras = columns.pop(EXTRA, [])
    if extras.count(None) < len(extras):
        of_extra = [name for name, field in READINGS[kind].fields.items() if field.in_extra]
        columns |= {name: [getattr(extra, name, None) for extra in extras] for name in of_extra}
    return {"observedAt": times} | {
        name: column for name, column in columns.items() if column.count(None) < len(column)
    }


@cache
def _adapter(kind: str) -> TypeAdapter[list[BaseModel]]:
    """As the kind's model, but for the time: a column of times is checked as a whole."""
    timeless: Any = create_model(kind, __base__=reading_model(kind), observedAt=(Any, ...))
    return TypeAdapter[list[BaseModel]](list[timeless])  # type: ignore[arg-type]  # a model made here has no static type
