"""A message as it travels through the hub and is stored: one canonical body, columnar items, corrected times."""

import base64
import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from ingest_telemetry import kept_events
from ingest_telemetry.contract import SCHEMA_VERSION, Envelope
from shared import clock, data_map
from shared.contract import DeviceMoment
from shared.data_map import READINGS, Category
from shared.policy import CLOCK_TOLERANCE, Policy

LONGEST_WAIT: Final = timedelta(days=31)
"""How long a message may have waited at the monitor. One that seems to be older shows a wrong clock instead."""

_OWNERSHIP_ID: Final = re.compile(r"[0-9A-Za-z_-]{1,64}")
PRODUCT_FIELDS: Final = ("model", "firmware", "region")
_PRODUCT_LIMIT: Final = 120
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_OFFSET_LIMIT_S: Final = 10_000_000_000
DEVICE_MOMENT: Final = TypeAdapter[datetime](DeviceMoment)

QUARANTINED_BODY_LIMIT: Final = 1024 * 1024
"""No event of the hub is larger: whatever is set aside can be tried again as it came."""


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
    clock_offset: timedelta = timedelta(0)
    """What to add to the monitor's times; zero while its clock is right."""
    product: Mapping[str, str] = field(default_factory=dict)
    """Model, firmware and region, from the monitor's token."""
    stamped_hash: str | None = None
    """Hash of the message before anything was refused of it, when that is known."""

    @property
    def body_hash(self) -> str:
        """What tells a repeat from another message, whatever a policy admits of either."""
        return self.stamped_hash or hash_of(self.message_id, self.sent_at, self.readings)


def hash_of(message_id: str, sent_at: datetime, readings: Sequence[Mapping[str, Any]]) -> str:
    """SHA-256 of a whole message in its canonical form."""
    whole = {"messageId": message_id, "sentAt": clock.text(sent_at), "readings": readings}
    return hashlib.sha256(_canonical(whole)).hexdigest()


def clock_offset(*, sent_at: datetime, received_at: datetime, monitor_time: datetime | None) -> timedelta:
    """How far the monitor's clock is behind; zero within the tolerance.

    What the monitor says of its present time decides. Without it there is only the time at which the message was first
    sent, and that stays the same until it is acknowledged: a message from the future shows a wrong clock, and so does
    one that is older than any message waits; another one has waited, and its times are right.
    """
    if monitor_time is not None:
        offset = received_at - monitor_time
        return offset if abs(offset) > CLOCK_TOLERANCE else timedelta(0)
    behind = received_at - sent_at
    return timedelta(0) if -CLOCK_TOLERANCE <= behind <= LONGEST_WAIT else behind


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
        "clockOffsetS": str(message.clock_offset.total_seconds()),
        "product": json.dumps(dict(message.product), separators=(",", ":")),
        "messageHash": message.body_hash,
    }
    return _canonical(body), properties


def attributed_to(event: HubEvent) -> str | None:
    """The ownership that the gateway stamped on an event, when it can be one."""
    ownership_id = event.properties.get("ownershipId")
    return ownership_id if isinstance(ownership_id, str) and _OWNERSHIP_ID.fullmatch(ownership_id) else None


def message_of(event: HubEvent) -> Message:
    """Read a hub event.

    Raises:
        Malformed: it is not what the gateway sends.
    """
    ownership_id = attributed_to(event)
    if ownership_id is None:
        raise Malformed("unattributable")
    try:
        policy = Policy.from_claims(json.loads(event.properties["policy"]))
        received_at = DEVICE_MOMENT.validate_python(event.properties["receivedAt"])
        stamped_offset = _stamped_offset(event)
        product = _product(event)
    except (ArithmeticError, AttributeError, KeyError, RecursionError, TypeError, ValueError) as error:
        raise Malformed("properties_unreadable") from error
    try:
        body = Envelope.model_validate_json(event.body)
        if body.schema_version != SCHEMA_VERSION:
            raise Malformed("schema_version_unknown", ownership_id)
        readings = [_reading(reading) for reading in body.readings]
    except ValidationError as error:
        is_json = all(fault["type"] != "json_invalid" for fault in error.errors(include_input=False))
        unknown = is_json and _is_of_an_unknown_version(event.body)
        raise Malformed(
            "schema_version_unknown" if unknown else "schema_unreadable" if is_json else "body_unreadable", ownership_id
        ) from error
    except (KeyError, TypeError) as error:
        raise Malformed("schema_unreadable", ownership_id) from error
    stamped_hash = event.properties.get("messageHash")
    return Message(
        ownership_id=ownership_id,
        policy=policy,
        message_id=str(body.message_id),
        schema_version=body.schema_version,
        sent_at=body.sent_at,
        received_at=received_at,
        readings=readings,
        product=product,
        clock_offset=clock_offset(sent_at=body.sent_at, received_at=received_at, monitor_time=None)
        if stamped_offset is None
        else stamped_offset,
        stamped_hash=stamped_hash if isinstance(stamped_hash, str) and _SHA256.fullmatch(stamped_hash) else None,
    )


def _is_of_an_unknown_version(body: bytes) -> bool:
    """Whether it says a version of its own: another version may be another envelope."""
    written = json.loads(body)
    version = written.get("schemaVersion") if isinstance(written, dict) else None
    return type(version) is int and version != SCHEMA_VERSION


def _stamped_offset(event: HubEvent) -> timedelta | None:
    written = event.properties.get("clockOffsetS")
    if written is None:
        return None
    seconds = float(written)
    if not abs(seconds) <= _OFFSET_LIMIT_S:  # NaN as well
        raise ValueError("no clock is off by that much")
    return timedelta(seconds=seconds)


def _product(event: HubEvent) -> dict[str, str]:
    product = json.loads(event.properties.get("product", "{}"))
    return {name: str(product[name])[:_PRODUCT_LIMIT] for name in PRODUCT_FIELDS if name in product}


def _reading(written: Mapping[str, Any]) -> dict[str, Any]:
    """A reading of a declared kind, with its time in the one form that is stored."""
    READINGS[written["kind"]]
    return {**written, "observedAt": clock.text(DEVICE_MOMENT.validate_python(written["observedAt"]))}


@dataclass(frozen=True, slots=True)
class Admitted:
    """What the gate lets through of one message."""

    items: list[dict[str, Any]]
    refused: dict[str, int]
    """How many readings were refused, by reason; they are not kept."""


def admit(message: Message, policy: Policy, *, now: datetime) -> Admitted:
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
    items = [_item(message, policy, category, rows, now) for category, rows in by_category.items()]
    return Admitted(items, refused)


def _item(
    message: Message, policy: Policy, category: str, rows: Sequence[tuple[datetime, Mapping[str, Any]]], now: datetime
) -> dict[str, Any]:
    record = f"{category}Readings"
    observed = [moment for moment, _ in rows]
    columns = _columns(reading for _, reading in rows)
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
        "bodyHash": message.body_hash,
        "epoch": policy.epoch,
        **({"storeOnly": True} if category in policy.store_only else {}),
        **(_found_by_statistics(message, observed) if category == Category.USAGE.value else {}),
        **_expiry(message.received_at + data_map.retention("telemetry", record), now),
    }


def _found_by_statistics(message: Message, observed: Iterable[datetime]) -> dict[str, Any]:
    return {
        "days": sorted({moment.date().isoformat() for moment in observed}),
        "product": dict(message.product),
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


def quarantine_item(event: HubEvent, reason: str, ownership_id: str | None, *, now: datetime) -> dict[str, Any]:
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
        **_expiry(event.enqueued_at + data_map.retention(container, record), now),
    }


def _expiry(expires_at: datetime, now: datetime) -> dict[str, Any]:
    """The store counts from when the item is written, which may be long after it was received."""
    return {"expiresAt": clock.text(expires_at), "ttl": max(1, int((expires_at - now).total_seconds()))}


def _canonical(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
