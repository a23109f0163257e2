"""Checking readings of a kind together: nearly all messages are sound, and a reading alone costs many times as much."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from pydantic import BaseModel, TypeAdapter, ValidationError, create_model

from ingest_telemetry.columns import stored_times
from ingest_telemetry.contract import reading_model
from ingest_telemetry.messages import Message
from shared import clock
from shared.data_map import READINGS


def sound_readings(readings: Sequence[Mapping[str, Any]], message: Message) -> dict[int, dict[str, Any]]:
    """By their places, the minimised readings of those kinds of which every reading is sound and may be stored.

    The others are for a check one by one, which tells what is wrong with which.
    """
    by_kind: dict[str, list[int]] = {}
    for index, raw in enumerate(readings):
        kind = raw.get("kind")
        if isinstance(kind, str) and kind in READINGS:
            by_kind.setdefault(kind, []).append(index)
    sound: dict[int, dict[str, Any]] = {}
    for kind, indices in by_kind.items():
        minimised = _sound(kind, [readings[index] for index in indices], message)
        if minimised is not None:
            sound.update(zip(indices, minimised, strict=True))
    return sound


def _sound(kind: str, readings: list[Mapping[str, Any]], message: Message) -> list[dict[str, Any]] | None:
    try:
        times = stored_times([raw["observedAt"] for raw in readings])
        validated = _adapter(kind).validate_python(readings)
    except (KeyError, ValidationError):
        return None
    first, last = (clock.moment(moment) + message.clock_offset for moment in (min(times), max(times)))
    if not message.policy.admits_all(READINGS[kind].category.value, first, last, message.received_at):
        return None
    return [
        {name: value for name, value in one.__dict__.items() if value is not None} | {"observedAt": observed_at}
        for one, observed_at in zip(validated, times, strict=True)
    ]


@cache
def _adapter(kind: str) -> TypeAdapter[list[BaseModel]]:
    """As the kind's model, but for the time: a column of times is checked as a whole."""
    timeless: Any = create_model(kind, __base__=reading_model(kind), observedAt=(Any, ...))
    return TypeAdapter[list[BaseModel]](list[timeless])  # type: ignore[arg-type]  # a model made here has no static type
