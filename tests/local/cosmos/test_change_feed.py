"""The change feed, by the real client."""

from datetime import UTC, datetime
from typing import Any

import pytest
from azure.cosmos import exceptions
from azure.cosmos.aio import ContainerProxy

from tests.local.cosmos.conftest import Clock, MakeContainer, items

pytestmark = pytest.mark.wire


async def names(container: ContainerProxy, **options: Any) -> list[str]:
    return [item["id"] for item in await items(container.query_items_change_feed(**options))]


async def place(container: ContainerProxy, **options: Any) -> str:
    """The continuation after all that is to be read now."""
    await items(container.query_items_change_feed(**options))
    return str(container.client_connection.last_response_headers["etag"])


async def create(container: ContainerProxy, *wanted: str, key: str = "p") -> None:
    for name in wanted:
        await container.create_item({"id": name, "pk": key})


async def test_the_feed_has_the_latest_version_of_each_item_in_order(container: ContainerProxy) -> None:
    """From the beginning: every item once, where it changed last; what was deleted is gone."""
    await create(container, "a", "b", "c")
    await container.upsert_item({"id": "a", "pk": "p", "n": 2})
    await container.delete_item("b", "p")
    found = await items(container.query_items_change_feed(start_time="Beginning"))
    assert [(item["id"], item.get("n")) for item in found] == [("c", None), ("a", 2)]


async def test_items_tell_which_change_they_are(container: ContainerProxy) -> None:
    """In the feed alone; what one transaction wrote has one number."""
    await create(container, "a")
    await container.execute_item_batch([("create", ({"id": name, "pk": "p"},)) for name in "bc"], "p")
    numbers = [item["_lsn"] for item in await items(container.query_items_change_feed(start_time="Beginning"))]
    assert numbers[0] < numbers[1] == numbers[2]
    assert "_lsn" not in await container.read_item("a", "p")


async def test_a_continuation_goes_on_where_it_ended(container: ContainerProxy) -> None:
    """Nothing is missed and nothing comes twice, page by page and reader by reader."""
    await create(container, *map(str, range(7)))
    pages = container.query_items_change_feed(start_time="Beginning", max_item_count=3).by_page()
    first = [item["id"] async for item in await anext(pages)]
    after = container.client_connection.last_response_headers["etag"]
    await create(container, "new")
    assert first == ["0", "1", "2"]
    assert await names(container, continuation=after) == ["3", "4", "5", "6", "new"]
    end = await place(container, continuation=after)
    assert await names(container, continuation=end) == []
    await create(container, "newer")
    assert await names(container, continuation=end) == ["newer"]


async def test_now_begins_at_the_end(container: ContainerProxy) -> None:
    """A reader that starts now sees only what comes later."""
    await create(container, "before")
    assert await names(container, start_time="Now") == []
    now = await place(container, start_time="Now")
    await create(container, "after")
    assert await names(container, continuation=now) == ["after"]


async def test_a_time_is_a_beginning(container: ContainerProxy, clock: Clock) -> None:
    """From a point in time: what changed in that second or later."""
    await create(container, "early")
    clock.pass_time(100)
    start = datetime.fromtimestamp(clock.now, UTC)
    await create(container, "late")
    assert await names(container, start_time=start) == ["late"]


async def test_a_partitions_feed_has_its_items_only(container: ContainerProxy) -> None:
    """Scoped to a partition key the feed goes on across the others' changes."""
    await create(container, "a")
    await create(container, "x", "y", key="q")
    await create(container, "b")
    assert await names(container, start_time="Beginning", partition_key="p") == ["a", "b"]
    after = await place(container, start_time="Beginning", partition_key="p")
    await create(container, "z", key="q")
    await create(container, "c")
    assert await names(container, continuation=after) == ["c"]


async def test_feed_ranges_cover_everything_once(container: ContainerProxy) -> None:
    """The container's feed ranges together have all items; a partition's own range has its items."""
    await create(container, "a")
    await create(container, "x", key="q")
    ranges = [feed_range async for feed_range in container.read_feed_ranges()]
    found = [name for each in ranges for name in await names(container, feed_range=each, start_time="Beginning")]
    assert found == ["a", "x"]
    own = await container.feed_range_from_partition_key("q")
    assert await names(container, feed_range=own, start_time="Beginning") == ["x"]
    assert [item["id"] for item in await items(container.query_items("SELECT * FROM c", feed_range=own))] == ["x"]


async def test_a_long_partition_is_not_cut(make_container: MakeContainer) -> None:
    """More changes than the server reads in one step, of which few are the partition's."""
    container = await make_container()
    for batch in range(50):
        rows = [("create", ({"id": f"{batch}-{number}", "pk": "crowd"},)) for number in range(100)]
        await container.execute_item_batch(rows, "crowd")
        if batch % 10 == 0:
            await create(container, str(batch))
    assert await names(container, start_time="Beginning", partition_key="p") == ["0", "10", "20", "30", "40"]
    assert len(await names(container, start_time="Beginning", max_item_count=1000)) == 5005


async def test_versions_and_deletions_are_refused(container: ContainerProxy) -> None:
    """The mode that would show every version and deletion is not supported, and says so."""
    with pytest.raises(exceptions.CosmosHttpResponseError, match="Full-Fidelity Feed"):
        await names(container, mode="AllVersionsAndDeletes")
