"""What a link's address names: a hub to send to, a partition to read from, a node to ask."""

import re
from typing import Final

from local.eventhubs.access import Grants
from local.eventhubs.errors import AmqpError, Condition
from local.eventhubs.faults import HubFaults
from local.eventhubs.links import ConsumerLink, IncomingLink, Link, ProducerLink, ReplyLink
from local.eventhubs.messages import read_delivery
from local.eventhubs.namespace import Clock, Namespace
from local.eventhubs.nodes import CBS, MANAGEMENT, Desk
from local.eventhubs.performatives import Attach
from local.eventhubs.session import Session

_IDEMPOTENT: Final = "com.microsoft:idempotent-producer"
_AUTHORITY: Final = re.compile(r"^[a-z]+://[^/]*/?")
_PRODUCER: Final = re.compile(r"(?P<hub>[^/]+)(/partitions/(?P<partition>[^/]+))?", re.IGNORECASE)
_CONSUMER: Final = re.compile(
    r"(?P<hub>[^/]+)/consumergroups/(?P<group>[^/]+)/partitions/(?P<partition>[^/]+)", re.IGNORECASE
)


class LinkOpener:
    """Finds out what a link is for, and whether this connection may have it."""

    def __init__(self, namespace: Namespace, desk: Desk, grants: Grants, clock: Clock, faults: HubFaults) -> None:
        self._namespace = namespace
        self._desk = desk
        self._grants = grants
        self._clock = clock
        self._faults = faults

    def open(self, session: Session, attach: Attach) -> Link:
        """The link, answered.

        Raises:
            AmqpError: there is no such address, or no right to use it.
        """
        address = _AUTHORITY.sub("", attach.address).strip("/")
        node = address.rpartition("/")[2].lower()
        if node in (CBS, MANAGEMENT):
            return ReplyLink(session, attach, node) if attach.peer_receives else self._requests(session, attach, node)
        self._grants.check(address)
        match = (_CONSUMER if attach.peer_receives else _PRODUCER).fullmatch(address)
        if match is None:
            raise AmqpError(Condition.NOT_FOUND, f"The address '{attach.address}' could not be found.")
        if attach.peer_receives:
            return self._consumer(session, attach, **match.groupdict())
        return self._producer(session, attach, **match.groupdict())

    def _requests(self, session: Session, attach: Attach, node: str) -> Link:
        def deliver(payload: bytes, _: int) -> None:
            links = session.links.values()
            way_back = next((link for link in links if isinstance(link, ReplyLink) and link.node == node), None)
            if way_back is None:
                raise AmqpError(Condition.NOT_FOUND, f"No link of this session takes replies from {node}.")
            way_back.reply(self._desk.reply(node, payload))

        return IncomingLink(session, attach, deliver)

    def _producer(self, session: Session, attach: Attach, hub: str, partition: str | None) -> Link:
        if _IDEMPOTENT in attach.desired_capabilities:
            raise AmqpError(Condition.NOT_IMPLEMENTED, f"The capability '{_IDEMPOTENT}' is not supported.")
        target = self._namespace.hub(hub)
        fixed = None if partition is None else target.partition(partition)

        def deliver(payload: bytes, message_format: int) -> None:
            partition_key, events = read_delivery(payload, message_format)
            (fixed or target.route(partition_key)).append(events)

        return ProducerLink(session, attach, deliver, self._faults, hub.lower())

    def _consumer(self, session: Session, attach: Attach, hub: str, group: str, partition: str) -> Link:
        source = self._namespace.hub(hub)
        return ConsumerLink(
            session,
            attach,
            source.partition(partition),
            source.group(group),
            self._clock,
            self._faults,
            hub.lower(),
        )
