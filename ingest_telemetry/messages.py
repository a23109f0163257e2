"""A message as it travels through the hub and is stored: one canonical body, columnar items, corrected times."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Final

from pydantic_core import from_json, to_json

from ingest_telemetry.columns import (
    Columns,
    checked_columns,
    columns_of,
    count_of,
    stored_times,
)
from ingest_telemetry.contract import READINGS_LIMIT, SCHEMA_VERSION, Envelope
from shared import clock
from shared.data_map import READINGS
from shared.policy import CLOCK_TOLERANCE, Policy

LONGEST_WAIT: Final = timedelta(days=31)
"""How long a message may have waited at the monitor. One that seems to be older shows a wrong clock instead."""

_OWNERSHIP_ID: Final = re.compile(r"[0-9A-Za-z_-]{1,64}")
PRODUCT_FIELDS: Final = ("model", "firmware", "region")
_PRODUCT_LIMIT: Final = 120
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_MESSAGE_ID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_OFFSET_LIMIT_S: Final = 10_000_000_000
_BODY_FIELDS: Final = {"schemaVersion", "messageId", "sentAt", "columns"}
_KEPT_PROPERTIES: Final = 1024
_KEPT_LENGTH: Final = 1024
"""Of so many properties at most, and of none that is longer, a worker remembers what they say."""


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
    readings: Sequence[Mapping[str, Any]] = ()
    """One by one, before they travel."""
    columns: Columns = field(default_factory=dict)
    """Those of the other kinds, and all of them once they have come through the hub."""
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
    """SHA-256 of a whole message. A monitor sends the same bytes until it is acknowledged, so order is part of it."""
    whole = {"messageId": message_id, "sentAt": clock.text(sent_at), "readings": readings}
    return hashlib.sha256(to_json(whole)).hexdigest()


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
        "columns": {**message.columns, **columns_of(message.readings)},
    }
    properties = {
        "ownershipId": message.ownership_id,
        "policy": to_json(message.policy.claims()).decode(),
        "receivedAt": clock.text(message.received_at),
        "clockOffsetS": str(message.clock_offset.total_seconds()),
        "product": to_json(dict(message.product)).decode(),
        "messageHash": message.body_hash,
    }
    return to_json(body), properties


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
        policy = _policy(event.properties["policy"])
        received_at = _stored_moment(event.properties["receivedAt"])
        stamped_offset = _stamped_offset(event)
        product = _product(event.properties.get("product", "{}"))
    except (ArithmeticError, AttributeError, KeyError, RecursionError, TypeError, ValueError) as error:
        raise Malformed("properties_unreadable") from error
    body = _parsed(event.body, ownership_id)
    stamped_hash = event.properties.get("messageHash")
    if not isinstance(stamped_hash, str) or not _SHA256.fullmatch(stamped_hash):
        stamped_hash = None
    try:
        if "columns" not in body:
            body, stamped_hash = _from_rows(event.body, stamped_hash)
        if body.keys() != _BODY_FIELDS or type(body["schemaVersion"]) is not int:
            raise TypeError("no message")  # noqa: TRY301 - told like whatever else is wrong with it
        message_id, sent_at = body["messageId"], _stored_moment(body["sentAt"])
        if not _MESSAGE_ID.fullmatch(message_id):
            raise ValueError("no message id")  # noqa: TRY301
        columns = checked_columns(body["columns"])
        if count_of(columns) > READINGS_LIMIT:
            raise ValueError("too many readings")  # noqa: TRY301
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise Malformed("schema_unreadable", ownership_id) from error
    return Message(
        ownership_id=ownership_id,
        policy=policy,
        message_id=message_id,
        schema_version=body["schemaVersion"],
        sent_at=sent_at,
        received_at=received_at,
        columns=columns,
        product=product,
        clock_offset=clock_offset(sent_at=sent_at, received_at=received_at, monitor_time=None)
        if stamped_offset is None
        else stamped_offset,
        stamped_hash=stamped_hash or hashlib.sha256(to_json(body)).hexdigest(),
    )


def _parsed(written: bytes, ownership_id: str) -> Any:
    try:
        body = from_json(written)
    except ValueError as error:
        raise Malformed("body_unreadable", ownership_id) from error
    if isinstance(body, dict) and type(body.get("schemaVersion")) is int and body["schemaVersion"] != SCHEMA_VERSION:
        raise Malformed("schema_version_unknown", ownership_id)  # another version may be another envelope
    return body


def _from_rows(written: bytes, stamped_hash: str | None) -> tuple[dict[str, Any], str]:
    """The body as columns, of an event that was sent before readings travelled so, and its hash."""
    body = Envelope.model_validate_json(written)
    rows = [_reading(reading) for reading in body.readings]
    message_id = str(body.message_id)
    columns = {
        "schemaVersion": body.schema_version,
        "messageId": message_id,
        "sentAt": clock.text(body.sent_at),
        "columns": columns_of(rows),
    }
    return columns, stamped_hash or hash_of(message_id, body.sent_at, rows)


@lru_cache(_KEPT_PROPERTIES)
def _kept_policy(written: str) -> Policy:
    return Policy.from_claims(from_json(written))


def _policy(written: str) -> Policy:
    """The policy that was stamped; those of a backlog and of monitors that send often are read once."""
    return _kept_policy(written) if len(written) <= _KEPT_LENGTH else Policy.from_claims(from_json(written))


def _stored_moment(written: Any) -> datetime:
    """A time that the gateway wrote, or would have: in the stored form it is read at a fraction of the cost."""
    [stored] = stored_times([written])
    return clock.moment(stored)


def _stamped_offset(event: HubEvent) -> timedelta | None:
    written = event.properties.get("clockOffsetS")
    if written is None:
        return None
    seconds = float(written)
    if not abs(seconds) <= _OFFSET_LIMIT_S:  # NaN as well
        raise ValueError("no clock is off by that much")
    return timedelta(seconds=seconds)


def _product(written: str) -> Mapping[str, str]:
    return _kept_product(written) if len(written) <= _KEPT_LENGTH else _read_product(written)


def _read_product(written: str) -> Mapping[str, str]:
    product = from_json(written)
    return {name: str(product[name])[:_PRODUCT_LIMIT] for name in PRODUCT_FIELDS if name in product}


_kept_product: Final = lru_cache(_KEPT_PROPERTIES)(_read_product)


def _reading(written: Mapping[str, Any]) -> dict[str, Any]:
    """A reading of a declared kind, with its time in the one form that is stored."""
    READINGS[written["kind"]]
    [observed_at] = stored_times([written["observedAt"]])
    return {**written, "observedAt": observed_at}
