"""A server and containers for tests with the real client."""

import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from azure.cosmos import PartitionKey
from azure.cosmos.aio import ContainerProxy, CosmosClient, DatabaseProxy

from local.cosmos import CosmosServer

type Json = dict[str, Any]
type MakeContainer = Callable[..., Awaitable[ContainerProxy]]

INDEX_NOTHING: Json = {"indexingMode": "consistent", "includedPaths": [], "excludedPaths": [{"path": "/*"}]}


LARGE_BODY = "ignore:Sending a large body:ResourceWarning"
"""A warning of the client's transport about requests over 1 MB."""


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now

    def pass_time(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def server(clock: Clock) -> AsyncIterator[CosmosServer]:
    async with CosmosServer(clock=clock) as running:
        yield running


@pytest.fixture
async def client(server: CosmosServer) -> AsyncIterator[CosmosClient]:
    async with CosmosClient(server.endpoint, server.key) as connected:
        yield connected


@pytest.fixture
async def database(client: CosmosClient) -> DatabaseProxy:
    return await client.create_database("db")


@pytest.fixture
def make_container(database: DatabaseProxy) -> MakeContainer:
    """Makes a container partitioned by /pk unless told otherwise."""
    numbers = itertools.count(1)

    async def make(*paths: str, **properties: Any) -> ContainerProxy:
        key = PartitionKey(list(paths), kind="MultiHash") if len(paths) > 1 else PartitionKey((*paths, "/pk")[0])
        made: ContainerProxy = await database.create_container(f"c{next(numbers)}", key, **properties)
        return made

    return make


@pytest.fixture
async def container(make_container: MakeContainer) -> ContainerProxy:
    return await make_container()


async def items(pages: AsyncIterator[Any]) -> list[Any]:
    """All that a query or a feed gives."""
    return [item async for item in pages]


def pages_of(container: ContainerProxy, query: str, place: str | None = None, **options: Any) -> Any:
    """The pages of a query in one partition, from a continuation on; typed loosely, as rows may be any JSON."""
    return container.query_items(query, partition_key="p", **options).by_page(place)


def own(item: Json) -> Json:
    """An item without the service's properties."""
    return {name: value for name, value in item.items() if not name.startswith("_")}
