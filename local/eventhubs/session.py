"""Sessions: numbered transfers in both directions, within the peer's window."""

from collections.abc import Callable
from typing import Final, Protocol

from local.eventhubs import codec
from local.eventhubs import performatives as wire
from local.eventhubs.errors import AmqpError, Condition
from local.eventhubs.performatives import Attach, Begin, Flow, TransferFrames

INCOMING_WINDOW: Final = 0x7FFFFFFF
"""Never the limit: links give credit, and a delivery is dealt with as soon as it is whole."""
MAX_HANDLE: Final = 255
_HALF: Final = 1 << 31


class Outlet(Protocol):
    """Where a session's frames go."""

    max_frame_size: int
    """The largest frame that the peer takes."""
    blocked: bool
    """The peer reads slower than we write: nothing more should be sent than must be."""

    def write(self, frame: bytes) -> None:
        """Send a frame, now or at the next flush."""

    def flush(self) -> None:
        """Send what was written."""

    def abort(self) -> None:
        """Drop the connection without a word."""


class SessionLink(Protocol):
    """A link as its session sees it."""

    credit: int
    delivery_count: int

    def on_flow(self, flow: Flow) -> None:
        """The peer gave credit, or asks how things stand."""

    def on_transfer(self, transfer: wire.Transfer) -> None:
        """The peer sent a frame of a delivery."""

    def on_room(self) -> None:
        """There may be room to send again."""

    def on_peer_detach(self) -> None:
        """The peer ends the link, or confirms our end of it."""

    def release(self) -> None:
        """The link is gone without a word."""


type OpenLink = Callable[[Session, Attach], SessionLink]


def serial_difference(left: int, right: int) -> int:
    """`left - right` for numbers that wrap at 32 bits (RFC 1982)."""
    return ((left - right + _HALF) & wire.UINT_MAX) - _HALF


class Session:
    """One session of a connection. Its channel number and its links' handles are the peer's in both directions."""

    def __init__(self, outlet: Outlet, channel: int, begin: Begin, open_link: OpenLink) -> None:
        self.outlet = outlet
        self.channel = channel
        self.room = begin.incoming_window
        """How many transfer frames the peer takes now."""
        self.links: dict[int, SessionLink] = {}
        self._open_link = open_link
        self._next_incoming_id = begin.next_outgoing_id
        self._next_outgoing_id = 0
        self._next_delivery_id = 0
        window = codec.uint(INCOMING_WINDOW)
        self.write(wire.BEGIN, codec.ushort(channel), codec.uint(0), window, window, codec.uint(MAX_HANDLE))

    def write(self, code: int, *fields: bytes) -> None:
        """Send a performative."""
        self.outlet.write(wire.build_frame(self.channel, code, *fields))

    def on_attach(self, attach: Attach) -> None:
        """The peer opens a link. A refused one is attached and at once detached with the reason."""
        if attach.handle > MAX_HANDLE or attach.handle in self.links:
            raise AmqpError(Condition.NOT_ALLOWED, f"The handle {attach.handle} is in use, or above {MAX_HANDLE}.")
        try:
            self.links[attach.handle] = self._open_link(self, attach)
        except AmqpError as error:
            self.answer_attach(attach)
            self.write_detach(attach.handle, error)

    def answer_attach(self, attach: Attach, max_message_size: int = 0) -> None:
        """Our half of the link: its source and target are echoed.

        A refusal, too, echoes them. The specification has a null terminus there, but then the Python SDK detaches
        by itself and never reads the reason.
        """
        settled, mixed = codec.ubyte(1), codec.ubyte(2)
        self.write(
            wire.ATTACH,
            codec.string(attach.name),
            codec.uint(attach.handle),
            codec.boolean(not attach.peer_receives),
            settled if attach.peer_receives else mixed,
            codec.ubyte(attach.rcv_settle_mode),
            attach.source,
            attach.target,
            codec.NULL,
            codec.NULL,
            codec.uint(0) if attach.peer_receives else codec.NULL,
            codec.ulong(max_message_size) if max_message_size else codec.NULL,
        )

    def write_detach(self, handle: int, error: AmqpError | None) -> None:
        """Our end of a link."""
        self.write(wire.DETACH, codec.uint(handle), codec.boolean(True), wire.build_error(error))

    def on_flow(self, flow: Flow) -> None:
        """The peer moved its window, gave credit, or both."""
        self.room = serial_difference(flow.next_incoming_id + flow.incoming_window, self._next_outgoing_id)
        link = None if flow.handle is None else self.links.get(flow.handle)
        if link is not None:
            link.on_flow(flow)
        for other in tuple(self.links.values()):
            other.on_room()

    def on_transfer(self, transfer: wire.Transfer) -> None:
        """A frame for a link; one for a link that we ended meanwhile is dropped."""
        self._next_incoming_id = (self._next_incoming_id + 1) & wire.UINT_MAX
        link = self.links.get(transfer.handle)
        if link is not None:
            link.on_transfer(transfer)

    def on_detach(self, handle: int) -> None:
        """The peer ends a link; of a link that was refused there is nothing left to end."""
        link = self.links.pop(handle, None)
        if link is not None:
            link.on_peer_detach()

    def write_flow(self, handle: int, link: SessionLink) -> None:
        """Tell the state of a link."""
        window = codec.uint(INCOMING_WINDOW)
        self.write(
            wire.FLOW,
            codec.uint(self._next_incoming_id),
            window,
            codec.uint(self._next_outgoing_id),
            window,
            codec.uint(handle),
            codec.uint(link.delivery_count),
            codec.uint(link.credit),
        )

    def transfer(self, frames: TransferFrames, payload: bytes) -> None:
        """Send a message in as many frames as it needs; a window too small for the last of them is overdrawn."""
        delivery_id = self._next_delivery_id
        self._next_delivery_id = (delivery_id + 1) & wire.UINT_MAX
        if len(payload) <= frames.room:
            self.outlet.write(frames.one(delivery_id, payload))
            sent = 1
        else:
            parts = frames.several(delivery_id, payload)
            for part in parts:
                self.outlet.write(part)
            sent = len(parts)
        self._next_outgoing_id = (self._next_outgoing_id + sent) & wire.UINT_MAX
        self.room -= sent

    def on_room(self) -> None:
        """The connection takes bytes again."""
        for link in tuple(self.links.values()):
            link.on_room()

    def release(self) -> None:
        """The session is gone, with its links."""
        for link in self.links.values():
            link.release()
        self.links.clear()
