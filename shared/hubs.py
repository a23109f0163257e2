"""Event Hubs: the only module that speaks `azure.eventhub`."""

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Self

from shared.errors import Problem

if TYPE_CHECKING:
    from azure.eventhub.aio import EventHubProducerClient

SEND_TIMEOUT_S: Final = 10
RETRY_AFTER_S: Final = 5
"""What a caller is told to wait when the hub does not take an event."""

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

        def producer(hub: str) -> Hub:
            if connection is not None:
                return Hub(
                    EventHubProducerClient.from_connection_string(
                        connection, eventhub_name=hub, retry_total=2, auth_timeout=SEND_TIMEOUT_S
                    )
                )
            return Hub(
                EventHubProducerClient(str(namespace), hub, credential, retry_total=2, auth_timeout=SEND_TIMEOUT_S)
            )

        return cls(producer(TELEMETRY_HUB), producer(JOBS_HUB))

    async def close(self) -> None:
        """Close both senders."""
        async with contextlib.AsyncExitStack() as stack:
            stack.push_async_callback(self.telemetry.close)
            stack.push_async_callback(self.jobs.close)
