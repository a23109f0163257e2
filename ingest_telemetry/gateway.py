"""The telemetry gateway: checks a monitor's message reading by reading and hands what it accepts to the hub."""

import hashlib
from collections import Counter
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import cache
from typing import Any, Final

from pydantic import ValidationError

from ingest_telemetry.columns import DEVICE_MOMENT, Columns, count_of
from ingest_telemetry.contract import EXTRA, SCHEMA_VERSION, Envelope, ReadingReceipt, Receipt, reading_model
from ingest_telemetry.messages import Message, clock_offset, event_of
from ingest_telemetry.together import sound_columns
from shared import clock
from shared.callers import Monitor
from shared.counters import Counters
from shared.data_map import READINGS, TEXT_LIMIT
from shared.errors import CATALOGUE, Problem
from shared.http import problem_of
from shared.hubs import Hub

_TEXTS: Final = {
    name: tuple(field for field, declared in kind.fields.items() if declared.type == "text")
    for name, kind in READINGS.items()
}
"""Per kind its fields of free text."""

_NAMES: Final = {
    name: (
        frozenset(name for name, field in kind.fields.items() if not field.in_extra) | {"kind", "observedAt", EXTRA},
        frozenset(name for name, field in kind.fields.items() if field.in_extra),
    )
    for name, kind in READINGS.items()
}
"""Per kind the declared names of a reading, and of its `extra` map."""


async def accept_message(
    monitor: Monitor,
    envelope: Envelope,
    written: bytes,
    *,
    hub: Hub,
    counters: Counters,
    now: datetime,
    monitor_time: str | None = None,
) -> Receipt:
    """Give every reading its receipt; those accepted are in the hub when this returns.

    `written` is the message as it was sent: a monitor sends the same bytes until it is acknowledged, and so their hash
    tells a repeat from another message.
    `monitor_time` is what the monitor says that its clock shows at this attempt, should it say so: the message itself,
    with its `sentAt`, stays the same however long it waits.

    Raises:
        Problem: schema_version_unsupported; monitor_time_invalid; hub_unavailable, and then nothing was acknowledged.
    """
    if envelope.schema_version != SCHEMA_VERSION:
        raise Problem("schema_version_unsupported", pointer="/schemaVersion")
    received_at = clock.moment(clock.text(now))  # as the worker reads it, so that both decide alike
    message_id = str(envelope.message_id)
    message = Message(
        ownership_id=monitor.ownership_id,
        policy=monitor.policy,
        message_id=message_id,
        schema_version=envelope.schema_version,
        sent_at=envelope.sent_at,
        received_at=received_at,
        readings=[],
        product=monitor.product,
        clock_offset=clock_offset(
            sent_at=envelope.sent_at, received_at=received_at, monitor_time=_monitor_time(monitor_time)
        ),
        stamped_hash=hashlib.sha256(written).hexdigest(),
    )
    sound = sound_columns(envelope.readings, message)
    receipts, others = _received(envelope.readings, sound, message, counters)
    statuses = Counter([receipt.status for receipt in receipts])
    if statuses["accepted"]:
        body, properties = event_of(replace(message, columns=sound, readings=others))
        await hub.send(body, key=monitor.ownership_id, properties=properties)
    dropped = _undeclared_of_all(envelope.readings)
    counters.add_all("gateway", Counter(receipt.code for receipt in receipts if receipt.code is not None))
    if dropped:
        counters.add("telemetry.field_dropped", dropped)
    return Receipt(
        message_id=envelope.message_id,
        received_at=received_at,
        accepted=statuses["accepted"],
        rejected=statuses["rejected"],
        undeclared_fields_dropped=dropped,
        receipts=receipts,
    )


def _monitor_time(written: str | None) -> datetime | None:
    if written is None:
        return None
    try:
        return DEVICE_MOMENT.validate_python(written)
    except ValidationError:
        raise Problem("monitor_time_invalid") from None  # the original repeats what was sent


def _received(
    readings: Sequence[Mapping[str, Any]], sound: Columns, message: Message, counters: Counters
) -> tuple[list[ReadingReceipt], list[Mapping[str, Any]]]:
    """A receipt for each reading, and what goes on beside the columns that are sound."""
    if count_of(sound) == len(readings):
        return [_accepted(index) for index in range(len(readings))], []
    checked = list(_checked(readings, sound, message, counters))
    return [receipt for receipt, _ in checked], [reading for _, reading in checked if reading is not None]


def _checked(
    readings: Sequence[Mapping[str, Any]], sound: Container[str], message: Message, counters: Counters
) -> Iterator[tuple[ReadingReceipt, Mapping[str, Any] | None]]:
    """Each reading's receipt, with the minimised reading when it is accepted and not of a kind that is sound."""
    seen: set[str] = set()
    for index, raw in enumerate(readings):
        kind = raw.get("kind")
        if isinstance(kind, str) and kind in sound:
            yield _accepted(index), None
            continue
        pointer = f"/readings/{index}"
        model = reading_model(raw.get("kind"))
        if model is None:
            yield _rejected(index, "reading_kind_unknown", f"{pointer}/kind"), None
            continue
        try:
            validated = model.model_validate(raw)
        except ValidationError as error:
            problem = problem_of(error, prefix=pointer)
            yield _rejected(index, problem.code, problem.pointer), None
            continue
        reading = _scrubbed(_flat(validated.model_dump(exclude_none=True)), counters)
        observed_at = clock.moment(reading["observedAt"])
        category = READINGS[reading["kind"]].category.value
        refusal = message.policy.refusal(category, observed_at + message.clock_offset, message.received_at)
        if refusal is not None:
            yield _rejected(index, refusal, pointer), None
        elif (identity := repr(sorted(reading.items()))) in seen:
            yield ReadingReceipt(index=index, status="duplicate"), None
        else:
            seen.add(identity)
            yield _accepted(index), reading


@cache  # of as many places as a message has
def _accepted(index: int) -> ReadingReceipt:
    return ReadingReceipt(index=index, status="accepted")


def _rejected(index: int, code: str, pointer: str | None) -> ReadingReceipt:
    return ReadingReceipt(
        index=index, status="rejected", code=code, pointer=pointer, retryable=CATALOGUE[code].retryable
    )


def _flat(reading: dict[str, Any]) -> dict[str, Any]:
    """The reading with what came in its `extra` map beside the rest, as it is stored."""
    extra = reading.pop(EXTRA, None)
    return reading | extra if extra else reading


def _scrubbed(reading: dict[str, Any], counters: Counters) -> dict[str, Any]:
    """The reading, its texts without what is personal."""
    from shared.scrubbing import scrubbed  # noqa: PLC0415 - no cold start waits for its patterns

    for name in _TEXTS[reading["kind"]]:
        if name in reading:
            text, taken_out = scrubbed(reading[name])
            if taken_out:
                reading[name] = text[:TEXT_LIMIT]
                counters.add("telemetry.text_scrubbed")
    return reading


def _undeclared_of_all(readings: Sequence[Mapping[str, Any]]) -> int:
    """How many fields of all readings are not declared; nearly always none, which all their names together show."""
    named = set().union(*readings)
    kinds = {raw.get("kind") if isinstance(raw.get("kind"), str) else None for raw in readings}
    if EXTRA not in named and all(kind in _NAMES and named <= _NAMES[kind][0] for kind in kinds):
        return 0
    return sum(_undeclared(reading) for reading in readings)


def _undeclared(raw: Mapping[str, Any]) -> int:
    """How many fields of a reading are not declared, in its `extra` map too."""
    kind = raw.get("kind")
    if not isinstance(kind, str) or kind not in READINGS:
        return 0
    beside, within = _NAMES[kind]
    count = len(raw) - len(beside.intersection(raw))
    extra = raw.get(EXTRA)
    return count + len(extra.keys() - within) if isinstance(extra, dict) else count
