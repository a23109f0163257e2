"""Transactional batches, by the real client."""

from typing import Any

import pytest
from azure.cosmos import exceptions
from azure.cosmos.aio import ContainerProxy

from tests.local.cosmos.conftest import LARGE_BODY, items, own

pytestmark = pytest.mark.wire


def create(name: str, **properties: Any) -> tuple[str, tuple[dict[str, Any]]]:
    return ("create", ({"id": name, "pk": "p", **properties},))


async def refused(container: ContainerProxy, operations: list[Any]) -> Any:
    with pytest.raises((exceptions.CosmosHttpResponseError, exceptions.CosmosBatchOperationError)) as caught:
        await container.execute_item_batch(operations, "p")
    return caught.value


async def test_a_batch_does_all_its_operations(container: ContainerProxy) -> None:
    """All kinds of operations run in order and answer each with its status, ETag and item."""
    for name in ("old", "gone", "patched"):
        await container.create_item({"id": name, "pk": "p", "n": 1})
    results = await container.execute_item_batch(
        [
            create("new"),
            ("upsert", ({"id": "new", "pk": "p", "n": 2},)),
            ("read", ("new",)),
            ("replace", ("old", {"id": "old", "pk": "p", "n": 3})),
            ("delete", ("gone",)),
            (
                "patch",
                ("patched", [{"op": "incr", "path": "/n", "value": 1}]),
                {"filter_predicate": "from c where c.n=1"},
            ),
        ],
        "p",
    )
    assert [result["statusCode"] for result in results] == [201, 200, 200, 200, 204, 200]
    assert own(results[2]["resourceBody"]) == {"id": "new", "pk": "p", "n": 2}
    assert results[2]["eTag"] == results[1]["eTag"] == results[1]["resourceBody"]["_etag"]
    stored = {item["id"]: item["n"] for item in await items(container.read_all_items())}
    assert stored == {"new": 2, "old": 3, "patched": 2}


async def test_a_missing_read_fails_the_batch(container: ContainerProxy) -> None:
    """A read of an id that is not there is 404, everything else 424, and nothing is written."""
    await container.create_item({"id": "kept", "pk": "p", "n": 1})
    error = await refused(
        container, [("read", ("gone",)), create("a"), ("replace", ("kept", {"id": "kept", "pk": "p", "n": 2}))]
    )
    assert isinstance(error, exceptions.CosmosBatchOperationError)
    assert error.error_index == 0
    assert [result["statusCode"] for result in error.operation_responses] == [404, 424, 424]
    assert [own(item) for item in await items(container.read_all_items())] == [{"id": "kept", "pk": "p", "n": 1}]


@pytest.mark.filterwarnings(LARGE_BODY)
@pytest.mark.parametrize(
    ("operation", "status"),
    [
        (create("there"), 409),
        (("replace", ("there", {"id": "there", "pk": "p"}), {"if_match_etag": '"stale"'}), 412),
        (("delete", ("there",), {"if_match_etag": '"stale"'}), 412),
        (
            ("patch", ("there", [{"op": "set", "path": "/n", "value": 1}]), {"filter_predicate": "from c where false"}),
            412,
        ),
        (("patch", ("there", [{"op": "remove", "path": "/none"}])), 400),
        (("replace", ("missing", {"id": "missing", "pk": "p"})), 404),
        (("create", ({"id": "elsewhere", "pk": "q"},)), 400),
        (("create", ({"id": "too large", "pk": "p", "body": "x" * 2 * 1024 * 1024},)), 413),
    ],
)
async def test_the_last_failure_undoes_the_first_write(container: ContainerProxy, operation: Any, status: int) -> None:
    """Whatever fails, at whatever place, the partition is as before."""
    await container.create_item({"id": "there", "pk": "p"})
    error = await refused(container, [create("a"), ("delete", ("there",)), create("there"), operation])
    assert error.status_code == status
    assert [item["id"] for item in await items(container.read_all_items())] == ["there"]


@pytest.mark.filterwarnings(LARGE_BODY)
async def test_the_limits_of_a_batch(container: ContainerProxy) -> None:
    """100 operations and 2 MB are the most; an empty batch is none."""
    await container.execute_item_batch([create(str(number)) for number in range(100)], "p")
    assert (await refused(container, [create(f"x{number}") for number in range(101)])).status_code == 400
    assert (await refused(container, [])).status_code == 400
    half = "x" * 1024 * 1024
    assert (await refused(container, [create("x", body=half), create("y", body=half)])).status_code == 413
    assert len(await items(container.read_all_items())) == 100


async def test_a_batch_is_one_change(container: ContainerProxy) -> None:
    """All items of a batch have one sequence number, so a reader of the feed gets all or none of them."""
    numbers: list[int] = []

    def note(headers: Any, _: Any) -> None:
        numbers.append(int(headers["lsn"]))

    await container.create_item({"id": "before", "pk": "p"}, response_hook=note)
    await container.execute_item_batch([create("a"), create("b"), create("c")], "p", response_hook=note)
    await container.create_item({"id": "after", "pk": "p"}, response_hook=note)
    assert numbers == [1, 2, 3]
    feed = container.query_items_change_feed(start_time="Beginning", max_item_count=2).by_page()
    pages = [[item["id"] async for item in page] async for page in feed]
    assert pages[0] == ["before", "a", "b", "c"] or pages[0] == ["before"]
    assert [name for page in pages for name in page] == ["before", "a", "b", "c", "after"]


async def test_a_batch_costs_the_sum_of_its_operations(container: ContainerProxy) -> None:
    """The answer's charge is that of its parts."""
    charges: list[float] = []

    def note(headers: Any, _: Any) -> None:
        charges.append(float(headers["x-ms-request-charge"]))

    results = await container.execute_item_batch([create("a"), create("b"), ("read", ("a",))], "p", response_hook=note)
    assert charges == [pytest.approx(sum(result["requestCharge"] for result in results))]


@pytest.mark.parametrize(
    ("operation", "construct"),
    [
        (("read", ("a",), {"if_match_etag": "*"}), "ifMatch of a read"),
        (("read", ("a",), {"if_none_match_etag": "*"}), "ifNoneMatch"),
    ],
)
async def test_what_the_service_does_not_evaluate_is_refused(
    container: ContainerProxy, operation: Any, construct: str
) -> None:
    """A condition that would be passed over in silence is 400 by name."""
    await container.create_item({"id": "a", "pk": "p"})
    error = await refused(container, [operation])
    assert error.status_code == 400
    assert construct in str(error)
