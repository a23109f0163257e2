"""Snapshots, restoring them, and the clock."""

import asyncio
import sqlite3
from pathlib import Path

import aiohttp
import pytest
from azure.cosmos import PartitionKey, exceptions
from azure.cosmos.aio import ContainerProxy, CosmosClient

from local.cosmos import CosmosServer, UnusableSnapshot
from local.cosmos.store import Store
from tests.local.cosmos.conftest import Clock, MakeContainer, items

pytestmark = pytest.mark.wire


async def test_everything_goes_back_to_the_snapshot(
    server: CosmosServer, client: CosmosClient, make_container: MakeContainer, tmp_path: Path
) -> None:
    """Items, ETags, containers with their definitions, sequence numbers: as they were, while clients stay connected."""
    container = await make_container(default_ttl=-1)
    kept = await container.create_item({"id": "kept", "pk": "p", "n": 1})
    await container.create_item({"id": "deleted", "pk": "p"})
    server.snapshot(tmp_path / "then")
    await container.upsert_item({"id": "kept", "pk": "p", "n": 2})
    await container.delete_item("deleted", "p")
    await container.create_item({"id": "later", "pk": "p"})
    database = client.get_database_client("db")
    await database.replace_container(container, PartitionKey("/pk"), default_ttl=10)
    await database.create_container("later", PartitionKey("/pk"))
    server.restore(tmp_path / "then")
    assert await container.read_item("kept", "p") == kept
    assert [item["id"] for item in await items(container.read_all_items())] == ["deleted", "kept"]
    assert [each["id"] async for each in database.list_containers()] == [container.id]
    assert (await container.read())["defaultTtl"] == -1
    await container.create_item({"id": "next", "pk": "p"})
    assert container.client_connection.last_response_headers["lsn"] == "3"


async def test_a_server_can_begin_with_a_snapshot(
    server: CosmosServer, container: ContainerProxy, tmp_path: Path, clock: Clock
) -> None:
    """Another one, with a file of its own whose content is lost; the snapshot itself stays as it is."""
    await container.create_item({"id": "a", "pk": "p"})
    server.snapshot(tmp_path / "then")
    for _ in range(2):
        other = CosmosServer(file=tmp_path / "data.sqlite", snapshot=tmp_path / "then", clock=clock)
        async with other, CosmosClient(other.endpoint, other.key) as client:
            theirs = client.get_database_client("db").get_container_client(container.id)
            assert [item["id"] for item in await items(theirs.read_all_items())] == ["a"]
            await theirs.create_item({"id": "b", "pk": "p"})
    async with CosmosServer(file=tmp_path / "data.sqlite") as again, CosmosClient(again.endpoint, again.key) as client:
        theirs = client.get_database_client("db").get_container_client(container.id)
        assert len(await items(theirs.read_all_items())) == 2


async def test_a_batch_that_is_held_fails_when_its_ground_is_gone(
    server: CosmosServer, container: ContainerProxy, tmp_path: Path
) -> None:
    """What it has read is not there any more."""
    server.snapshot(tmp_path / "then")
    hold = server.hold_batches()
    batch = asyncio.ensure_future(container.execute_item_batch([("create", ({"id": "a", "pk": "p"},))], "p"))
    await hold.reached()
    server.restore(tmp_path / "then")
    with pytest.raises(exceptions.CosmosHttpResponseError) as caught:
        await batch
    assert caught.value.status_code == 449
    assert await items(container.read_all_items()) == []


async def test_what_is_no_snapshot_is_refused(server: CosmosServer, container: ContainerProxy, tmp_path: Path) -> None:
    """And everything stays as it is; nor is a file overwritten that is there."""
    await container.create_item({"id": "a", "pk": "p"})
    text, other = tmp_path / "text", tmp_path / "other"
    text.write_text("This is no database at all. " * 50)
    connection = sqlite3.connect(other)
    connection.execute("CREATE TABLE documents (id)")
    connection.close()
    for file in (text, other, tmp_path / "missing"):
        with pytest.raises(UnusableSnapshot, match=file.name):
            server.restore(file)
    with pytest.raises(UnusableSnapshot, match="exists already"):
        server.snapshot(text)
    with pytest.raises(UnusableSnapshot, match="cannot be written"):
        server.snapshot(tmp_path / "missing" / "then")
    assert not (tmp_path / "missing").exists()
    assert [item["id"] for item in await items(container.read_all_items())] == ["a"]


def test_a_long_read_goes_on_while_all_is_restored(tmp_path: Path) -> None:
    """It sees the state of its beginning, as with any other change."""
    store = Store(tmp_path / "data.sqlite")
    try:
        store.copy_to(tmp_path / "then")
        store.connection.execute("INSERT INTO databases (body) VALUES ('{}')")
        with store.snapshot() as reading:
            count = "SELECT count(*) FROM databases"
            assert reading.execute(count).fetchone() == (1,)
            store.restore(tmp_path / "then")
            assert reading.execute(count).fetchone() == (1,)
            assert store.connection.execute(count).fetchone() == (0,)
    finally:
        store.close()


async def test_snapshots_over_the_wire(server: CosmosServer, container: ContainerProxy, tmp_path: Path) -> None:
    """The same by HTTP and JSON; a file has to be named by its whole path."""
    file = {"file": str(tmp_path / "then")}
    async with aiohttp.ClientSession(f"{server.endpoint}_local/") as session:
        async with session.post("snapshot", json=file) as answer:
            assert answer.status == 200
        await container.create_item({"id": "a", "pk": "p"})
        async with session.post("restore", json=file) as answer:
            assert answer.status == 200
        assert await items(container.read_all_items()) == []
        async with session.post("snapshot", json=file) as answer:
            assert (answer.status, "exists already" in await answer.text()) == (400, True)
        async with session.post("snapshot", json={"file": "then"}) as answer:
            assert (answer.status, "whole path" in await answer.text()) == (400, True)


async def test_what_lives_until_then_is_gone_when_the_clock_is_put_forward(
    server: CosmosServer, make_container: MakeContainer
) -> None:
    """Time to live and `_ts` go by the server's clock, and nobody has to wait."""
    container = await make_container(default_ttl=100)
    before = await container.create_item({"id": "a", "pk": "p"})
    server.clock.forward(99)
    await container.read_item("a", "p")
    server.clock.forward(1)
    with pytest.raises(exceptions.CosmosResourceNotFoundError):
        await container.read_item("a", "p")
    after = await container.create_item({"id": "a", "pk": "p"})
    assert after["_ts"] - before["_ts"] == 100


async def test_the_clock_over_the_wire(server: CosmosServer, clock: Clock) -> None:
    """It can be asked, put forward and set right."""
    async with aiohttp.ClientSession() as session:
        url = f"{server.endpoint}_local/clock"
        async with session.post(url, json={"forward": 90}) as answer:
            assert await answer.json() == {"now": clock.now + 90, "aheadSeconds": 90}
        async with session.post(url, json={"forward": -1}) as answer:
            assert answer.status == 400
        async with session.get(url) as answer:
            assert (await answer.json())["aheadSeconds"] == 90
        async with session.delete(url) as answer:
            assert (await answer.json())["now"] == clock.now
