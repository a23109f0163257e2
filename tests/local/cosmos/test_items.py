"""Operations on single items, by the real client."""

from typing import Any

import pytest
from azure.core import MatchConditions
from azure.cosmos import exceptions
from azure.cosmos.aio import ContainerProxy

from tests.local.cosmos.conftest import LARGE_BODY, Clock, MakeContainer, items, own

pytestmark = pytest.mark.wire


async def test_an_item_comes_back_as_it_was_sent(container: ContainerProxy) -> None:
    """Every JSON value survives a create and a read, with the service's properties added."""
    item = {
        "id": "a",
        "pk": "p",
        "text": 'é\u2028"\\\n😀 \ud800',
        "numbers": [0, -1, 1.5, 1e300, 12345678901234567890],
        "nothing": None,
        "nested": {"": [{}], "b": [True, False]},
    }
    created = await container.create_item(item)
    read = await container.read_item("a", "p")
    assert own(read) == item
    assert read == created
    assert {"_rid", "_self", "_etag", "_ts", "_attachments"} <= read.keys()


async def test_system_properties_that_are_sent_back_are_made_anew(container: ContainerProxy) -> None:
    """An item that is read, changed and replaced carries one set of system properties: the new one."""
    created = await container.create_item({"id": "a", "pk": "p", "n": 1})
    replaced = await container.replace_item("a", {**created, "n": 2})
    assert own(replaced) == {"id": "a", "pk": "p", "n": 2}
    assert replaced["_etag"] != created["_etag"]
    assert replaced["_rid"] == created["_rid"]
    assert own(await container.read_item("a", "p")) == {"id": "a", "pk": "p", "n": 2}


async def test_an_id_is_taken_once_per_partition(container: ContainerProxy) -> None:
    """A second create of an id is a conflict in its partition and none in another."""
    await container.create_item({"id": "a", "pk": "p"})
    with pytest.raises(exceptions.CosmosResourceExistsError):
        await container.create_item({"id": "a", "pk": "p", "n": 1})
    await container.create_item({"id": "a", "pk": "q"})
    assert own(await container.read_item("a", "p")) == {"id": "a", "pk": "p"}


async def test_upsert_creates_then_replaces(container: ContainerProxy) -> None:
    """The second upsert's content stays, at the price of a replace."""
    costs: list[float] = []

    def note(headers: Any, _: Any) -> None:
        costs.append(float(headers["x-ms-request-charge"]))

    await container.upsert_item({"id": "a", "pk": "p", "n": 1}, response_hook=note)
    await container.upsert_item({"id": "a", "pk": "p", "n": 2}, response_hook=note)
    assert (await container.read_item("a", "p"))["n"] == 2
    assert costs[1] == 2 * costs[0]


@pytest.mark.parametrize("operation", ["read", "replace", "delete", "patch"])
async def test_what_is_not_there_is_404(container: ContainerProxy, operation: str) -> None:
    """Nothing can be done to an item that does not exist, and the refusal costs 1 RU."""
    calls: dict[str, Any] = {
        "read": lambda: container.read_item("a", "p"),
        "replace": lambda: container.replace_item("a", {"id": "a", "pk": "p"}),
        "delete": lambda: container.delete_item("a", "p"),
        "patch": lambda: container.patch_item("a", "p", [{"op": "set", "path": "/n", "value": 1}]),
    }
    with pytest.raises(exceptions.CosmosResourceNotFoundError) as caught:
        await calls[operation]()
    assert caught.value.sub_status in (0, None)
    assert caught.value.headers["x-ms-request-charge"] == "1.00"


@pytest.mark.parametrize("operation", ["upsert", "replace", "delete", "patch"])
async def test_a_stale_etag_changes_nothing(container: ContainerProxy, operation: str) -> None:
    """With If-Match on another version the answer is 412, with the right one it is done."""
    item = {"id": "a", "pk": "p", "n": 1}
    stale = (await container.create_item(item))["_etag"]
    fresh = (await container.upsert_item({**item, "n": 2}))["_etag"]
    calls: dict[str, Any] = {
        "upsert": lambda **match: container.upsert_item({**item, "n": 3}, **match),
        "replace": lambda **match: container.replace_item("a", {**item, "n": 3}, **match),
        "delete": lambda **match: container.delete_item("a", "p", **match),
        "patch": lambda **match: container.patch_item("a", "p", [{"op": "incr", "path": "/n", "value": 1}], **match),
    }
    with pytest.raises(exceptions.CosmosAccessConditionFailedError):
        await calls[operation](etag=stale, match_condition=MatchConditions.IfNotModified)
    assert (await container.read_item("a", "p"))["n"] == 2
    await calls[operation](etag=fresh, match_condition=MatchConditions.IfNotModified)
    assert [item["n"] for item in await items(container.read_all_items())] in ([3], [])


async def test_a_read_of_a_known_version_has_no_body(container: ContainerProxy) -> None:
    """If-None-Match with the present ETag answers 304, which the client shows as an empty item."""
    created = await container.create_item({"id": "a", "pk": "p"})
    known = await container.read_item("a", "p", etag=created["_etag"], match_condition=MatchConditions.IfModified)
    assert not known
    await container.upsert_item({"id": "a", "pk": "p", "n": 1})
    assert (await container.read_item("a", "p", etag=created["_etag"], match_condition=MatchConditions.IfModified))["n"]


async def test_a_replace_may_change_the_id(container: ContainerProxy) -> None:
    """An item can be renamed by replacing it, but not onto another's id."""
    await container.create_item({"id": "a", "pk": "p"})
    await container.create_item({"id": "taken", "pk": "p"})
    with pytest.raises(exceptions.CosmosResourceExistsError):
        await container.replace_item("a", {"id": "taken", "pk": "p"})
    await container.replace_item("a", {"id": "b", "pk": "p"})
    assert sorted(item["id"] for item in await items(container.read_all_items())) == ["b", "taken"]


async def test_writes_answer_without_a_body_when_asked(container: ContainerProxy) -> None:
    """`no_response_on_write` leaves the item out of the answer, not out of the container."""
    answer = await container.create_item({"id": "a", "pk": "p"}, no_response=True)
    assert not answer
    assert await container.read_item("a", "p")


@pytest.mark.parametrize("key", ["", "é", "x" * 2000, 1, 1.5, -7, True, False, None])
async def test_any_scalar_is_a_partition_key(container: ContainerProxy, key: Any) -> None:
    """Strings, numbers, booleans and null are keys of their own; 1 is not true."""
    await container.create_item({"id": "a", "pk": key})
    assert (await container.read_item("a", key))["pk"] == key
    assert len(await items(container.query_items("SELECT * FROM c", partition_key=key))) == 1
    with pytest.raises(exceptions.CosmosResourceNotFoundError):
        await container.read_item("a", "another")


@pytest.mark.parametrize("name", ["a b", "ä€😀", "50%41", "a+b&c=d", "'q\"", "x,y;z:@$~!*()[]{}|^`", "%2F"])
async def test_an_id_may_have_odd_characters(container: ContainerProxy, name: str) -> None:
    """Whatever the client takes as an id can be written, read and deleted under it."""
    await container.create_item({"id": name, "pk": name})
    assert (await container.read_item(name, name))["id"] == name
    await container.execute_item_batch([("read", (name,)), ("upsert", ({"id": name, "pk": name, "n": 1},))], name)
    await container.delete_item(name, name)
    assert not await items(container.read_all_items())


async def test_an_item_without_its_key_has_a_partition(container: ContainerProxy) -> None:
    """Items without the key's property are together, and apart from those whose key is null."""
    await container.create_item({"id": "a"})
    await container.create_item({"id": "a", "pk": None})
    found = await items(container.query_items("SELECT * FROM c"))
    assert [item.get("pk", "none") for item in found].count("none") == 1
    assert len(found) == 2


@pytest.mark.parametrize(
    ("item", "message"),
    [
        ({"pk": "p", "id": ""}, "id"),
        ({"pk": {"not": "a scalar"}, "id": "a"}, "partition key"),
        ({"pk": "x" * 2049, "id": "a"}, "2048"),
        ({"pk": "p", "id": "x" * 1024}, "1023"),
    ],
)
async def test_a_wrong_item_is_refused(container: ContainerProxy, item: Any, message: str) -> None:
    """What is no item is 400 with the reason, and is not stored."""
    with pytest.raises(exceptions.CosmosHttpResponseError, match=message) as caught:
        await container.client_connection.CreateItem(
            container.container_link, item, {"disableAutomaticIdGeneration": True}
        )
    assert caught.value.status_code == 400
    assert not await items(container.read_all_items())


@pytest.mark.filterwarnings(LARGE_BODY)
async def test_an_item_over_two_megabytes_is_413(container: ContainerProxy) -> None:
    """The size limit of the service holds."""
    await container.create_item({"id": "a", "pk": "p", "body": "x" * (2 * 1024 * 1024 - 100)})
    with pytest.raises(exceptions.CosmosHttpResponseError) as caught:
        await container.create_item({"id": "b", "pk": "p", "body": "x" * 2 * 1024 * 1024})
    assert caught.value.status_code == 413
    with pytest.raises(exceptions.CosmosHttpResponseError) as caught:
        await container.create_item({"id": "b", "pk": "p", "body": "x" * 9 * 1024 * 1024})
    assert caught.value.status_code == 413


async def test_items_expire_by_their_own_or_the_containers_time(make_container: MakeContainer, clock: Clock) -> None:
    """An expired item is nowhere to be seen, and its id is free again; every write starts the time anew."""
    container = await make_container(default_ttl=100)
    await container.create_item({"id": "short", "pk": "p", "ttl": 10})
    await container.create_item({"id": "default", "pk": "p"})
    await container.create_item({"id": "for ever", "pk": "p", "ttl": -1})
    clock.pass_time(9.5)
    assert len(await items(container.read_all_items())) == 3
    clock.pass_time(1)
    with pytest.raises(exceptions.CosmosResourceNotFoundError):
        await container.read_item("short", "p")
    assert [item["id"] for item in await items(container.query_items("SELECT c.id FROM c", partition_key="p"))] == [
        "default",
        "for ever",
    ]
    await container.create_item({"id": "short", "pk": "p", "ttl": 10})
    await container.upsert_item({"id": "default", "pk": "p"})
    clock.pass_time(95)
    assert [item["id"] for item in await items(container.read_all_items())] == ["default", "for ever"]
    changes = await items(container.query_items_change_feed(start_time="Beginning"))
    assert [item["id"] for item in changes] == ["for ever", "default"]


async def test_without_a_default_nothing_expires(container: ContainerProxy, clock: Clock) -> None:
    """An item's own ttl means nothing in a container without defaultTtl."""
    await container.create_item({"id": "a", "pk": "p", "ttl": 1})
    clock.pass_time(1000)
    assert await container.read_item("a", "p")


@pytest.mark.parametrize("ttl", [0, -2, 1.5, "10"])
async def test_a_wrong_ttl_is_refused(make_container: MakeContainer, ttl: Any) -> None:
    """A time to live is a positive number of seconds or -1."""
    container = await make_container(default_ttl=-1)
    with pytest.raises(exceptions.CosmosHttpResponseError, match="ttl"):
        await container.create_item({"id": "a", "pk": "p", "ttl": ttl})


async def test_unique_keys_hold_within_a_partition(make_container: MakeContainer, clock: Clock) -> None:
    """Two items of a partition never share a unique key; a deleted or expired one gives its own free."""
    policy = {"uniqueKeys": [{"paths": ["/mail"]}, {"paths": ["/a", "/b/c"]}]}
    container = await make_container(unique_key_policy=policy, default_ttl=-1)
    await container.create_item({"id": "1", "pk": "p", "mail": "m", "a": 1, "ttl": 10})
    for clash in ({"mail": "m", "a": 2}, {"mail": "n", "a": 1.0}):
        with pytest.raises(exceptions.CosmosResourceExistsError):
            await container.create_item({"id": "2", "pk": "p", **clash})
    await container.create_item({"id": "1", "pk": "q", "mail": "m", "a": 1})
    await container.create_item({"id": "2", "pk": "p", "mail": "n", "a": 1, "b": {"c": 1}})
    with pytest.raises(exceptions.CosmosResourceExistsError):
        await container.upsert_item({"id": "2", "pk": "p", "mail": "m", "a": 3})
    clock.pass_time(11)
    await container.upsert_item({"id": "2", "pk": "p", "mail": "m", "a": 3})
    await container.delete_item("2", "p")
    await container.create_item({"id": "3", "pk": "p", "mail": "m", "a": 3})


async def test_a_patch_changes_what_it_names(container: ContainerProxy) -> None:
    """All patch operations apply in order, and a false predicate changes nothing."""
    await container.create_item({"id": "a", "pk": "p", "n": 1, "list": [1, 2], "old": "x", "deep": {"gone": 1}})
    patched = await container.patch_item(
        "a",
        "p",
        [
            {"op": "incr", "path": "/n", "value": 2},
            {"op": "add", "path": "/list/-", "value": 3},
            {"op": "set", "path": "/deep/new", "value": {"x": 1}},
            {"op": "remove", "path": "/deep/gone"},
            {"op": "replace", "path": "/list/0", "value": 9},
            {"op": "move", "from": "/old", "path": "/moved"},
        ],
        filter_predicate="from c where c.n = 1 and is_defined(c.old)",
    )
    expected = {"id": "a", "pk": "p", "n": 3, "list": [9, 2, 3], "deep": {"new": {"x": 1}}, "moved": "x"}
    assert own(patched) == expected
    with pytest.raises(exceptions.CosmosAccessConditionFailedError) as caught:
        await container.patch_item(
            "a", "p", [{"op": "set", "path": "/n", "value": 0}], filter_predicate="from c where c.n < 3"
        )
    assert caught.value.sub_status == 1110
    assert own(await container.read_item("a", "p")) == expected


async def test_a_partition_is_deleted_at_once(container: ContainerProxy) -> None:
    """Deleting by partition key leaves the other partitions alone."""
    for key in ("p", "q"):
        await container.create_item({"id": "a", "pk": key})
    await container.delete_all_items_by_partition_key("p")
    assert [item["pk"] for item in await items(container.read_all_items())] == ["q"]


async def test_what_the_service_ignores_is_refused(container: ContainerProxy) -> None:
    """If-None-Match on a write would do nothing in the service, so nothing may rest on it here."""
    with pytest.raises(exceptions.CosmosHttpResponseError, match="If-None-Match"):
        await container.upsert_item({"id": "a", "pk": "p"}, match_condition=MatchConditions.IfMissing)
