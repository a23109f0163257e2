"""Databases, containers, their throughput and their partition keys, by the real client."""

from typing import Any

import pytest
from azure.cosmos import PartitionKey, ThroughputProperties, exceptions
from azure.cosmos.aio import CosmosClient, DatabaseProxy

from local.cosmos import CosmosServer
from tests.local.cosmos.conftest import INDEX_NOTHING, Clock, MakeContainer, items

pytestmark = pytest.mark.wire


async def test_databases_come_and_go(client: CosmosClient) -> None:
    """Create, create if missing, list, query and delete."""
    await client.create_database("one")
    await client.create_database_if_not_exists("one")
    await client.create_database_if_not_exists("two")
    with pytest.raises(exceptions.CosmosResourceExistsError):
        await client.create_database("one")
    assert sorted(item["id"] for item in await items(client.list_databases())) == ["one", "two"]
    assert [item["id"] for item in await items(client.query_databases("SELECT * FROM d WHERE d.id = 'two'"))] == ["two"]
    await client.delete_database("one")
    with pytest.raises(exceptions.CosmosResourceNotFoundError) as caught:
        await client.get_database_client("one").read()
    assert caught.value.sub_status == 1003


async def test_containers_come_and_go(database: DatabaseProxy) -> None:
    """Create, list, read and delete; a deleted one takes its items along."""
    container = await database.create_container("c", PartitionKey("/pk"))
    await container.create_item({"id": "a", "pk": "p"})
    with pytest.raises(exceptions.CosmosResourceExistsError):
        await database.create_container("c", PartitionKey("/pk"))
    assert [item["id"] for item in await items(database.list_containers())] == ["c"]
    await database.delete_container("c")
    with pytest.raises(exceptions.CosmosResourceNotFoundError):
        await container.read()
    again = await database.create_container("c", PartitionKey("/other"))
    assert await items(again.read_all_items()) == []


async def test_a_client_notices_that_a_container_was_made_anew(server: CosmosServer, database: DatabaseProxy) -> None:
    """Another client that still knows the old container refreshes and goes on with the new one."""
    old = await database.create_container("c", PartitionKey("/pk"))
    await old.create_item({"id": "a", "pk": "p"})
    async with CosmosClient(server.endpoint, server.key) as other:
        theirs = other.get_database_client("db").get_container_client("c")
        assert await theirs.read_item("a", "p")
        await database.delete_container("c")
        await database.create_container("c", PartitionKey("/pk"))
        await theirs.create_item({"id": "b", "pk": "p"})
        assert await theirs.read_item("b", "p")


async def test_a_definition_is_kept_and_completed(database: DatabaseProxy) -> None:
    """Policies come back as they were sent; what was left out has the service's defaults."""
    unique: Any = {"uniqueKeys": [{"paths": ["/mail"]}]}
    container = await database.create_container(
        "c", PartitionKey("/pk"), indexing_policy=INDEX_NOTHING, default_ttl=60, unique_key_policy=unique
    )
    read = await container.read()
    assert read["indexingPolicy"] == {**INDEX_NOTHING, "automatic": True}
    assert (read["defaultTtl"], read["uniqueKeyPolicy"]) == (60, unique)
    assert read["partitionKey"] == {"paths": ["/pk"], "kind": "Hash", "version": 2}
    plain = await (await database.create_container("d", PartitionKey("/pk"))).read()
    assert plain["indexingPolicy"]["includedPaths"] == [{"path": "/*"}]
    assert "defaultTtl" not in plain


async def test_another_default_applies_to_items_that_are_there(database: DatabaseProxy, clock: Clock) -> None:
    """replace_container changes the time to live of stored items, and not their partition key."""
    container = await database.create_container("c", PartitionKey("/pk"))
    await container.create_item({"id": "a", "pk": "p"})
    await container.create_item({"id": "kept", "pk": "p", "ttl": -1})
    clock.pass_time(50)
    await database.replace_container(container, PartitionKey("/pk"), default_ttl=60)
    clock.pass_time(20)
    assert [item["id"] for item in await items(container.read_all_items())] == ["kept"]
    with pytest.raises(exceptions.CosmosHttpResponseError, match="partitionKey"):
        await database.replace_container(container, PartitionKey("/other"))


@pytest.mark.parametrize(
    ("properties", "construct"),
    [
        ({"default_ttl": 0}, "defaultTtl"),
        ({"indexing_policy": {"indexingMode": "sometimes"}}, "sometimes"),
        ({"indexing_policy": {"includedPaths": [{"path": "/a"}]}}, "/a"),
        ({"vector_embedding_policy": {"vectorEmbeddings": [{"path": "/v"}]}}, "vectorEmbeddingPolicy"),
        ({"computed_properties": [{"name": "x", "query": "SELECT 1"}]}, "computedProperties"),
        ({"partition_key": PartitionKey("/pk", version=1)}, "version 1"),
        ({"partition_key": PartitionKey("pk")}, "'pk'"),
        ({"id": "x" * 256}, "255"),
    ],
)
async def test_a_wrong_definition_is_refused(
    database: DatabaseProxy, properties: dict[str, Any], construct: str
) -> None:
    """What is wrong or not supported is 400 by name, and no container comes of it."""
    body = {"id": "c", "partition_key": PartitionKey("/pk"), **properties}
    with pytest.raises((exceptions.CosmosHttpResponseError, ValueError), match=construct):
        await database.create_container(**body)
    assert await items(database.list_containers()) == []


async def test_throughput_is_what_was_provisioned(make_container: MakeContainer) -> None:
    """Read and replace it, fixed or scaled."""
    container = await make_container(offer_throughput=400)
    assert (await container.get_throughput()).offer_throughput == 400
    await container.replace_throughput(800)
    assert (await container.get_throughput()).offer_throughput == 800
    scaled = await make_container(offer_throughput=ThroughputProperties(auto_scale_max_throughput=4000))
    assert (await scaled.get_throughput()).auto_scale_max_throughput == 4000


async def test_hierarchical_keys_have_prefixes(make_container: MakeContainer) -> None:
    """Items are found by the full key and by a prefix of it, in queries and in the feed."""
    container = await make_container("/tenant", "/user", "/session")
    for tenant, user, session in [("t", "u", 1), ("t", "u", 2), ("t", "v", 1), ("s", "u", 1)]:
        await container.create_item(
            {"id": f"{tenant}{user}{session}", "tenant": tenant, "user": user, "session": session}
        )
    assert (await container.read_item("tu1", ["t", "u", 1]))["session"] == 1

    async def found(key: list[Any]) -> list[str]:
        return sorted(await items(container.query_items("SELECT VALUE c.id FROM c", partition_key=key)))

    assert await found(["t", "u", 2]) == ["tu2"]
    assert await found(["t", "u"]) == ["tu1", "tu2"]
    assert await found(["t"]) == ["tu1", "tu2", "tv1"]
    feed = container.query_items_change_feed(start_time="Beginning", partition_key=["t"])
    assert [item["id"] for item in await items(feed)] == ["tu1", "tu2", "tv1"]
    wanted: Any = [("tu2", ["t", "u", 2]), ("su1", ["s", "u", 1]), ("no", ["s", "u", 1])]
    assert sorted(item["id"] for item in await container.read_items(wanted)) == ["su1", "tu2"]
    with pytest.raises(exceptions.CosmosHttpResponseError) as caught:
        await container.execute_item_batch([("read", ("tu1",))], ["t", "u"])
    assert caught.value.status_code == 400
    await container.delete_all_items_by_partition_key(["t", "u", 1])
    assert await found(["t", "u"]) == ["tu2"]
