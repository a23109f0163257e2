"""The server: authorization, several clients, files, totals, throttling and its command."""

import asyncio
import base64
import contextlib
import signal
import sqlite3
import sys
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from azure.cosmos import CosmosClient as SyncClient
from azure.cosmos import PartitionKey, exceptions
from azure.cosmos.aio import CosmosClient

from local.cosmos import EMULATOR_KEY, CosmosServer
from local.cosmos.store import Store
from local.cosmos.sweep import sweep
from local.serving import CannotStart
from tests.local.cosmos.conftest import Clock, MakeContainer, items, own, pages_of

pytestmark = pytest.mark.wire


async def test_another_key_is_401(server: CosmosServer) -> None:
    """A request signed with another key, or not at all, gets nothing."""
    wrong = base64.b64encode(b"x" * 64).decode()
    async with CosmosClient(server.endpoint, EMULATOR_KEY) as client:
        await client.create_database("db")
    stranger = CosmosClient(server.endpoint, wrong)
    with pytest.raises(exceptions.CosmosHttpResponseError) as caught:
        await stranger.create_database("other")
    await stranger.close()
    assert caught.value.status_code == 401
    async with aiohttp.ClientSession() as session, session.get(f"{server.endpoint}dbs/db") as answer:
        assert answer.status == 401
        assert (await answer.json())["code"] == "Unauthorized"


async def test_the_synchronous_client_works_too(server: CosmosServer) -> None:
    """The same calls by the client without asyncio."""

    def use() -> list[Any]:
        with SyncClient(server.endpoint, server.key) as client:
            database = client.create_database_if_not_exists("db")
            container = database.create_container_if_not_exists("c", PartitionKey("/pk"))
            container.execute_item_batch([("create", ({"id": name, "pk": "p"},)) for name in "abc"], "p")
            container.patch_item("a", "p", [{"op": "add", "path": "/n", "value": 1}])
            with pytest.raises(exceptions.CosmosResourceNotFoundError):
                container.read_item("missing", "p")
            feed = list(container.query_items_change_feed(start_time="Beginning"))
            assert [item["id"] for item in feed] == ["b", "c", "a"]
            return [own(item) for item in container.query_items("SELECT * FROM c ORDER BY c.id", partition_key="p")]

    found = await asyncio.to_thread(use)
    assert found == [{"id": "a", "pk": "p", "n": 1}, {"id": "b", "pk": "p"}, {"id": "c", "pk": "p"}]


async def test_clients_that_race_lose_nothing(server: CosmosServer, make_container: MakeContainer) -> None:
    """Concurrent increments under ETags from several clients all count."""
    container = await make_container()
    await container.create_item({"id": "count", "pk": "p", "n": 0})

    async def increment(client: CosmosClient, times: int) -> None:
        theirs = client.get_database_client("db").get_container_client(container.id)
        while times:
            item = await theirs.read_item("count", "p")
            operation = ("replace", ("count", {**item, "n": item["n"] + 1}), {"if_match_etag": item["_etag"]})
            with contextlib.suppress(exceptions.CosmosBatchOperationError):
                await theirs.execute_item_batch([operation], "p")
                times -= 1

    async with CosmosClient(server.endpoint, server.key) as one, CosmosClient(server.endpoint, server.key) as two:
        await asyncio.gather(*(increment(client, 5) for client in (one, two) for _ in range(3)))
    assert (await container.read_item("count", "p"))["n"] == 30


async def test_a_query_sees_batches_whole(make_container: MakeContainer) -> None:
    """A long query and the batches that run meanwhile do not mix: each batch is seen in full or not at all."""
    container = await make_container()

    def batch(number: int) -> list[Any]:
        return [("upsert", ({"id": f"{name:03}", "pk": "p", "n": number},)) for name in range(100)]

    for key in range(5):  # makes the scan long enough to be interrupted
        rows = [("create", ({"id": f"x{name}", "pk": f"other{key}"},)) for name in range(100)]
        await container.execute_item_batch(rows, f"other{key}")
    await container.execute_item_batch(batch(0), "p")

    async def write() -> None:
        for number in range(1, 15):
            await container.execute_item_batch(batch(number), "p")

    writing = asyncio.create_task(write())
    while not writing.done():
        query = "SELECT VALUE c.n FROM c WHERE c.pk IN ('p', 'nobody') OR c.id = 'none'"
        seen = await items(container.query_items(query))
        assert (len(seen), len(set(seen))) == (100, 1)
    await writing


async def test_a_file_keeps_everything(tmp_path: Path, clock: Clock) -> None:
    """After a restart there are the same items, ETags, continuations and throughput, and numbers go on."""
    file = tmp_path / "data.sqlite"
    async with CosmosServer(file=file, clock=clock) as server, CosmosClient(server.endpoint, server.key) as client:
        database = await client.create_database("db")
        container = await database.create_container("c", PartitionKey("/pk"), offer_throughput=500, default_ttl=100)
        for name in "abc":
            await container.create_item({"id": name, "pk": "p"})
        await container.delete_item("c", "p")
        before = await container.read_item("a", "p")
        pages = pages_of(container, "SELECT VALUE c.id FROM c", max_item_count=1)
        assert [name async for name in await anext(pages)] == ["a"]
        place = pages.continuation_token
        await items(container.query_items_change_feed(start_time="Beginning"))
        feed = container.client_connection.last_response_headers["etag"]
    async with CosmosServer(file=file, clock=clock) as server, CosmosClient(server.endpoint, server.key) as client:
        container = client.get_database_client("db").get_container_client("c")
        assert await container.read_item("a", "p") == before
        assert (await container.get_throughput()).offer_throughput == 500
        await container.create_item({"id": "d", "pk": "p"})
        rest = pages_of(container, "SELECT VALUE c.id FROM c", place)
        assert [name async for page in rest async for name in page] == ["b", "d"]
        assert [item["id"] for item in await items(container.query_items_change_feed(continuation=feed))] == ["d"]
        clock.pass_time(101)
        assert await items(container.read_all_items()) == []


async def test_what_is_gone_is_cleared_away(tmp_path: Path, clock: Clock) -> None:
    """Expired items and those of deleted containers leave the file as well."""
    file = tmp_path / "data.sqlite"
    async with CosmosServer(file=file, clock=clock) as server, CosmosClient(server.endpoint, server.key) as client:
        database = await client.create_database("db")
        unique: Any = {"uniqueKeys": [{"paths": ["/u"]}]}
        expiring = await database.create_container("c", PartitionKey("/pk"), default_ttl=10, unique_key_policy=unique)
        deleted = await database.create_container("d", PartitionKey("/pk"))
        for number in range(3):
            await expiring.create_item({"id": str(number), "pk": "p", "u": number})
            await deleted.create_item({"id": str(number), "pk": "p"})
        await database.delete_container("d")
    assert _rows(file) >= 6
    store = Store(file)
    await sweep(store, clock.now + 11)
    store.close()
    assert _rows(file) == 0


def _rows(file: Path) -> int:
    connection = sqlite3.connect(file)
    try:
        documents, unique = connection.execute(
            "SELECT (SELECT count(*) FROM documents), (SELECT count(*) FROM unique_values)"
        ).fetchone()
        return int(documents + unique)
    finally:
        connection.close()


async def test_a_file_belongs_to_one_server(tmp_path: Path) -> None:
    """A second server on the same file, or on something else, does not start and says why."""
    file = tmp_path / "data.sqlite"
    async with CosmosServer(file=file):
        with pytest.raises(CannotStart, match="in use"):
            async with CosmosServer(file=file):
                pass
    text = tmp_path / "notes.txt"
    text.write_text("This is no database at all, however long one reads in it. " * 50)
    with pytest.raises(CannotStart, match="cannot be used"):
        async with CosmosServer(file=text):
            pass
    with pytest.raises(CannotStart, match="cannot be opened"):
        async with CosmosServer(file=tmp_path / "missing" / "data.sqlite"):
            pass


async def test_totals_are_counted_by_operation(server: CosmosServer, make_container: MakeContainer) -> None:
    """Requests, failures and request units of each container, until they are reset."""
    container = await make_container()
    usage = f"{server.endpoint}_local/usage"
    async with aiohttp.ClientSession() as session:
        await session.delete(usage)
        await container.create_item({"id": "a", "pk": "p"})
        await container.read_item("a", "p")
        with pytest.raises(exceptions.CosmosResourceNotFoundError):
            await container.read_item("b", "p")
        with pytest.raises(exceptions.CosmosBatchOperationError):
            await container.execute_item_batch([("read", ("b",))], "p")
        async with session.get(usage) as answer:
            report = (await answer.json())["containers"]["db/c1"]
        async with session.delete(usage) as answer:
            assert (await answer.json())["containers"] == {}
    assert report["operations"]["read"] == {"requests": 2, "failed": 1, "requestUnits": 2.0}
    assert report["operations"]["create"]["requestUnits"] == 7.33
    assert report["operations"]["batch"] == {"requests": 1, "failed": 1, "requestUnits": 1.0}
    assert (report["requests"], report["failed"], report["requestUnits"]) == (4, 2, 10.33)


async def test_throttling_answers_429_until_the_budget_is_back(clock: Clock) -> None:
    """A container over its RU/s answers 429 with a time to wait; after that time it serves again."""
    async with (
        CosmosServer(throttle=True, clock=clock) as server,
        CosmosClient(server.endpoint, server.key, retry_total=0, retry_throttle_total=0) as client,
    ):
        database = await client.create_database("db")
        small = await database.create_container("small", PartitionKey("/pk"), offer_throughput=20)
        free = await database.create_container("free", PartitionKey("/pk"))
        for number in range(10):
            await free.create_item({"id": str(number), "pk": "p"})
        for number in range(3):
            await small.create_item({"id": str(number), "pk": "p"})
        with pytest.raises(exceptions.CosmosHttpResponseError) as caught:
            await small.create_item({"id": "3", "pk": "p"})
        assert caught.value.status_code == 429
        wait = int(caught.value.headers["x-ms-retry-after-ms"])
        assert wait == 100
        clock.pass_time(wait / 1000)
        await small.create_item({"id": "3", "pk": "p"})


async def test_unknown_resources_are_refused(make_container: MakeContainer) -> None:
    """Stored procedures and the like are 400 by name."""
    container = await make_container()
    with pytest.raises(exceptions.CosmosHttpResponseError, match="sprocs") as caught:
        await container.scripts.create_stored_procedure({"id": "s", "body": "function() {}"})
    assert caught.value.status_code == 400
    with pytest.raises(exceptions.CosmosHttpResponseError, match="pre-trigger"):
        await container.create_item({"id": "a", "pk": "p"}, pre_trigger_include="t")


async def start(file: Path, port: str = "0") -> tuple[asyncio.subprocess.Process, str]:
    """The command as a process, and what it says first."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "local", "cosmos", "--port", port, "--data", str(file)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    assert process.stdout is not None
    return process, (await process.stdout.readline()).decode()


async def test_the_command_serves_until_it_is_stopped(tmp_path: Path) -> None:
    """`python -m local cosmos` says when it is ready, what to do about a taken port, and ends cleanly on a signal."""
    process, line = await start(tmp_path / "data.sqlite")
    ready, name, endpoint = line.split()
    assert (ready, name) == ("ready", "cosmos")
    second, complaint = await start(tmp_path / "other.sqlite", endpoint.rstrip("/").rsplit(":", 1)[1])
    assert await second.wait() == 2
    assert "--port" in complaint
    process.send_signal(signal.SIGTERM)
    assert await process.wait() == 0


async def test_what_was_answered_survives_a_killed_server(tmp_path: Path) -> None:
    """A write that the client saw succeed is there after the process was killed."""
    file = tmp_path / "data.sqlite"
    process, line = await start(file)
    async with CosmosClient(line.split()[2], EMULATOR_KEY) as client:
        database = await client.create_database("db")
        container = await database.create_container("c", PartitionKey("/pk"))
        await container.execute_item_batch([("create", ({"id": name, "pk": "p"},)) for name in "abc"], "p")
        process.kill()
        await process.wait()
    async with CosmosServer(file=file) as server, CosmosClient(server.endpoint, server.key) as client:
        container = client.get_database_client("db").get_container_client("c")
        assert [item["id"] for item in await items(container.read_all_items())] == ["a", "b", "c"]
