"""The frames of AMQP 1.0 (parts 2 and 5 of the specification): what a peer sends is parsed, what we answer is built.

Frames are built with every field of their performative. The specification lets trailing nulls go, but the Python SDK
reads fields by position and fails on a frame that leaves them out.
"""

import struct
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from local.eventhubs import codec
from local.eventhubs.codec import NULL, Described, Symbol
from local.eventhubs.errors import AmqpError, DecodeError

OPEN: Final = 0x10
BEGIN: Final = 0x11
ATTACH: Final = 0x12
FLOW: Final = 0x13
TRANSFER: Final = 0x14
DISPOSITION: Final = 0x15
DETACH: Final = 0x16
END: Final = 0x17
CLOSE: Final = 0x18
SASL_MECHANISMS: Final = 0x40
SASL_INIT: Final = 0x41
SASL_OUTCOME: Final = 0x44

AMQP_HEADER: Final = b"AMQP\x00\x01\x00\x00"
SASL_HEADER: Final = b"AMQP\x03\x01\x00\x00"
HEADER_SIZE: Final = 8
EMPTY_FRAME: Final = b"\x00\x00\x00\x08\x02\x00\x00\x00"
UINT_MAX: Final = 0xFFFFFFFF

_AMQP_FRAME: Final = 0
_SASL_FRAME: Final = 1
_FRAME_HEAD: Final = struct.Struct(">IBBH")
_FIELD_COUNTS: Final = {
    OPEN: 10,
    BEGIN: 8,
    ATTACH: 14,
    FLOW: 11,
    DISPOSITION: 6,
    DETACH: 3,
    END: 1,
    CLOSE: 1,
    SASL_MECHANISMS: 1,
    SASL_OUTCOME: 2,
}

_MOST_FIELDS: Final = max(_FIELD_COUNTS.values())
_SOURCE_FIELDS: Final = 11

_ERROR: Final = 0x1D
_ACCEPTED: Final = 0x24
_REJECTED: Final = 0x25


class Frame(NamedTuple):
    """One frame as it came: its performative's code, its fields (those left out are None), and what follows them."""

    channel: int
    code: int
    fields: Sequence[Any]
    body: bytes
    body_position: int
    payload: bytes


class Open(NamedTuple):
    """The peer's limits for the connection."""

    container_id: str
    max_frame_size: int
    idle_timeout_ms: int | None


class Begin(NamedTuple):
    """The peer's start of a session."""

    next_outgoing_id: int
    incoming_window: int


class Attach(NamedTuple):
    """The peer's half of a link; `source` and `target` are kept encoded, to be echoed."""

    name: str
    handle: int
    peer_receives: bool
    rcv_settle_mode: int
    source: bytes
    target: bytes
    address: str
    filters: Mapping[str, Any]
    initial_delivery_count: int
    desired_capabilities: Sequence[str]
    properties: Mapping[str, Any]


class Flow(NamedTuple):
    """The peer's windows, and the credit of one link if `handle` is given."""

    next_incoming_id: int
    incoming_window: int
    handle: int | None
    delivery_count: int
    link_credit: int
    drain: bool
    echo: bool


class Transfer(NamedTuple):
    """One frame of a delivery."""

    handle: int
    delivery_id: int | None
    message_format: int
    settled: bool
    more: bool
    aborted: bool
    payload: bytes


def parse_frame(frame: bytes) -> Frame | None:
    """A whole frame taken apart; None for the empty frame that keeps a connection alive."""
    offset = frame[4] * 4
    if len(frame) == offset:
        return None
    if offset < HEADER_SIZE or frame[offset : offset + 2] != b"\x00\x53":
        raise DecodeError("a frame does not begin with a performative")
    position = offset + 3
    try:
        fields, end = codec.decode(frame, position)
    except codec.MALFORMED as error:
        raise DecodeError("a frame's performative cannot be read") from error
    if not isinstance(fields, list):
        raise DecodeError("a performative is not a list of fields")
    channel = int.from_bytes(frame[6:8])
    fields += [None] * (_MOST_FIELDS - len(fields))
    return Frame(channel, frame[offset + 2], fields, frame, position, frame[end:])


def _field[T: (int, str, bool)](frame: Frame, index: int, kind: type[T], default: T | None = None) -> T:
    value = frame.fields[index]
    if value is None:
        if default is None:
            raise DecodeError(f"field {index} of performative 0x{frame.code:02x} is missing")
        return default
    if not isinstance(value, kind):
        raise DecodeError(f"field {index} of performative 0x{frame.code:02x} is not of type {kind.__name__}")
    return value


def _optional_int(frame: Frame, index: int) -> int | None:
    return None if frame.fields[index] is None else _field(frame, index, int)


def _optional_map(frame: Frame, index: int) -> Mapping[str, Any]:
    value = frame.fields[index]
    return value if isinstance(value, dict) else {}


def parse_open(frame: Frame) -> Open:
    """Read an open."""
    return Open(_field(frame, 0, str), _field(frame, 2, int, UINT_MAX), _optional_int(frame, 4))


def parse_begin(frame: Frame) -> Begin:
    """Read a begin."""
    return Begin(_field(frame, 1, int), _field(frame, 2, int))


def parse_attach(frame: Frame) -> Attach:
    """Read an attach."""
    peer_receives = _field(frame, 2, bool)
    spans = codec.element_spans(frame.body, frame.body_position)
    source, target = (frame.body[slice(*spans[index])] if index < len(spans) else NULL for index in (5, 6))
    near = frame.fields[5 if peer_receives else 6]
    terminus = near.value if isinstance(near, Described) and isinstance(near.value, list) else []
    address, *_, filters = (terminus + [None] * _SOURCE_FIELDS)[:8]
    return Attach(
        name=_field(frame, 0, str),
        handle=_field(frame, 1, int),
        peer_receives=peer_receives,
        rcv_settle_mode=_field(frame, 4, int, 0),
        source=source,
        target=target,
        address=address if isinstance(address, str) else "",
        filters=filters if peer_receives and isinstance(filters, dict) else {},
        initial_delivery_count=_field(frame, 9, int, 0),
        desired_capabilities=_symbols(frame.fields[12]),
        properties=_optional_map(frame, 13),
    )


def _symbols(value: Any) -> Sequence[str]:
    """A field that may hold several symbols holds one as itself."""
    if isinstance(value, Symbol):
        return [value]
    return value if isinstance(value, list) else []


def parse_flow(frame: Frame) -> Flow:
    """Read a flow."""
    return Flow(
        next_incoming_id=_field(frame, 0, int, 0),
        incoming_window=_field(frame, 1, int),
        handle=_optional_int(frame, 4),
        delivery_count=_field(frame, 5, int, 0),
        link_credit=_field(frame, 6, int, 0),
        drain=_field(frame, 8, bool, False),
        echo=_field(frame, 9, bool, False),
    )


def parse_transfer(frame: Frame) -> Transfer:
    """Read a transfer."""
    return Transfer(
        handle=_field(frame, 0, int),
        delivery_id=_optional_int(frame, 1),
        message_format=_field(frame, 3, int, 0),
        settled=_field(frame, 4, bool, False),
        more=_field(frame, 5, bool, False),
        aborted=_field(frame, 9, bool, False),
        payload=frame.payload,
    )


def parse_handle(frame: Frame) -> int:
    """The handle of a detach."""
    return _field(frame, 0, int)


def parse_mechanism(frame: Frame) -> str:
    """The mechanism that the peer chose in its SASL init."""
    return _field(frame, 0, str)


def build_frame(channel: int, code: int, *fields: bytes) -> bytes:
    """A frame of a performative with these encoded fields, the rest null."""
    padded = [*fields, *[NULL] * (_FIELD_COUNTS[code] - len(fields))]
    body = codec.described(code, codec.sequence(padded))
    kind = _SASL_FRAME if code >= SASL_MECHANISMS else _AMQP_FRAME
    return _FRAME_HEAD.pack(HEADER_SIZE + len(body), 2, kind, channel) + body


def build_error(error: AmqpError | None) -> bytes:
    """The error field of detach, end, close and rejected."""
    if error is None:
        return NULL
    return codec.described(
        _ERROR, codec.sequence([codec.symbol(error.condition), codec.string(error.description), NULL])
    )


def build_disposition(channel: int, delivery_id: int, error: AmqpError | None) -> bytes:
    """Settle one incoming delivery: accepted, or rejected with `error`."""
    outcome = (
        codec.described(_ACCEPTED, codec.sequence([]))
        if error is None
        else codec.described(_REJECTED, codec.sequence([build_error(error)]))
    )
    number = codec.uint(delivery_id)
    return build_frame(channel, DISPOSITION, codec.boolean(True), number, number, codec.boolean(True), outcome)


class TransferFrames:
    """Builds the transfer frames of one link: only the delivery id and the payload differ from frame to frame.

    All deliveries are sent settled: Event Hubs keeps no delivery state, a reader's position is its own business.
    Settled deliveries need no unique tag, so all carry the same one.
    """

    def __init__(self, channel: int, handle: int, max_frame_size: int) -> None:
        self._before = b"\x02\x00" + channel.to_bytes(2) + b"\x00\x53\x14\xc0\x16\x0b" + codec.uint(handle) + b"\x70"
        tag_format_settled = codec.binary(b"\x00") + b"\x43" + codec.boolean(True)
        self._last = tag_format_settled + codec.boolean(False) + NULL * 5
        self._more = tag_format_settled + codec.boolean(True) + NULL * 5
        self._overhead = 4 + len(self._before) + 4 + len(self._last)
        self.room = max_frame_size - self._overhead

    def one(self, delivery_id: int, payload: bytes) -> bytes:
        """The frame of a message that fits into one."""
        return self._frame(delivery_id, self._last, payload)

    def several(self, delivery_id: int, payload: bytes) -> list[bytes]:
        """The frames of a message that does not."""
        starts = range(0, len(payload), self.room)
        return [
            self._frame(
                delivery_id, self._last if start == starts[-1] else self._more, payload[start : start + self.room]
            )
            for start in starts
        ]

    def _frame(self, delivery_id: int, after: bytes, payload: bytes) -> bytes:
        size = self._overhead + len(payload)
        return b"".join((size.to_bytes(4), self._before, delivery_id.to_bytes(4), after, payload))
