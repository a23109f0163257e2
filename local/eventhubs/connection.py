"""Connections: protocol headers, SASL, frames, and what goes to which session."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from enum import Enum, auto
from typing import Final, cast

from local.eventhubs import codec
from local.eventhubs import performatives as wire
from local.eventhubs.errors import AmqpError, Condition
from local.eventhubs.performatives import Frame
from local.eventhubs.session import OpenLink, Session

MAX_FRAME_SIZE: Final = 65536
MAX_CHANNEL: Final = 255
_SMALLEST_FRAME_SIZE: Final = 512
_WRITE_BUFFER: Final = 1 << 20
"""Bytes that may wait for a slow peer before nothing more is sent to it or read from it."""
_FLUSH_AT: Final = 1 << 16
_MECHANISMS: Final = ("ANONYMOUS", "MSSBCBS")
"""Both mean: a token follows on `$cbs`."""

_LOGGER: Final = logging.getLogger(__name__)


class Stage(Enum):
    """What the next bytes of the peer are."""

    HEADER = auto()
    SASL = auto()
    FRAMES = auto()
    CLOSED = auto()


class RefusedConnection(asyncio.Protocol):
    """A connection that is dropped as soon as it is made."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is there."""
        cast("asyncio.Transport", transport).abort()


class Connection(asyncio.Protocol):
    """One client's connection. Its idle time-out is not used: on one machine a dead peer's socket closes at once."""

    def __init__(self, open_link: OpenLink, connections: "set[Connection]") -> None:
        self.max_frame_size = _SMALLEST_FRAME_SIZE
        self.blocked = False
        self._open_link = open_link
        self._connections = connections
        self._stage = Stage.HEADER
        self._opened = False
        self._rest = b""
        self._out: list[bytes] = []
        self._out_size = 0
        self._sessions: dict[int, Session] = {}
        self._heartbeat: asyncio.TimerHandle | None = None
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is there."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=_WRITE_BUFFER)
        self._connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket is gone; so are the links, and the readers' places."""
        del exc
        self._stage = Stage.CLOSED
        self._connections.discard(self)
        if self._heartbeat is not None:
            self._heartbeat.cancel()
        for session in self._sessions.values():
            session.release()
        self._sessions.clear()

    def pause_writing(self) -> None:
        """The peer does not read: stop sending, and stop taking what would make more to send."""
        self.blocked = True
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        """The peer reads again."""
        self.blocked = False
        self._transport.resume_reading()
        self.on_room()

    def on_room(self) -> None:
        """What waited may go on."""
        for session in tuple(self._sessions.values()):
            session.on_room()
        self.flush()

    def write(self, frame: bytes) -> None:
        """Send a frame with the next flush, or now if much waits."""
        self._out.append(frame)
        self._out_size += len(frame)
        if self._out_size >= _FLUSH_AT:
            self.flush()

    def flush(self) -> None:
        """Hand what was written to the socket."""
        if self._out:
            data = b"".join(self._out)
            self._out.clear()
            self._out_size = 0
            if not self._transport.is_closing():
                self._transport.write(data)

    def abort(self) -> None:
        """Drop the connection without a word; what was written before goes as far as the socket takes it."""
        self.flush()
        self._stage = Stage.CLOSED
        self._transport.abort()

    def close(self, error: AmqpError | None) -> None:
        """End the connection, with the reason."""
        if self._stage is Stage.FRAMES:
            if not self._opened:
                self._write_open()
            self.write(wire.build_frame(0, wire.CLOSE, wire.build_error(error)))
        self._stage = Stage.CLOSED
        self.flush()
        self._transport.close()

    def data_received(self, data: bytes) -> None:
        """Take whole frames off what arrived."""
        data = self._rest + data
        position = 0
        try:
            while self._stage is not Stage.CLOSED and (size := self._next_size(data, position)):
                self._take(data[position : position + size])
                position += size
        except AmqpError as error:
            _LOGGER.warning("Connection closed: %s %s", error.condition, error.description)
            self.close(error)
        self._rest = b"" if self._stage is Stage.CLOSED else data[position:]
        self.flush()

    def _next_size(self, data: bytes, position: int) -> int:
        """Bytes of the whole header or frame at `position`; 0 if it has not all arrived."""
        available = len(data) - position
        if available < wire.HEADER_SIZE:
            return 0
        if self._stage is Stage.HEADER:
            return wire.HEADER_SIZE
        size = int.from_bytes(data[position : position + 4])
        if not wire.HEADER_SIZE <= size <= MAX_FRAME_SIZE:
            raise AmqpError(Condition.FRAMING_ERROR, f"A frame of {size} bytes; 8 to {MAX_FRAME_SIZE} are allowed.")
        return size if size <= available else 0

    def _take(self, data: bytes) -> None:
        if self._stage is Stage.HEADER:
            self._on_header(data)
        elif (frame := wire.parse_frame(data)) is not None:
            if self._stage is Stage.SASL:
                self._on_sasl(frame)
            else:
                self._on_frame(frame)

    def _on_header(self, header: bytes) -> None:
        if header == wire.SASL_HEADER:
            self.write(wire.SASL_HEADER)
            self.write(wire.build_frame(0, wire.SASL_MECHANISMS, codec.symbols(_MECHANISMS)))
            self._stage = Stage.SASL
            return
        self.write(wire.AMQP_HEADER)  # also to what asked for another protocol: that is how AMQP refuses
        if header != wire.AMQP_HEADER:
            self.close(None)
        self._stage = Stage.FRAMES if header == wire.AMQP_HEADER else Stage.CLOSED

    def _on_sasl(self, frame: Frame) -> None:
        if frame.code != wire.SASL_INIT:
            raise AmqpError(Condition.NOT_ALLOWED, f"SASL frame 0x{frame.code:02x} is not supported.")
        known = wire.parse_mechanism(frame) in _MECHANISMS
        self.write(wire.build_frame(0, wire.SASL_OUTCOME, codec.ubyte(0 if known else 1)))
        self._stage = Stage.HEADER
        if not known:
            self.close(None)

    def _on_frame(self, frame: Frame) -> None:
        if not self._opened and frame.code != wire.OPEN:
            raise AmqpError(Condition.NOT_ALLOWED, "A connection begins with open.")
        match frame.code:
            case wire.OPEN:
                self._on_open(frame)
            case wire.BEGIN:
                self._on_begin(frame)
            case wire.END:
                self._on_end(frame)
            case wire.CLOSE:
                self.close(None)
            case _:
                self._on_session_frame(frame)

    def _on_session_frame(self, frame: Frame) -> None:
        handler = _SESSION_FRAMES.get(frame.code)
        if handler is None:
            raise AmqpError(Condition.NOT_IMPLEMENTED, f"Performative 0x{frame.code:02x} is not supported.")
        session = self._sessions.get(frame.channel)
        if session is not None:
            handler(session, frame)
        # else the session has ended: the Python SDK detaches its links after the end

    def _on_open(self, frame: Frame) -> None:
        peer = wire.parse_open(frame)
        if peer.max_frame_size < _SMALLEST_FRAME_SIZE:
            raise AmqpError(Condition.FRAMING_ERROR, f"Frames of at least {_SMALLEST_FRAME_SIZE} bytes are needed.")
        self.max_frame_size = min(peer.max_frame_size, MAX_FRAME_SIZE)
        if not self._opened:
            self._write_open()
        if peer.idle_timeout_ms:
            self._beat(max(peer.idle_timeout_ms / 2000, 0.1))

    def _write_open(self) -> None:
        self._opened = True
        limits = codec.uint(MAX_FRAME_SIZE), codec.ushort(MAX_CHANNEL)
        self.write(wire.build_frame(0, wire.OPEN, codec.string("local-event-hubs"), codec.NULL, *limits))

    def _beat(self, seconds: float) -> None:
        """Keep a peer content that wants to hear something every so often."""
        self.write(wire.EMPTY_FRAME)
        self.flush()
        self._heartbeat = asyncio.get_running_loop().call_later(seconds, self._beat, seconds)

    def _on_begin(self, frame: Frame) -> None:
        if frame.channel > MAX_CHANNEL or frame.channel in self._sessions:
            raise AmqpError(Condition.NOT_ALLOWED, f"Channel {frame.channel} is in use, or above {MAX_CHANNEL}.")
        self._sessions[frame.channel] = Session(self, frame.channel, wire.parse_begin(frame), self._open_link)

    def _on_end(self, frame: Frame) -> None:
        session = self._sessions.pop(frame.channel, None)
        if session is not None:
            session.release()
            self.write(wire.build_frame(frame.channel, wire.END))


_SESSION_FRAMES: Final[Mapping[int, Callable[[Session, Frame], None]]] = {
    wire.ATTACH: lambda session, frame: session.on_attach(wire.parse_attach(frame)),
    wire.FLOW: lambda session, frame: session.on_flow(wire.parse_flow(frame)),
    wire.TRANSFER: lambda session, frame: session.on_transfer(wire.parse_transfer(frame)),
    wire.DISPOSITION: lambda _session, _frame: None,  # all that we send is settled
    wire.DETACH: lambda session, frame: session.on_detach(wire.parse_handle(frame)),
}
