"""AMQP messages (part 3 of the specification): deliveries become events, events become what a reader gets.

A message's bare part (properties, application properties, body) is stored and delivered byte for byte.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final, NamedTuple

from local.eventhubs import codec
from local.eventhubs.errors import DecodeError

BATCH_FORMAT: Final = 0x80013700
"""Message format of a message whose data sections are messages themselves."""

HEADER: Final = 0x70
DELIVERY_ANNOTATIONS: Final = 0x71
MESSAGE_ANNOTATIONS: Final = 0x72
PROPERTIES: Final = 0x73
APPLICATION_PROPERTIES: Final = 0x74
DATA: Final = 0x75
SEQUENCE: Final = 0x76
VALUE: Final = 0x77

PARTITION_KEY: Final = "x-opt-partition-key"
SEQUENCE_NUMBER: Final = "x-opt-sequence-number"
OFFSET: Final = "x-opt-offset"
ENQUEUED_TIME: Final = "x-opt-enqueued-time"
_SERVICE_ANNOTATIONS: Final = frozenset((SEQUENCE_NUMBER, OFFSET, ENQUEUED_TIME))

_SECTION_PREFIX: Final = b"\x00\x53"
_WORTH_CACHING: Final = 256
_PARTITION_KEY_IS: Final = codec.symbol(PARTITION_KEY)
_SEQUENCE_NUMBER_IS: Final = codec.symbol(SEQUENCE_NUMBER) + b"\x81"
_OFFSET_IS: Final = codec.symbol(OFFSET)
_ENQUEUED_TIME_IS: Final = codec.symbol(ENQUEUED_TIME)
_ANNOTATIONS_ARE: Final = b"\x00\x53\x72\xd1"


class _Annotations(NamedTuple):
    encoded: bytes
    element_count: int
    partition_key: str | None


_NO_ANNOTATIONS: Final = _Annotations(b"", 0, None)


class Event(NamedTuple):
    """One message as a producer sent it, taken apart as far as the log needs."""

    header: bytes
    annotations: bytes
    """Encoded keys and values, without those that the service sets."""
    annotation_count: int
    partition_key: str | None
    bare: bytes


class StoredEvent(NamedTuple):
    """An event of a log, decoded for people and tests."""

    partition_id: str
    sequence_number: int
    offset: str
    enqueued_time: datetime
    partition_key: str | None
    properties: dict[str, Any]
    body: bytes
    """The data sections joined; empty for a body of another kind."""


def read_delivery(payload: bytes, message_format: int) -> tuple[str | None, list[Event]]:
    """The partition key of a delivery, and its events.

    Raises:
        DecodeError: the delivery is not a message, or not a batch of messages.
    """
    try:
        envelope = _read_event(payload)
        if message_format == 0:
            return envelope.partition_key, [envelope]
        if message_format != BATCH_FORMAT:
            raise DecodeError(f"message format 0x{message_format:08x} is not supported")
        return envelope.partition_key, [_member(message, envelope) for message in _batched(envelope.bare)]
    except codec.MALFORMED as error:
        raise DecodeError("the message cannot be read") from error


def _member(message: bytes, envelope: Event) -> Event:
    """An event of a batch; the batch's partition key is its own."""
    event = _read_event(message)
    key = envelope.partition_key
    if key is None or event.partition_key is not None:
        return event
    return event._replace(
        annotations=event.annotations + _PARTITION_KEY_IS + codec.string(key),
        annotation_count=event.annotation_count + 2,
        partition_key=key,
    )


def _batched(bare: bytes) -> Iterator[bytes]:
    for section, start, _ in _sections(bare, 0):
        if section == DATA:
            message, _ = codec.decode(bare, start)
            yield message
        elif section not in (PROPERTIES, APPLICATION_PROPERTIES):
            raise DecodeError(f"a batch holds section 0x{section:02x}, but its messages must be data sections")


def _sections(message: bytes, position: int) -> Iterator[tuple[int, int, int]]:
    """Code, start and end of the value of each section."""
    while position < len(message):
        if message[position : position + 2] != _SECTION_PREFIX:
            raise DecodeError("a message section has no numeric descriptor")
        section = message[position + 2]
        start = position + 3
        position = codec.end_of(message, start)
        yield section, start, position


def _read_event(message: bytes) -> Event:
    header, annotations = b"", _NO_ANNOTATIONS
    position, bare = 0, len(message)
    while position < len(message):
        if message[position : position + 2] != _SECTION_PREFIX:
            raise DecodeError("a message section has no numeric descriptor")
        section = message[position + 2]
        end = codec.end_of(message, position + 3)
        if section == MESSAGE_ANNOTATIONS:
            read = _read_repeated_annotations if end - position < _WORTH_CACHING else _read_annotations
            annotations = read(message[position + 3 : end])
        elif section == HEADER:
            header = message[position:end]
        elif section != DELIVERY_ANNOTATIONS:
            bare = min(bare, position)
        position = end
    return Event(header, *annotations, message[bare:])


def _read_annotations(section: bytes) -> _Annotations:
    spans = codec.element_spans(section, 0)
    kept: list[bytes] = []
    partition_key = None
    for (key_start, value_start), (_, value_end) in zip(spans[::2], spans[1::2], strict=True):
        key, _ = codec.decode(section, key_start)
        if key in _SERVICE_ANNOTATIONS:
            continue
        if key == PARTITION_KEY:
            value, _ = codec.decode(section, value_start)
            partition_key = value if isinstance(value, str) else None
        kept.append(section[key_start:value_end])
    return _Annotations(b"".join(kept), 2 * len(kept), partition_key)


_read_repeated_annotations = lru_cache(maxsize=1024)(_read_annotations)
"""All events of a batch have the same partition key, and mostly nothing else."""


def stamp(event: Event, sequence_number: int, offset: int, enqueued_time: bytes) -> bytes:
    """The event as readers get it, with the annotations that the service adds; the time is encoded already."""
    entries = b"".join(
        (
            event.annotations,
            _SEQUENCE_NUMBER_IS,
            sequence_number.to_bytes(8),
            _OFFSET_IS,
            codec.string(str(offset)),
            _ENQUEUED_TIME_IS,
            enqueued_time,
        )
    )
    size, count = (len(entries) + 4).to_bytes(4), (event.annotation_count + 6).to_bytes(4)
    return b"".join((event.header, _ANNOTATIONS_ARE, size, count, entries, event.bare))


def with_delivery_annotations(message: bytes, annotations: bytes) -> bytes:
    """The message with an encoded map of delivery annotations where they belong: after the header."""
    at = codec.end_of(message, 0) if message[2] == HEADER else 0
    return message[:at] + codec.described(DELIVERY_ANNOTATIONS, annotations) + message[at:]


def read_sections(message: bytes) -> dict[int, Any]:
    """All sections decoded, by their code; several data sections are joined.

    Raises:
        DecodeError: these bytes are not a message.
    """
    found: dict[int, Any] = {}
    try:
        for section, start, _ in _sections(message, 0):
            value, _ = codec.decode(message, start)
            found[section] = found[section] + value if section == DATA and DATA in found else value
    except codec.MALFORMED as error:
        raise DecodeError("the message cannot be read") from error
    return found


def read_message_id(message: bytes) -> bytes:
    """The message id as encoded, for the reply's correlation id: its type (a uuid, a string) must stay the same."""
    for section, start, _ in _sections(message, 0):
        if section == PROPERTIES:
            spans = codec.element_spans(message, start)
            return message[slice(*spans[0])] if spans else codec.NULL
    return codec.NULL


def read_stored(partition_id: str, message: bytes) -> StoredEvent:
    """A message of a log, decoded."""
    sections = read_sections(message)
    annotations = sections[MESSAGE_ANNOTATIONS]
    return StoredEvent(
        partition_id=partition_id,
        sequence_number=annotations[SEQUENCE_NUMBER],
        offset=annotations[OFFSET],
        enqueued_time=datetime.fromtimestamp(annotations[ENQUEUED_TIME] / 1000, UTC),
        partition_key=annotations.get(PARTITION_KEY),
        properties=sections.get(APPLICATION_PROPERTIES) or {},
        body=sections.get(DATA, b""),
    )
