"""Links: producers send on them, consumers read from them, requests and replies go over them."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final, NamedTuple

from local.eventhubs import codec
from local.eventhubs import performatives as wire
from local.eventhubs.errors import AmqpError, Condition
from local.eventhubs.faults import HubFaults
from local.eventhubs.messages import with_delivery_annotations
from local.eventhubs.namespace import Clock, Partition
from local.eventhubs.nodes import last_enqueued
from local.eventhubs.performatives import Attach, Flow, Transfer, TransferFrames
from local.eventhubs.positions import EARLIEST, Axis, StartPosition, parse_selector
from local.eventhubs.session import Session, serial_difference

MAX_MESSAGE_SIZE: Final = 1 << 20
"""Bytes of one delivery, a single message or a whole batch: the limit of the Standard tier."""

_CREDIT: Final = 1000
_MAX_WAITING_REPLIES: Final = 100
_EPOCH: Final = "com.microsoft:epoch"
_RUNTIME_METRIC: Final = "com.microsoft:enable-receiver-runtime-metric"


class Link:
    """What all links share: an end that comes once, from either side."""

    def __init__(self, session: Session, attach: Attach) -> None:
        self.session = session
        self.handle = attach.handle
        self.credit = 0
        self.delivery_count = 0
        self.closed = False

    def disconnect(self, error: AmqpError | None) -> None:
        """End the link from our side."""
        if not self.closed:
            self.release()
            self.session.write_detach(self.handle, error)
            self.session.outlet.flush()

    def on_peer_detach(self) -> None:
        """Confirm the peer's end, unless it confirms ours."""
        self.disconnect(None)

    def release(self) -> None:
        """No more is sent or taken."""
        self.closed = True

    def on_flow(self, flow: Flow) -> None:
        """Answer a peer that wants to hear how the link stands."""
        if flow.echo and not self.closed:
            self.session.write_flow(self.handle, self)

    def on_room(self) -> None:
        """Nothing waits here."""

    def on_transfer(self, transfer: Transfer) -> None:
        """Only the sending end of a link sends."""
        raise AmqpError(Condition.NOT_ALLOWED, f"A transfer of {len(transfer.payload)} bytes on a receiving link.")


class Delivery(NamedTuple):
    """A whole delivery of the peer; its id is None if it expects no answer."""

    payload: bytes
    size: int
    message_format: int
    id: int | None


class IncomingLink(Link):
    """A link on which the peer sends; `deliver` takes each whole delivery, or raises why it is rejected."""

    def __init__(self, session: Session, attach: Attach, deliver: Callable[[bytes, int], None]) -> None:
        super().__init__(session, attach)
        self._deliver = deliver
        self._parts: list[bytes] = []
        self._size = 0
        self._first: Transfer | None = None
        self.delivery_count = attach.initial_delivery_count
        session.answer_attach(attach, MAX_MESSAGE_SIZE)
        self._give_credit()

    def _give_credit(self) -> None:
        self.credit = _CREDIT
        self.session.write_flow(self.handle, self)

    def on_transfer(self, transfer: Transfer) -> None:
        """Collect the frames of a delivery; what exceeds the limit is not kept."""
        if self.closed:
            return
        if self._first is None:
            if transfer.delivery_id is None:
                raise AmqpError(Condition.DECODE_ERROR, "The first frame of a delivery has no delivery id.")
            self._first = transfer
        self._size += len(transfer.payload)
        if self._size <= MAX_MESSAGE_SIZE:
            self._parts.append(transfer.payload)
        else:
            self._parts.clear()
        if not transfer.more:
            self._finish(self._first, settled=transfer.settled or self._first.settled, aborted=transfer.aborted)

    def _finish(self, first: Transfer, *, settled: bool, aborted: bool) -> None:
        payload, size = b"".join(self._parts), self._size
        self._parts, self._size, self._first = [], 0, None
        self.delivery_count = (self.delivery_count + 1) & wire.UINT_MAX
        self.credit -= 1
        if not aborted:
            delivery_id = None if settled else first.delivery_id
            self.settle(Delivery(payload, size, first.message_format, delivery_id))
        if self.credit <= _CREDIT // 2:
            self._give_credit()

    def settle(self, delivery: Delivery) -> None:
        """Take a delivery, or reject it, and say which."""
        self.answer(delivery, self.outcome(delivery))

    def answer(self, delivery: Delivery, error: AmqpError | None) -> None:
        """Say what became of a delivery, if the peer wants to know."""
        if delivery.id is not None:
            self.session.outlet.write(wire.build_disposition(self.session.channel, delivery.id, error))

    def outcome(self, delivery: Delivery) -> AmqpError | None:
        """Take a delivery, or tell why not."""
        if delivery.size > MAX_MESSAGE_SIZE:
            return AmqpError(
                Condition.MESSAGE_SIZE_EXCEEDED,
                f"The received message (size:{delivery.size} bytes) exceeds the limit ({MAX_MESSAGE_SIZE} bytes) "
                "currently allowed on the link.",
            )
        try:
            self._deliver(delivery.payload, delivery.message_format)
        except AmqpError as error:
            return error
        return None


class ProducerLink(IncomingLink):
    """A link on which a producer sends to a hub; here its sends can go wrong on demand."""

    def __init__(
        self, session: Session, attach: Attach, deliver: Callable[[bytes, int], None], faults: HubFaults, hub: str
    ) -> None:
        self._faults = faults
        self._hub = hub
        self._late = deque[Delivery]()
        self._due = 0.0
        super().__init__(session, attach, deliver)

    def settle(self, delivery: Delivery) -> None:
        """Take a delivery now or, while sends are slow, later; the order stays."""
        latency = self._faults.send_latency(self._hub)
        if not latency and not self._late:
            self._settle_now(delivery)
            return
        loop = asyncio.get_running_loop()
        self._due = max(self._due, loop.time() + latency)
        self._late.append(delivery)
        loop.call_at(self._due, self._settle_late)

    def _settle_late(self) -> None:
        """What is still late when its link ends was never taken."""
        delivery = self._late.popleft()
        if not self.closed:
            self._settle_now(delivery)
            self.session.outlet.flush()

    def _settle_now(self, delivery: Delivery) -> None:
        error = self._faults.send_refusal(self._hub) or self.outcome(delivery)
        if error is None and self._faults.loses_acknowledgement(self._hub):
            self.session.outlet.abort()
        else:
            self.answer(delivery, error)


class OutgoingLink(Link):
    """A link on which we send, as far as the peer gives credit."""

    def __init__(self, session: Session, attach: Attach) -> None:
        super().__init__(session, attach)
        self._frames = TransferFrames(session.channel, attach.handle, session.outlet.max_frame_size)

    def on_flow(self, flow: Flow) -> None:
        """Take the credit; a peer that drains gets what there is, and the rest of its credit is used up."""
        if self.closed:
            return
        self.credit = serial_difference(flow.delivery_count + flow.link_credit, self.delivery_count)
        if flow.drain:
            self.on_room()
            self.delivery_count = (self.delivery_count + max(self.credit, 0)) & wire.UINT_MAX
            self.credit = 0
        if flow.drain or flow.echo:
            self.session.write_flow(self.handle, self)

    def may_send(self) -> bool:
        """The peer wants a message, and its session and socket take one."""
        return self.credit > 0 and self.session.room > 0 and not self.closed and not self.session.outlet.blocked

    def send(self, payload: bytes) -> None:
        """Send one message."""
        self.credit -= 1
        self.delivery_count = (self.delivery_count + 1) & wire.UINT_MAX
        self.session.transfer(self._frames, payload)


class ReplyLink(OutgoingLink):
    """The peer's way to get replies from a node."""

    def __init__(self, session: Session, attach: Attach, node: str) -> None:
        super().__init__(session, attach)
        self.node = node
        self._waiting: deque[bytes] = deque()
        session.answer_attach(attach)

    def reply(self, message: bytes) -> None:
        """Send a reply as soon as the peer takes it."""
        if len(self._waiting) >= _MAX_WAITING_REPLIES:
            raise AmqpError(Condition.RESOURCE_LIMIT_EXCEEDED, "Too many replies wait for credit on this link.")
        self._waiting.append(message)
        self.on_room()

    def on_room(self) -> None:
        """Send what waits."""
        while self._waiting and self.may_send():
            self.send(self._waiting.popleft())


class ConsumerLink(OutgoingLink):
    """A reader of a partition. It holds a position, nothing else: events wait in the log, not here."""

    def __init__(
        self,
        session: Session,
        attach: Attach,
        partition: Partition,
        group: str,
        clock: Clock,
        faults: HubFaults,
        hub: str,
    ) -> None:
        super().__init__(session, attach)
        self.group = group
        self.epoch = _epoch(attach)
        self._partition = partition
        self._faults = faults
        self._hub = hub
        self._log = partition.log
        self._known = self._log.next_sequence
        """Sequence number before which this reader knows of events."""
        self._clock = clock
        self._tracks_log = _RUNTIME_METRIC in attach.desired_capabilities
        self._start = _start_position(attach)
        partition.expire()
        self._next = self._log.locate(self._start)
        self._awaits_time = self._start.axis is Axis.ENQUEUED_TIME and self._next == self._log.next_sequence
        partition.admit(self)
        session.answer_attach(attach, MAX_MESSAGE_SIZE)

    def release(self) -> None:
        """Leave the partition."""
        super().release()
        self._partition.leave(self)

    def wake(self) -> None:
        """There are new events; while deliveries are slow, this reader knows of them later."""
        end = self._log.next_sequence
        if latency := self._faults.delivery_latency(self._hub):
            asyncio.get_running_loop().call_later(latency, self._learn, end)
        else:
            self._learn(end)

    def _learn(self, end: int) -> None:
        self._known = max(self._known, end)
        self.on_room()
        self.session.outlet.flush()

    def on_room(self) -> None:
        """Send events until the credit, the window, the socket or the log says stop."""
        log = self._log
        if self._awaits_time:
            self._next = log.locate(self._start)
            self._awaits_time = self._next == log.next_sequence
        self._next = max(self._next, log.begin_sequence)
        if self._next < self._known and self._faults.withholds(self._hub, self._partition.id):
            return
        while self._next < self._known and self.may_send():
            message = log.message(self._next)
            if self._tracks_log:
                message = with_delivery_annotations(message, last_enqueued(log, self._clock()))
            self._next += 1
            self.send(message)


def _epoch(attach: Attach) -> int | None:
    epoch = attach.properties.get(_EPOCH)
    if epoch is None or (isinstance(epoch, int) and epoch >= 0):
        return epoch
    raise AmqpError(Condition.ARGUMENT_ERROR, f"The owner level {epoch!r} is not a number from 0 on.")


def _start_position(attach: Attach) -> StartPosition:
    filters = [value.value if isinstance(value, codec.Described) else value for value in attach.filters.values()]
    if not filters:
        return EARLIEST
    if len(filters) > 1:
        raise AmqpError(Condition.NOT_IMPLEMENTED, f"The filters {sorted(attach.filters)} are more than one.")
    selector = filters[0].decode() if isinstance(filters[0], bytes) else filters[0]
    return parse_selector(str(selector))
