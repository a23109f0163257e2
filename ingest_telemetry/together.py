"""Checking readings of a kind together: nearly all messages are sound, and a reading alone costs many times as much."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Final, NotRequired, TypedDict

from pydantic import TypeAdapter, ValidationError

from ingest_telemetry.columns import Column, column_of, is_empty, stored_times
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
        columns = _valid_columns(kind, readings)
    except (KeyError, ValidationError):
        return None
    if len(set(times)) < len(times):  # one of them may be there twice
        return None
    first, last = (clock.moment(moment) + message.clock_offset for moment in (min(times), max(times)))
    if not message.policy.admits_all(READINGS[kind].category.value, first, last, message.received_at):
        return None
    return {"observedAt": times} | {name: column for name, column in columns.items() if not is_empty(column)}


def _valid_columns(kind: str, readings: list[Mapping[str, Any]]) -> dict[str, Column]:
    """Every declared field that one of the readings has, each checked as a whole, but for the time.

    Raises:
        ValidationError: a reading is not sound.
    """
    named = set().union(*readings) & _column_types(kind).keys()
    written = {name: column_of(name, readings) for name in named}
    columns: dict[str, Column] = _adapter(kind).validate_python(written)
    extras = columns.pop(EXTRA, None)
    if extras is not None:
        of_extra = [name for name, field in READINGS[kind].fields.items() if field.in_extra]
        columns |= {name: [getattr(extra, name, None) for extra in extras] for name in of_extra}
    return columns


@cache
def _adapter(kind: str) -> TypeAdapter[dict[str, Column]]:
    """Of the kind's columns, each a list of what the field is in its model: a few lists, and not sixty objects."""
    made: Any = TypedDict  # a type that is made here has no static form
    return TypeAdapter(made(f"{kind}_columns", _column_types(kind)))


@cache
def _column_types(kind: str) -> dict[str, Any]:
    model: Any = reading_model(kind)
    fields = {name: field for name, field in model.model_fields.items() if name not in ("kind", "observedAt")}
    column: Any = list
    columns = {name: column[field.rebuild_annotation()] for name, field in fields.items()}
    return {
        name: columns[name] if field.is_required() else NotRequired[columns[name]] for name, field in fields.items()
    }
