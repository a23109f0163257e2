import asyncio
import contextlib
import gc
import re
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Any

import pytest
from azure.eventhub import EventData
from azure.eventhub.aio import EventHubConsumerClient, PartitionContext
from azure.eventhub.extensions.checkpointstoreblobaio import BlobCheckpointStore
from azure.storage.blob.aio import ContainerClient

from local.eventhubs.namespace import HubDefinition
from local.eventhubs.server import EventHubsServer
from tests.local.eventhubs.clients import HUB, end, put

pytestmark = [
    pytest.mark.wire,
    # Balancing cancels consumers; the SDK leaves the socket of one that was still in its handshake.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

AZURITE = Path(__file__).parents[3] / "local/node_modules/.bin/azurite-blob"
ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
"""The account that Azurite publishes."""


@pytest.fixture
async def container(tmp_path: Path) -> AsyncIterator[str]:
    """A new blob container on an Azurite of its own; yields what `from_connection_string` takes."""
    options = ["--blobHost", "127.0.0.1", "--blobPort", "0", "--skipApiVersionCheck", "--disableTelemetry"]
    process = await asyncio.create_subprocess_exec(
        str(AZURITE), *options, "--inMemoryPersistence", cwd=tmp_path, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        while not (ready := re.search(rb"listens on (http://\S+)", await process.stdout.readline())):
            assert not process.stdout.at_eof()
        rest = asyncio.create_task(process.stdout.read())  # its request log must not fill the pipe
        connection = f"AccountName={ACCOUNT};AccountKey={KEY};BlobEndpoint={ready[1].decode()}/{ACCOUNT};"
        async with ContainerClient.from_connection_string(connection, "checkpoints") as client:
            await client.create_container()
        yield connection
    finally:
        process.terminate()
        await process.wait()
    await rest
    gc.collect()  # what the SDK left is to be found here, not in another test


class Host:
    """A consumer with a checkpoint store, as the Functions host runs one."""

    def __init__(self, server: EventHubsServer, container: str) -> None:
        self.bodies: set[str] = set()
        self.owned: set[str] = set()
        self.changed = asyncio.Event()
        self._store = BlobCheckpointStore.from_connection_string(container, "checkpoints")
        self._client = EventHubConsumerClient.from_connection_string(
            server.connection_string,
            "$Default",
            eventhub_name=HUB,
            checkpoint_store=self._store,
            load_balancing_interval=0.3,
        )

    async def _take(self, context: PartitionContext, events: list[EventData]) -> None:
        await context.update_checkpoint()
        self.bodies |= {event.body_as_str() for event in events}
        self.changed.set()

    async def _own(self, context: PartitionContext) -> None:
        self.owned.add(context.partition_id)
        self.changed.set()

    async def _lose(self, context: PartitionContext, _: Any) -> None:
        self.owned.discard(context.partition_id)
        self.changed.set()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator["Host"]:
        async with self._store, self._client:
            task = asyncio.create_task(
                self._client.receive_batch(
                    self._take,
                    on_partition_initialize=self._own,
                    on_partition_close=self._lose,
                    starting_position="-1",
                )
            )
            try:
                yield self
            finally:
                await end(task, self._client)


async def reached(condition: Any, *hosts: Host) -> None:
    """Wait until the hosts' callbacks have made it true."""
    while not condition():
        waits = [asyncio.create_task(host.changed.wait()) for host in hosts]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for wait, host in zip(waits, hosts, strict=True):
            wait.cancel()
            host.changed.clear()


def bodies(round_name: str, partitions: Iterable[str] = "0123") -> set[str]:
    return {f"{round_name} {partition}" for partition in partitions}


def put_into_each(server: EventHubsServer, round_name: str) -> None:
    for partition in "0123":
        put(server, f"{round_name} {partition}".encode(), partition_id=partition)


async def test_two_hosts_share_and_the_next_life_resumes(container: str, tmp_path: Path) -> None:
    """Two consumers end up with half of the partitions each; after hosts and endpoint restarted, reading resumes."""
    hubs, data = [HubDefinition(HUB, 4)], tmp_path / "data"
    async with EventHubsServer(hubs, data=data) as server:
        port = server.port
        put_into_each(server, "first")
        first, second = Host(server, container), Host(server, container)
        async with first.running():
            await reached(lambda: first.bodies == bodies("first"), first)
            async with second.running():
                await reached(lambda: len(first.owned) == len(second.owned) == 2, first, second)
                put_into_each(server, "second")
                await reached(
                    lambda: (
                        bodies("second", first.owned) <= first.bodies
                        and bodies("second", second.owned) <= second.bodies
                    ),
                    first,
                    second,
                )
    async with EventHubsServer(hubs, port, data) as server:
        put_into_each(server, "third")
        third = Host(server, container)
        async with third.running():
            await reached(lambda: bodies("third") <= third.bodies, third)
    assert third.bodies == bodies("third")
