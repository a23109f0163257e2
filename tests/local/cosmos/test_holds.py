"""A batch that is held between its reads and its commit, as the service might hold it up at the worst moment.

What the endpoint does here is a model of snapshot isolation, not a finding about Azure.
"""

import asyncio
from typing import Any

import pytest
from azure.cosmos import PartitionKey, exceptions
from azure.cosmos.aio import ContainerProxy, CosmosClient

from local.cosmos import CosmosServer
from tests.local.cosmos.conftest import Clock, MakeContainer, items

pytestmark = pytest.mark.wire

STORE = [("read", ("alive:1",)), ("create", ({"id": "reading", "pk": "p"},))]
"""What a worker does: write if the marker of the policy it knows is there."""

CHANGE = [("delete", ("alive:1",)), ("create", ({"id": "alive:2", "pk": "p"},))]
"""What a change of the policy does: replace the marker."""


@pytest.fixture
async def container(make_container: MakeContainer) -> ContainerProxy:
    made = await make_container()
    await made.create_item({"id": "alive:1", "pk": "p"})
    return made


def running(container: ContainerProxy, operations: list[Any]) -> asyncio.Future[Any]:
    return asyncio.ensure_future(container.execute_item_batch(operations, "p"))


async def stored(container: ContainerProxy) -> list[Any]:
    return [item["id"] for item in await items(container.read_all_items())]


async def status(batch: asyncio.Future[Any]) -> int | None:
    """What a failed batch was refused with."""
    with pytest.raises((exceptions.CosmosHttpResponseError, exceptions.CosmosBatchOperationError)) as caught:
        await batch
    return caught.value.status_code


async def test_a_batch_that_only_read_the_old_marker_still_commits(
    server: CosmosServer, container: ContainerProxy
) -> None:
    """Its reads are those of its start: the write lands after the change that it did not see."""
    with server.hold_batches(container=container.id, partition="p") as hold:
        late = running(container, STORE)
        await hold.reached()
        await container.execute_item_batch(CHANGE, "p")
        assert await stored(container) == ["alive:2"]
    results = await late
    assert [(result["statusCode"], result["resourceBody"]["id"]) for result in results] == [
        (200, "alive:1"),
        (201, "reading"),
    ]
    assert await stored(container) == ["alive:2", "reading"]
    changes = [item["id"] for item in await items(container.query_items_change_feed(start_time="Beginning"))]
    assert changes == ["alive:2", "reading"]


async def test_a_batch_that_begins_after_the_change_fails(server: CosmosServer, container: ContainerProxy) -> None:
    """It fails at its reads, at once, and the hold waits for one that gets as far as its commit."""
    await container.execute_item_batch(CHANGE, "p")
    with server.hold_batches() as hold:
        assert await status(running(container, STORE)) == 404
        later = running(container, [("read", ("alive:2",)), STORE[1]])
        await hold.reached()
    await later
    assert await stored(container) == ["alive:2", "reading"]


@pytest.mark.parametrize(
    "operation",
    [
        ("delete", ("alive:1",)),
        ("upsert", ({"id": "alive:1", "pk": "p", "n": 1},)),
        ("replace", ("alive:1", {"id": "alive:2", "pk": "p"})),
        ("patch", ("alive:1", [{"op": "add", "path": "/n", "value": 1}])),
        ("create", ({"id": "alive:2", "pk": "p"},)),
    ],
    ids=lambda operation: operation[0],
)
async def test_two_batches_that_write_the_same_do_not_both_commit(
    server: CosmosServer, container: ContainerProxy, operation: Any
) -> None:
    """The later to commit is 449 as a whole."""
    with server.hold_batches() as hold:
        late = running(container, [STORE[1], operation])
        await hold.reached()
        await container.execute_item_batch(CHANGE, "p")
    assert await status(late) == 449
    assert await stored(container) == ["alive:2"]


async def test_a_batch_may_read_what_it_writes(server: CosmosServer, container: ContainerProxy) -> None:
    """Held or not, it sees its own writes, and no number is used up by having been held."""
    with server.hold_batches() as hold:
        late = running(container, [STORE[1], ("read", ("reading",)), ("delete", ("reading",)), *CHANGE])
        await hold.reached()
        await container.create_item({"id": "other", "pk": "p"})
    assert [result["statusCode"] for result in await late] == [201, 200, 204, 204, 201]
    assert await stored(container) == ["alive:2", "other"]
    assert container.client_connection.last_response_headers["lsn"] == "3"


@pytest.mark.parametrize(("seconds", "late"), [(4.9, False), (5.1, True)])
async def test_a_batch_is_aborted_after_five_seconds(
    server: CosmosServer, container: ContainerProxy, seconds: float, late: bool
) -> None:
    """By the server's clock; nothing of it is stored then."""
    with server.hold_batches() as hold:
        batch = running(container, STORE)
        await hold.reached()
        server.clock.forward(seconds)
    if late:
        assert await status(batch) == 408
    else:
        await batch
    assert await stored(container) == ["alive:1"] + ["reading"] * (not late)


async def test_only_the_named_partition_is_held(server: CosmosServer, make_container: MakeContainer) -> None:
    """Batches of other containers and partitions pass, and so does a second one of the same."""
    one, two = await make_container(), await make_container("/tenant", "/user")
    with server.hold_batches(container=two.id, partition=["t", "u"]) as hold:
        await one.execute_item_batch([("create", ({"id": "a", "pk": "p"},))], "p")
        await two.execute_item_batch([("create", ({"id": "a", "tenant": "t", "user": "v"},))], ["t", "v"])
        create = ("create", ({"id": "a", "tenant": "t", "user": "u"},))
        held = asyncio.ensure_future(two.execute_item_batch([create], ["t", "u"]))
        await hold.reached()
        await two.execute_item_batch([("create", ({"id": "b", "tenant": "t", "user": "u"},))], ["t", "u"])
    await held
    assert sorted(await stored(two)) == ["a", "a", "b"]


async def test_several_can_be_held_at_once(server: CosmosServer, container: ContainerProxy) -> None:
    """Each hold stops one batch; they commit in the order in which they are released."""
    with server.hold_batches() as first, server.hold_batches() as second:
        one = running(container, [("create", ({"id": "one", "pk": "p"},))])
        await first.reached()
        two = running(container, [("create", ({"id": "two", "pk": "p"},))])
        await second.reached()
        second.release()
        await two
        assert await stored(container) == ["alive:1", "two"]
    await one
    assert await stored(container) == ["alive:1", "one", "two"]


async def test_a_hold_that_nothing_reached_lets_all_pass(server: CosmosServer, container: ContainerProxy) -> None:
    """Once released it stops nothing any more."""
    with server.hold_batches():
        pass
    await container.execute_item_batch(STORE, "p")


async def test_a_held_batch_does_not_outlive_its_container(
    server: CosmosServer, client: CosmosClient, make_container: MakeContainer
) -> None:
    """It is refused, and nothing is left behind."""
    gone = await make_container()
    with server.hold_batches() as hold:
        batch = running(gone, [("create", ({"id": "a", "pk": "p"},))])
        await hold.reached()
        await client.get_database_client("db").delete_container(gone)
    assert await status(batch) == 404


async def test_a_held_batch_does_not_hold_up_the_end(clock: Clock) -> None:
    """The server ends, and the batch fails."""
    async with CosmosServer(clock=clock) as server, CosmosClient(server.endpoint, server.key) as client:
        container = await (await client.create_database("db")).create_container("c", PartitionKey("/pk"))
        hold = server.hold_batches()
        batch = running(container, [("create", ({"id": "a", "pk": "p"},))])
        await hold.reached()
        await server.__aexit__()
        assert await status(batch) == 449
