"""The hubs of the endpoint: definitions, partitions, and who may read from them."""

import asyncio
import re
from collections.abc import Callable, Iterable, Sequence
from itertools import count
from typing import Final, NamedTuple, Protocol

from local.eventhubs.errors import AmqpError, Condition
from local.eventhubs.log import PartitionLog
from local.eventhubs.messages import Event, StoredEvent, read_stored
from local.eventhubs.partitioning import partition_of

DEFAULT_GROUP: Final = "$Default"
HUB_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,255}")
MAX_PARTITIONS: Final = 1024
MAX_READERS: Final = 5
"""Readers without an owner level that a consumer group may have on one partition."""

type Clock = Callable[[], int]
"""Milliseconds since 1970."""


class HubDefinition(NamedTuple):
    """What a hub is made from; the consumer group `$Default` exists in every hub."""

    name: str
    partitions: int = 4
    consumer_groups: tuple[str, ...] = (DEFAULT_GROUP,)


class Reader(Protocol):
    """A consumer link on a partition."""

    group: str
    epoch: int | None

    def wake(self) -> None:
        """There are new events."""

    def disconnect(self, error: AmqpError) -> None:
        """End the link: somebody else reads here now."""


class Partition:
    """One partition: its log, and its readers by consumer group."""

    def __init__(self, partition_id: str, log: PartitionLog, clock: Clock) -> None:
        self.id = partition_id
        self.log = log
        self._clock = clock
        self._readers: list[Reader] = []
        self._wake_due = False

    def append(self, events: Sequence[Event]) -> None:
        """Store events; readers hear of it once, however many appends one read of a socket brings."""
        self.log.append(events, self._clock())
        if self._readers and not self._wake_due:
            self._wake_due = True
            asyncio.get_running_loop().call_soon(self._wake)

    def _wake(self) -> None:
        self._wake_due = False
        for reader in tuple(self._readers):
            reader.wake()

    def expire(self) -> None:
        """Drop what is older than the retention allows."""
        self.log.expire(self._clock())

    def admit(self, reader: Reader) -> None:
        """Let a reader in by the rules of owner levels; those whom it outranks are disconnected.

        Raises:
            AmqpError: another reader of the group has a higher level, or the group has too many readers here.
        """
        peers = [peer for peer in self._readers if peer.group == reader.group]
        if reader.epoch is None:
            self._check_unowned(peers)
        else:
            self._check_outranked(reader.epoch, peers)
            for peer in peers:
                peer.disconnect(
                    AmqpError(
                        Condition.LINK_STOLEN,
                        f"New receiver with higher epoch of '{reader.epoch}' is created hence current receiver "
                        f"with epoch '{peer.epoch}' is getting disconnected. If you are recreating the receiver, "
                        "make sure a higher epoch is used.",
                    )
                )
        self._readers.append(reader)

    @staticmethod
    def _check_unowned(peers: Iterable[Reader]) -> None:
        levels = [peer.epoch for peer in peers]
        owner = next((level for level in levels if level is not None), None)
        if owner is not None:
            raise AmqpError(
                Condition.LINK_STOLEN,
                f"At least one receiver for the endpoint is created with epoch of '{owner}', and so non-epoch "
                "receiver is not allowed. Either reconnect with a higher epoch, or make sure all epoch receivers "
                "are closed or disconnected.",
            )
        if len(levels) >= MAX_READERS:
            raise AmqpError(
                Condition.RESOURCE_LIMIT_EXCEEDED,
                "Exceeded the maximum number of allowed receivers per partition in a consumer group "
                f"which is {MAX_READERS}.",
            )

    @staticmethod
    def _check_outranked(epoch: int, peers: Iterable[Reader]) -> None:
        owner = max((peer.epoch for peer in peers if peer.epoch is not None), default=epoch)
        if owner > epoch:
            raise AmqpError(
                Condition.LINK_STOLEN,
                f"Receiver with epoch '{epoch}' cannot be created: a receiver with a higher epoch of '{owner}' "
                "already exists.",
            )

    def leave(self, reader: Reader) -> None:
        """The reader is gone."""
        if reader in self._readers:
            self._readers.remove(reader)

    def events(self) -> list[StoredEvent]:
        """All kept events, decoded."""
        return [read_stored(self.id, message) for message in self.log.messages()]


class Hub:
    """An event hub."""

    def __init__(self, definition: HubDefinition, created_ms: int, logs: Sequence[PartitionLog], clock: Clock) -> None:
        self.name = definition.name
        self.created_ms = created_ms
        self.partitions = [Partition(str(index), log, clock) for index, log in enumerate(logs)]
        self._groups = {group.lower() for group in (DEFAULT_GROUP, *definition.consumer_groups)}
        self._turns = count()

    def route(self, partition_key: str | None) -> Partition:
        """The partition for a delivery that names none: by its key, else in turn."""
        total = len(self.partitions)
        return self.partitions[
            next(self._turns) % total if partition_key is None else partition_of(partition_key, total)
        ]

    def partition(self, partition_id: str) -> Partition:
        """A partition by its id."""
        for partition in self.partitions:
            if partition.id == partition_id:
                return partition
        raise AmqpError(
            Condition.ARGUMENT_OUT_OF_RANGE,
            f"The specified partition '{partition_id}' is invalid for an EventHub partition sender or receiver. "
            f"It should be between 0 and {len(self.partitions) - 1}.",
        )

    def group(self, name: str) -> str:
        """The name by which a consumer group is compared: case does not count."""
        if name.lower() not in self._groups:
            raise AmqpError(
                Condition.NOT_FOUND, f"The messaging entity '{self.name}/ConsumerGroups/{name}' could not be found."
            )
        return name.lower()


class Namespace:
    """The hubs by name; case does not count."""

    def __init__(self, hubs: Iterable[Hub]) -> None:
        self._hubs = {hub.name.lower(): hub for hub in hubs}

    def hub(self, name: str) -> Hub:
        """A hub by its name."""
        hub = self._hubs.get(name.lower())
        if hub is None:
            raise AmqpError(Condition.NOT_FOUND, f"The messaging entity '{name}' could not be found.")
        return hub

    def expire(self) -> None:
        """Drop what is older than the retention allows, everywhere."""
        for hub in self._hubs.values():
            for partition in hub.partitions:
                partition.expire()
