"""A message as it travels through the hub and is stored: one canonical body, columnar items, corrected times."""

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from shared import clock, data_map
from shared.data_map import READINGS
from shared.gate import Policy

CLOCK_TOLERANCE: Final = timedelta(minutes=5)
"""A monitor's clock that is off by more than this is corrected by the offset that its message shows."""

QUARANTINED_BODY_LIMIT: Final = 64 * 1024


class Malformed(Exception):
    """An event that cannot be read; `reason` is a stable code. `ownership_id` is set when it can be attributed."""

    def __init__(self, reason: str, ownership_id: str | None = None) -> None:
        """Name the reason."""
        super().__init__(reason)
        self.reason = reason
        self.ownership_id = ownership_id


@dataclass(frozen=True, slots=True, kw_only=True)
class HubEvent:
    """One event as the hub delivers it."""

    body: bytes
    properties: Mapping[str, Any]
    partition: str
    sequence_number: int
    enqueued_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One admitted message of a monitor: accepted readings of one ownership."""

    ownership_id: str
    policy: Policy
    message_id: str
    schema_version: int
    sent_at: datetime
    received_at: datetime
    readings: Sequence[Mapping[str, Any]]

    @property
    def clock_offset(self) -> timedelta:
        """What to add to the monitor's times; zero while its clock is right."""
        offset = self.received_at - self.sent_at
        return offset if abs(offset) > CLOCK_TOLERANCE else timedelta(0)


def event_of(message: Message) -> tuple[bytes, dict[str, str]]:
    """Body and properties of the hub event; the properties are verified by the gateway, the body is the monitor's."""
    body = {
        "schemaVersion": message.schema_version,
        "messageId": message.message_id,
        "sentAt": clock.text(message.sent_at),
        "readings": message.readings,
    }
    properties = {
        "ownershipId": message.ownership_id,
        "policy": json.dumps(message.policy.claims(), separators=(",", ":")),
        "receivedAt": clock.text(message.received_at),
    }
    return _canonical(body), properties


def message_of(event: HubEvent) -> Message:
    """Read a hub event.

    Raises:
        Malformed: it is not what the gateway sends.
    """
    ownership_id = event.properties.get("ownershipId")
    if not isinstance(ownership_id, str) or not ownership_id:
        raise Malformed("unattributable")
    try:
        policy = Policy.from_claims(json.loads(event.properties["policy"]))
        received_at = clock.moment(event.properties["receivedAt"])
    except (KeyError, TypeError, ValueError) as error:
        raise Malformed("properties_unreadable") from error
    try:
        body = json.loads(event.body)
    except ValueError as error:  # neither UTF-8 nor JSON
        raise Malformed("body_unreadable", ownership_id) from error
    try:
        message = Message(
            ownership_id=ownership_id,
            policy=policy,
            message_id=str(body["messageId"]),
            schema_version=int(body["schemaVersion"]),
            sent_at=clock.moment(body["sentAt"]),
            received_at=received_at,
            readings=[dict(reading) for reading in body["readings"]],
        )
        for reading in message.readings:
            clock.moment(reading["observedAt"])
            READINGS[reading["kind"]]
    except (KeyError, TypeError, ValueError) as error:
        raise Malformed("schema_unreadable", ownership_id) from error
    return message


@dataclass(frozen=True, slots=True)
class Admitted:
    """What the gate lets through of one message."""

    items: list[dict[str, Any]]
    refused: dict[str, int]
    """How many readings were refused, by reason; they are not kept."""


def admit(message: Message, policy: Policy) -> Admitted:
    """Decide every reading under a policy and make one item per category of what may be stored."""
    offset = message.clock_offset
    by_category: dict[str, list[tuple[datetime, Mapping[str, Any]]]] = {}
    refused: dict[str, int] = {}
    for reading in message.readings:
        category = READINGS[reading["kind"]].category.value
        observed_at = clock.moment(reading["observedAt"]) + offset
        reason = policy.refusal(category, observed_at, message.received_at)
        if reason is None:
            by_category.setdefault(category, []).append((observed_at, reading))
        else:
            refused[reason] = refused.get(reason, 0) + 1
    items = [_item(message, policy, category, rows) for category, rows in by_category.items()]
    return Admitted(items, refused)


def _item(
    message: Message, policy: Policy, category: str, rows: Sequence[tuple[datetime, Mapping[str, Any]]]
) -> dict[str, Any]:
    record = f"{category}Readings"
    observed = [moment for moment, _ in rows]
    columns = _columns(reading for _, reading in rows)
    retention = data_map.retention("telemetry", record)
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
        "observedFrom": clock.text(min(observed)),
        "observedTo": clock.text(max(observed)),
        "count": len(rows),
        "columns": columns,
        "bodyHash": hashlib.sha256(_canonical(columns)).hexdigest(),
        "epoch": policy.epoch,
        "expiresAt": clock.text(message.received_at + retention),
        "ttl": int(retention.total_seconds()),
    }


def _columns(readings: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, list[Any]]]:
    """Readings as one list per kind and field: a fraction of the size, and of the request units, of as many objects."""
    by_kind: dict[str, list[Mapping[str, Any]]] = {}
    for reading in readings:
        by_kind.setdefault(reading["kind"], []).append(reading)
    return {
        kind: {
            name: [row.get(name) for row in rows]
            for name in ("observedAt", *READINGS[kind].fields)
            if any(row.get(name) is not None for row in rows)
        }
        for kind, rows in by_kind.items()
    }


def quarantine_item(event: HubEvent, reason: str, ownership_id: str | None) -> dict[str, Any]:
    """The event as received, with the reason; in the ownership's own partition when it can be attributed."""
    record, container = ("attributableMalformed", "telemetry") if ownership_id else ("malformed", "quarantine")
    retention = data_map.retention(container, record)
    place = {"ownershipId": ownership_id} if ownership_id else {"hubPartition": f"telemetry/{event.partition}"}
    return {
        "id": f"malformed:{event.partition}:{event.sequence_number}",
        "type": record,
        **place,
        "reason": reason,
        "enqueuedAt": clock.text(event.enqueued_at),
        "body": base64.b64encode(event.body[:QUARANTINED_BODY_LIMIT]).decode(),
        "truncated": len(event.body) > QUARANTINED_BODY_LIMIT,
        "expiresAt": clock.text(event.enqueued_at + retention),
        "ttl": int(retention.total_seconds()),
    }


def _canonical(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
