"""What is stored of a message: its readings as the gate lets them through, or the event itself, set aside."""

import base64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from ingest_telemetry import kept_events
from ingest_telemetry.columns import Column, Columns, admitted, count_of
from ingest_telemetry.messages import HubEvent, Message
from shared import clock, data_map
from shared.data_map import READINGS, Category
from shared.kept_items import lifetime
from shared.policy import KeptBy, Policy

QUARANTINED_BODY_LIMIT: Final = 1024 * 1024
"""No event of the hub is larger: whatever is set aside can be tried again as it came."""


@dataclass(frozen=True, slots=True)
class Admitted:
    """What the gate lets through of one message."""

    items: list[dict[str, Any]]
    refused: dict[str, int]
    """How many readings were refused, by reason; they are not kept."""


def admit(message: Message, policy: Policy, *, now: datetime) -> Admitted:
    """Decide every reading under a policy and make one item per category of what may be stored."""
    by_category: dict[str, dict[str, Mapping[str, Column]]] = {}
    refused: dict[str, int] = {}
    for kind, columns in message.columns.items():
        category = READINGS[kind].category.value
        kept, reasons = _admitted(message, policy, category, columns)
        if kept:
            by_category.setdefault(category, {})[kind] = kept
        for reason, count in reasons.items():
            refused[reason] = refused.get(reason, 0) + count
    items = [_item(message, policy, category, columns, now) for category, columns in by_category.items()]
    return Admitted(items, refused)


def _admitted(
    message: Message, policy: Policy, category: str, columns: Mapping[str, Column]
) -> tuple[Mapping[str, Column], Mapping[str, int]]:
    """The rows of a kind that may be stored; a column within one window goes through as it is."""
    times, offset, received_at = columns["observedAt"], message.clock_offset, message.received_at
    first, last = (clock.moment(moment) + offset for moment in (min(times), max(times)))
    if policy.admits_all(category, first, last, received_at):
        return columns, {}

    def refusal(moment: datetime) -> str | None:
        return policy.refusal(category, moment + offset, received_at)

    return admitted(columns, refusal)


def _item(message: Message, policy: Policy, category: str, columns: Columns, now: datetime) -> dict[str, Any]:
    record = f"{category}Readings"
    times = [of_kind["observedAt"] for of_kind in columns.values()]
    offset = message.clock_offset
    return {
        "id": f"{message.message_id}:{category}",
        "type": record,
        "ownershipId": message.ownership_id,
        "category": category,
        "messageId": message.message_id,
        "schemaVersion": message.schema_version,
        "sentAt": clock.text(message.sent_at),
        "receivedAt": clock.text(message.received_at),
        "clockOffsetS": offset.total_seconds(),
        "timeQuality": "corrected" if offset else "device",
        "observedFrom": _corrected(min(map(min, times)), offset),
        "observedTo": _corrected(max(map(max, times)), offset),
        "count": count_of(columns),
        "columns": columns,
        "bodyHash": message.body_hash,
        "epoch": policy.epoch,
        **({"storeOnly": True} if category in policy.store_only else {}),
        **(_found_by_statistics(message, times) if category == Category.USAGE.value else {}),
        **lifetime(
            record,
            message.received_at + data_map.retention("telemetry", record),
            now=now,
            kept_by=policy.kept_by(category),
        ),
    }


def _corrected(written: str, offset: timedelta) -> str:
    return clock.text(clock.moment(written) + offset) if offset else written


def _found_by_statistics(message: Message, times: Iterable[Column]) -> dict[str, Any]:
    days = {_corrected(moment, message.clock_offset)[: len("2026-03-01")] for column in times for moment in column}
    return {"days": sorted(days), "product": dict(message.product)}


def quarantine_item(
    event: HubEvent, reason: str, ownership_id: str | None, *, now: datetime, kept_by: KeptBy | None = None
) -> dict[str, Any]:
    """The event as received, with the reason; in the ownership's own partition when it can be attributed."""
    record, container = ("attributableMalformed", "telemetry") if ownership_id else ("malformed", "quarantine")
    event_id = kept_events.id_of(event.body, event.properties, event.partition, event.sequence_number)
    place = {"ownershipId": ownership_id} if ownership_id else {"hubPartition": kept_events.partition_of(event_id)}
    properties, properties_whole = kept_events.properties_of(event.properties)
    return {
        "id": event_id,
        "type": record,
        **place,
        "reason": reason,
        "enqueuedAt": clock.text(event.enqueued_at),
        "body": base64.b64encode(event.body[:QUARANTINED_BODY_LIMIT]).decode(),
        "properties": properties,
        "sizeBytes": len(event.body),
        "truncated": len(event.body) > QUARANTINED_BODY_LIMIT or not properties_whole,
        **lifetime(record, event.enqueued_at + data_map.retention(container, record), now=now, kept_by=kept_by),
    }


def set_aside(event: HubEvent, reason: str, ownership_id: str, policy: Policy, now: datetime) -> dict[str, Any]:
    """The event of an ownership; what keeps all else of it keeps this as well."""
    kept_by = policy.kept_by(Category.SERVICE.value)
    return quarantine_item(event, reason, ownership_id, now=now, kept_by=kept_by)
