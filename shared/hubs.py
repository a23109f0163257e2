"""Event Hubs: the only module that speaks `azure.eventhub`."""

import asyncio
import contextlib
import hashlib
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Self

from shared.errors import Problem

if TYPE_CHECKING:
    from azure.eventhub import EventData, EventDataBatch
    from azure.eventhub.aio import EventHubProducerClient

SEND_TIMEOUT_S: Final = 10
RETRY_AFTER_S: Final = 5
"""What a caller is told to wait when the hub does not take an event."""

WAITING_LIMIT: Final = 200
WAITING_LIMIT_BYTES: Final = 8 * 1024 * 1024
"""What may wait for one partition, in events and in bytes of their bodies; who comes then is told to come back."""

TELEMETRY_HUB: Final = "telemetry"
JOBS_HUB: Final = "jobs"
CONNECTION: Final = "EventHubs"
"""Name of the app setting that triggers and senders connect with."""


@dataclass(frozen=True, slots=True)
class PartitionEnd:
    """What one partition of a hub holds."""

    partition: str
    last_sequence_number: int
    last_enqueued_at: datetime
    is_empty: bool
    """Whether nothing of it is left."""


class Hub:
    """One hub, to send to."""

    def __init__(self, producer: "EventHubProducerClient") -> None:
        """Wrap an SDK producer."""
        self._producer = producer

    async def send(self, body: bytes, *, key: str, properties: Mapping[str, Any] | None = None) -> None:
        """Send one event; all events of a key keep their order.

        Raises:
            Problem: body_too_large, when the hub takes no event of that size; hub_unavailable, when the hub has not
                confirmed it in time. It may have been taken all the same: what is sent must be safe to send again.
        """
        from azure.eventhub import EventData  # noqa: PLC0415 - loaded where used
        from azure.eventhub.exceptions import EventHubError  # noqa: PLC0415 - loaded where used

        event = EventData(body)
        event.properties.update(properties or {})
        try:
            async with asyncio.timeout(SEND_TIMEOUT_S):
                batch = await self._producer.create_batch(partition_key=key)
                try:
                    batch.add(event)
                except ValueError as error:
                    raise Problem("body_too_large") from error
                await self._producer.send_batch(batch)
        except (TimeoutError, EventHubError) as error:
            raise Problem("hub_unavailable", retry_after_s=RETRY_AFTER_S) from error

    async def ends(self) -> list[PartitionEnd]:
        """What each partition holds, as the hub says.

        Raises:
            EventHubError: the hub is away.
        """
        async with asyncio.timeout(SEND_TIMEOUT_S):
            told = [
                await self._producer.get_partition_properties(partition)
                for partition in await self._producer.get_partition_ids()
            ]
        return [
            PartitionEnd(
                str(one["id"]),
                int(one["last_enqueued_sequence_number"]),
                one["last_enqueued_time_utc"].replace(tzinfo=UTC),
                bool(one["is_empty"]),
            )
            for one in told
        ]

    async def close(self) -> None:
        """Close the connection."""
        await self._producer.close()


@dataclass(frozen=True, slots=True)
class _Waiting:
    """One event, and whoever waits for it: done as well when nobody waits any more."""

    event: "EventData"
    size: int
    sent: asyncio.Future[None]

    def fail(self, error: Exception) -> None:
        if not self.sent.done():
            self.sent.set_exception(error)


class _Lane:
    """One partition: while a send is on its way, what comes meanwhile gathers for the next one."""

    def __init__(self, producer: "EventHubProducerClient", partition: str) -> None:
        self._producer = producer
        self._partition = partition
        self._waiting: deque[_Waiting] = deque()
        self._bytes = 0
        self._sending: asyncio.Task[None] | None = None

    async def send(self, event: "EventData", size: int) -> None:
        if len(self._waiting) >= WAITING_LIMIT or self._bytes + size > WAITING_LIMIT_BYTES:
            raise Problem("hub_unavailable", retry_after_s=RETRY_AFTER_S)
        waiting = _Waiting(event, size, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        self._bytes += size
        if self._sending is None or self._sending.done():
            self._sending = asyncio.create_task(self._send_all())
        await waiting.sent

    async def _send_all(self) -> None:
        while self._waiting:
            taken: list[_Waiting] = []
            try:
                async with asyncio.timeout(SEND_TIMEOUT_S):
                    batch = await self._producer.create_batch(partition_id=self._partition)
                taken = self._gathered(batch)
                if taken:  # the client's own limit: it opens the link anew, which one that is cut off does not
                    await self._producer.send_batch(batch, timeout=SEND_TIMEOUT_S)
            except asyncio.CancelledError:
                self._fail([*taken, *self._all()], None)
                raise
            except Exception as error:  # noqa: BLE001 - the edge of a task that nobody awaits: those who wait are told
                self._fail(taken or self._all(), error)
            for one in taken:
                if not one.sent.done():
                    one.sent.set_result(None)

    def _gathered(self, batch: "EventDataBatch") -> list[_Waiting]:
        """Take from the front what fits into the batch, and what is too large for any."""
        taken: list[_Waiting] = []
        while self._waiting:
            one = self._waiting[0]
            if not one.sent.done():  # by a caller who was cancelled, or has given up
                try:
                    batch.add(one.event)
                except ValueError:
                    if taken:
                        break
                    one.fail(Problem("body_too_large"))
                else:
                    taken.append(one)
            self._waiting.popleft()
            self._bytes -= one.size
        return taken

    def _all(self) -> list[_Waiting]:
        everybody = list(self._waiting)
        self._waiting.clear()
        self._bytes = 0
        return everybody

    def _fail(self, several: Iterable[_Waiting], cause: Exception | None) -> None:
        """Each of them has a failure of their own."""
        for one in several:
            error = Problem("hub_unavailable", retry_after_s=RETRY_AFTER_S)
            error.__cause__ = cause
            one.fail(error)

    async def close(self) -> None:
        if self._sending is not None:
            self._sending.cancel()
            await asyncio.wait([self._sending])


class SharedHub(Hub):
    """A hub whose senders share sends: a fixed hash of an event's key names its partition, and with it the send."""

    def __init__(self, producer: "EventHubProducerClient") -> None:
        """Wrap an SDK producer; partitions are asked for at the first send."""
        super().__init__(producer)
        self._lanes: list[_Lane] = []
        self._opening = asyncio.Lock()

    async def send(self, body: bytes, *, key: str, properties: Mapping[str, Any] | None = None) -> None:
        """Send one event, together with those of others; all events of a key keep their order.

        Raises:
            Problem: as for any hub; hub_unavailable as well, at once, when too many wait already.
        """
        from azure.eventhub import EventData  # noqa: PLC0415 - loaded where used
        from azure.eventhub.exceptions import EventHubError  # noqa: PLC0415 - loaded where used

        event = EventData(body)
        event.properties.update(properties or {})
        try:
            async with asyncio.timeout(SEND_TIMEOUT_S):
                lanes = self._lanes or await self._opened()
                await lanes[_fixed_hash(key) % len(lanes)].send(event, len(body))
        except (TimeoutError, EventHubError) as error:
            raise Problem("hub_unavailable", retry_after_s=RETRY_AFTER_S) from error

    async def _opened(self) -> list[_Lane]:
        async with self._opening:  # each that asks opens a connection of its own for that
            if not self._lanes:
                partitions = sorted(await self._producer.get_partition_ids(), key=int)
                self._lanes = [_Lane(self._producer, partition) for partition in partitions]
        return self._lanes

    async def close(self) -> None:
        """Close the connection; who still waits is told that it was not sent."""
        for lane in self._lanes:
            await lane.close()
        await super().close()


def _fixed_hash(key: str) -> int:
    """The same in every process, as Python's own is not."""
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:8])


class Hubs:
    """The hubs of the service."""

    def __init__(self, telemetry: Hub, jobs: Hub) -> None:
        """Take the opened hubs."""
        self.telemetry = telemetry
        self.jobs = jobs

    @classmethod
    def open(cls, *, connection: str | None, namespace: str | None, credential: Any) -> Self:
        """Make both senders; they connect when they first send."""
        from azure.eventhub.aio import EventHubProducerClient  # noqa: PLC0415 - loaded where used

        def producer(hub: str) -> EventHubProducerClient:
            if connection is not None:
                return EventHubProducerClient.from_connection_string(
                    connection, eventhub_name=hub, retry_total=2, auth_timeout=SEND_TIMEOUT_S
                )
            return EventHubProducerClient(str(namespace), hub, credential, retry_total=2, auth_timeout=SEND_TIMEOUT_S)

        return cls(SharedHub(producer(TELEMETRY_HUB)), Hub(producer(JOBS_HUB)))

    async def close(self) -> None:
        """Close both senders."""
        async with contextlib.AsyncExitStack() as stack:
            stack.push_async_callback(self.telemetry.close)
            stack.push_async_callback(self.jobs.close)
