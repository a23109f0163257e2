"""The SDK's clients as the tests use them."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, Self

from azure.core.credentials import AccessToken
from azure.eventhub import EventData, TransportType
from azure.eventhub.aio import EventHubConsumerClient, EventHubProducerClient, PartitionContext

from local.eventhubs.messages import read_delivery
from local.eventhubs.server import EventHubsServer
from local.tls import ca_file
from tests.local.eventhubs.peer import data_message

HUB = "telemetry"


def producer_client(server: EventHubsServer, hub: str = HUB, **options: Any) -> EventHubProducerClient:
    return EventHubProducerClient.from_connection_string(server.connection_string, eventhub_name=hub, **options)


def consumer_client(server: EventHubsServer, group: str = "$Default", **options: Any) -> EventHubConsumerClient:
    return EventHubConsumerClient.from_connection_string(server.connection_string, group, eventhub_name=HUB, **options)


class Credential:
    """An `azure.core.credentials.AsyncTokenCredential` without an identity provider behind it."""

    def __init__(self, token: str) -> None:
        self.token = token
        self.scopes: set[str] = set()

    async def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        self.scopes.update(scopes)
        return AccessToken(self.token, int(time.time()) + 3600)

    async def close(self) -> None: ...

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None: ...


def azure_options(address: str, directory: Path) -> dict[str, Any]:
    """How a client written for Azure is pointed at this machine.

    Any port but 5671 has to be a custom endpoint, and a custom endpoint means WebSockets unless the transport is named.
    """
    return {
        "custom_endpoint_address": address,
        "transport_type": TransportType.Amqp,
        "connection_verify": str(ca_file(directory)),
        "retry_total": 0,
    }


def azure_producer(address: str, directory: Path, credential: Credential) -> EventHubProducerClient:
    return EventHubProducerClient("localhost", HUB, credential, **azure_options(address, directory))


def put(server: EventHubsServer, *bodies: bytes, partition_id: str = "0") -> None:
    """Events right into a partition: a client takes a second to connect."""
    for body in bodies:
        _, events = read_delivery(data_message(body), 0)
        server._namespace.hub(HUB).partition(partition_id).append(events)


class Inbox:
    """What a running consumer got: events, and errors."""

    def __init__(self) -> None:
        self.events: list[EventData] = []
        self.errors: list[Exception] = []
        self._changed = asyncio.Event()

    async def take(self, context: PartitionContext, events: list[EventData]) -> None:
        del context
        self.events += events
        self._changed.set()

    async def fail(self, context: PartitionContext | None, error: Exception) -> None:
        del context
        self.errors.append(error)
        self._changed.set()

    async def until(self, enough: Callable[["Inbox"], Any]) -> None:
        """Wait for events or errors; the suite's time-out is the limit."""
        while not enough(self):
            self._changed.clear()
            await self._changed.wait()

    async def bodies(self, count: int) -> list[str]:
        """The first bodies, as soon as there are so many."""
        await self.until(lambda inbox: len(inbox.events) >= count or inbox.errors)
        assert not self.errors
        return [event.body_as_str() for event in self.events]


@contextlib.asynccontextmanager
async def receiving(client: EventHubConsumerClient, **options: Any) -> AsyncIterator[Inbox]:
    """Let a client receive while the block runs."""
    inbox = Inbox()
    async with client:
        task = asyncio.create_task(client.receive_batch(inbox.take, on_error=inbox.fail, **options))
        try:
            yield inbox
        finally:
            await end(task, client)


async def end(receive: asyncio.Task[None], client: EventHubConsumerClient) -> None:
    """End a client's work at once: left alone it looks only every second whether its partitions have ended."""
    processors: Any = client._event_processors.values()
    for tasks in ([task for processor in processors for task in processor._tasks.values()], [receive]):
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def readers(server: EventHubsServer, count: int, partition_id: str = "0") -> None:
    """Wait until a partition has so many readers: the SDK does not say when its link is open."""
    partition = server._namespace.hub(HUB).partition(partition_id)
    while len(partition._readers) != count:  # noqa: ASYNC110 - nothing announces a reader
        await asyncio.sleep(0.01)
