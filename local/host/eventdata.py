"""Events as the worker gets them: bodies by data type, and metadata for a whole batch at once.

Names and JSON types are those of the real extension: times without zone, partition keys only where there are any. What
Python's client cannot tell apart stays approximate: an AMQP timestamp among the properties arrives as a number.
"""

import json
import time
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from azure.eventhub import EventData
from azure.eventhub.amqp import AmqpMessageBodyType

from local.host import protos

_BROKER: Final = frozenset({b"x-opt-sequence-number", b"x-opt-offset", b"x-opt-enqueued-time", b"x-opt-partition-key"})
"""Annotations that have fields of their own."""


class NotConvertibleError(Exception):
    """The host cannot make a function's input of these events; the invocation fails before it starts."""


class Source(NamedTuple):
    """Where events come from."""

    namespace: str
    event_hub: str
    consumer_group: str
    partition: str


class Arrived(NamedTuple):
    """What a batch of events is to the worker."""

    data: protos.TypedData
    metadata: dict[str, protos.TypedData]


def batch(events: Sequence[EventData], source: Source, data_type: str) -> Arrived:
    """The input of a function with cardinality many.

    Raises:
        NotConvertibleError: with the default data type, a body is not JSON.
    """
    times = [_time(event.enqueued_time) for event in events]
    keys = [_text(event.partition_key) for event in events]
    system = [_system(event, key, time) for event, key, time in zip(events, keys, times, strict=True)]
    metadata = {
        "PartitionContext": _partition_context(source),
        "PartitionKeyArray": _strings([key for key in keys if key]),
        "OffsetArray": _strings([str(event.offset) for event in events]),
        "SequenceNumberArray": protos.TypedData(
            collection_sint64=protos.CollectionSInt64([event.sequence_number or 0 for event in events])
        ),
        "EnqueuedTimeUtcArray": _json(times),
        "PropertiesArray": _json([_plain(event.properties) for event in events]),
        "SystemPropertiesArray": _json(system),
    }
    return Arrived(_bodies([_body(event) for event in events], data_type), metadata)


def single(event: EventData, source: Source, data_type: str) -> Arrived:
    """The input of a function with cardinality one."""
    enqueued, key, body = _time(event.enqueued_time), _text(event.partition_key), _body(event)
    metadata = {
        "PartitionContext": _partition_context(source),
        "Offset": protos.TypedData(string=str(event.offset)),
        "SequenceNumber": _json(event.sequence_number),
        "EnqueuedTimeUtc": _json(enqueued),
        "Properties": _json(_plain(event.properties)),
        "SystemProperties": _json(_system(event, key, enqueued)),
    }
    if key is not None:
        metadata["PartitionKey"] = protos.TypedData(string=key)
    if data_type == "binary":
        return Arrived(protos.TypedData(bytes=body), metadata)
    return Arrived(protos.TypedData(string=body.decode(errors="replace")), metadata)


def stamp(events: Sequence[EventData]) -> None:
    """Give events that never were in a hub what a broker would have: sequence number, offset and time."""
    now = time.time_ns() // 1_000_000
    for number, event in enumerate(events):
        event.raw_amqp_message.annotations = annotations = event.raw_amqp_message.annotations or {}
        annotations.setdefault(b"x-opt-sequence-number", number)
        annotations.setdefault(b"x-opt-offset", str(number).encode())
        annotations.setdefault(b"x-opt-enqueued-time", now)


def _bodies(bodies: list[bytes], data_type: str) -> protos.TypedData:
    if data_type == "binary":
        return protos.TypedData(collection_bytes=protos.CollectionBytes(bodies))
    if data_type == "string":  # the real host drops empty ones, and the worker then refuses the batch
        return _strings([body.decode(errors="replace") for body in bodies if body])
    try:
        return _json([json.loads(body) for body in bodies])
    except ValueError:
        raise NotConvertibleError(
            "Exception while binding: an event body is not JSON, which the default dataType needs; "
            "declare data_type=func.DataType.BINARY"
        ) from None


def _body(event: EventData) -> bytes:
    if event.body_type is not AmqpMessageBodyType.DATA:
        raise NotConvertibleError(
            f"Exception while binding: an event has an AMQP {event.body_type.name} body, not DATA"
        )
    body: Any = event.body
    return body if isinstance(body, bytes) else b"".join(body)


def _system(event: EventData, key: str | None, time: str) -> dict[str, Any]:
    own = {
        "SequenceNumber": event.sequence_number,
        "Offset": event.offset,
        "PartitionKey": key,
        "EnqueuedTimeUtc": time,
    }
    return own | {_text(name): _plain(v) for name, v in event.system_properties.items() if name not in _BROKER}


def _partition_context(source: Source) -> protos.TypedData:
    return _json(
        {
            "FullyQualifiedNamespace": source.namespace,
            "EventHubName": source.event_hub,
            "ConsumerGroup": source.consumer_group,
            "PartitionId": source.partition,
        }
    )


def _plain(value: Any) -> Any:
    """Names and texts of AMQP arrive as bytes."""
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    if isinstance(value, dict):
        return {_text(name): _plain(inner) for name, inner in value.items()}
    return value


def _text(value: Any) -> Any:
    return value.decode(errors="replace") if isinstance(value, bytes) else value


def _time(moment: datetime | None) -> str:
    """Without zone and without trailing zeros, as the real host writes a DateTime of unspecified kind."""
    if moment is None:
        return "0001-01-01T00:00:00"
    text = moment.replace(tzinfo=None).isoformat()
    return text.rstrip("0") if "." in text else text


def _json(value: Any) -> protos.TypedData:
    return protos.TypedData(json=json.dumps(value, default=str))


def _strings(values: list[str]) -> protos.TypedData:
    return protos.TypedData(collection_string=protos.CollectionString(values))
