"""What the unmodified client does on a bad day: what it tries again by itself, and what it raises."""

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from azure.core.exceptions import ServiceRequestError
from azure.cosmos import exceptions
from azure.cosmos.aio import ContainerProxy, CosmosClient
from pydantic import ValidationError

from local.cosmos import CosmosServer, Fault
from local.cosmos.faults import Faults
from tests.local.cosmos.conftest import MakeContainer, items, own

ITEM = {"id": "a", "pk": "p"}


@pytest.fixture
async def client(server: CosmosServer) -> AsyncIterator[CosmosClient]:
    """A client with its usual retries that does not wait long between them."""
    async with CosmosClient(server.endpoint, server.key, retry_backoff_factor=0) as connected:
        yield connected


async def stored(container: ContainerProxy) -> list[Any]:
    return [item["id"] for item in await items(container.read_all_items())]


@pytest.mark.wire
async def test_throttling_is_waited_out(server: CosmosServer, container: ContainerProxy) -> None:
    """The client waits as long as each 429 says, up to nine times, and its caller notices nothing."""
    throttled = server.faults.inject(Fault(status=429, retry_after_ms=1, times=9))
    await container.create_item(ITEM)
    assert throttled.met == 9


@pytest.mark.wire
async def test_the_tenth_429_is_raised(server: CosmosServer, container: ContainerProxy) -> None:
    """With the time to wait in its headers."""
    throttled = server.faults.inject(Fault(status=429, retry_after_ms=1))
    with pytest.raises(exceptions.CosmosHttpResponseError) as caught:
        await container.create_item(ITEM)
    assert (caught.value.status_code, caught.value.headers["x-ms-retry-after-ms"]) == (429, "1")
    assert throttled.met == 10
    server.faults.reset()
    assert await stored(container) == []


@pytest.mark.wire
@pytest.mark.parametrize(
    ("status", "writes", "reads"),
    [(503, 2, 2), (408, 1, 2), (449, 1, 1), (410, 1, 1), (500, 1, 2)],
)
async def test_how_often_a_failing_request_is_sent(
    server: CosmosServer, container: ContainerProxy, status: Any, writes: int, reads: int
) -> None:
    """With one region the client sends again once after 503, and for a read after 408 and 500; then it raises."""
    broken = server.faults.inject(Fault(status=status))
    with pytest.raises(exceptions.CosmosHttpResponseError) as caught:
        await container.create_item(ITEM)
    assert (caught.value.status_code, broken.met) == (status, writes)
    with pytest.raises(exceptions.CosmosHttpResponseError) as caught:
        await container.read_item("a", "p")
    assert (caught.value.status_code, broken.met) == (status, writes + reads)
    server.faults.reset()
    assert await stored(container) == []


@pytest.mark.wire
async def test_a_connection_lost_before_the_work_is_not_noticed(
    server: CosmosServer, container: ContainerProxy
) -> None:
    """Nothing has happened, and the client sends the write again by itself."""
    dropped = server.faults.inject(Fault(drop="before", times=1))
    assert own(await container.create_item(ITEM)) == ITEM
    assert dropped.met == 1


@pytest.mark.wire
async def test_a_create_whose_answer_is_lost_ends_in_409(server: CosmosServer, container: ContainerProxy) -> None:
    """The client sends it again although nobody asked for `retry_write`: it finds its own item in the way.

    So a 409 does not say that somebody else was first: whoever creates has to look at what is stored.
    """
    lost = server.faults.inject(Fault(drop="after", operation="create", times=1))
    with pytest.raises(exceptions.CosmosResourceExistsError):
        await container.create_item(ITEM)
    assert lost.met == 1
    assert own(await container.read_item("a", "p")) == ITEM


@pytest.mark.wire
async def test_a_batch_whose_answer_is_lost_ends_in_409(server: CosmosServer, container: ContainerProxy) -> None:
    """The same for a batch: its first create fails with 409, and all of it is stored."""
    server.faults.inject(Fault(drop="after", operation="batch", times=1))
    with pytest.raises(exceptions.CosmosBatchOperationError) as caught:
        await container.execute_item_batch([("create", (ITEM,)), ("create", ({"id": "b", "pk": "p"},))], "p")
    assert [each["statusCode"] for each in caught.value.operation_responses] == [409, 424]
    assert await stored(container) == ["a", "b"]


@pytest.mark.wire
async def test_a_connection_that_is_always_lost_is_raised(server: CosmosServer, container: ContainerProxy) -> None:
    """After its retries the client raises `ServiceRequestError`. Its name says that nothing arrived: here it did."""
    server.faults.inject(Fault(drop="after"))
    with pytest.raises(ServiceRequestError):
        await container.upsert_item(ITEM)
    server.faults.reset()
    assert await stored(container) == ["a"]


@pytest.mark.wire
@pytest.mark.parametrize("retry_write", [0, 2])
async def test_a_create_that_timed_out_is_sent_again_in_any_case(
    server: CosmosServer, container: ContainerProxy, retry_write: int
) -> None:
    """Whatever `retry_write` says the asynchronous client tries again, and finds its own item in the way."""
    late = server.faults.inject(Fault(latency_ms=60_000, times=1))
    with pytest.raises(exceptions.CosmosResourceExistsError):
        await container.create_item(ITEM, read_timeout=0.1, retry_write=retry_write)
    assert late.met == 1
    assert await stored(container) == ["a"]


@pytest.mark.wire
@pytest.mark.parametrize(("retry_write", "sent"), [(1, 1), (2, 2)])
async def test_what_retry_write_is_for(
    server: CosmosServer, container: ContainerProxy, retry_write: int, sent: int
) -> None:
    """A write that the service answers with 408 is sent again. The number is of tries: 1 repeats nothing."""
    aborted = server.faults.inject(Fault(status=408))
    with pytest.raises(exceptions.CosmosHttpResponseError):
        await container.create_item(ITEM, retry_write=retry_write)
    assert aborted.met == sent


@pytest.mark.wire
async def test_a_late_read_is_sent_again(server: CosmosServer, container: ContainerProxy) -> None:
    """The caller of a read notices nothing of one answer that came too late."""
    await container.create_item(ITEM)
    late = server.faults.inject(Fault(latency_ms=60_000, times=1))
    assert own(await container.read_item("a", "p", read_timeout=0.1)) == ITEM
    assert late.met == 1


@pytest.mark.wire
async def test_only_what_matches_is_met(server: CosmosServer, make_container: MakeContainer) -> None:
    """By container, operation and method; requests about anything but items only if they are named."""
    one, two = await make_container(), await make_container()
    by_container = server.faults.inject(Fault(status=500, container=two.id, operation="create"))
    by_method = server.faults.inject(Fault(status=500, method="PATCH"))
    await one.create_item(ITEM)
    assert await stored(two) == []
    with pytest.raises(exceptions.CosmosHttpResponseError):
        await two.create_item(ITEM)
    with pytest.raises(exceptions.CosmosHttpResponseError):
        await one.patch_item("a", "p", [{"op": "add", "path": "/n", "value": 1}])
    await one.read_item("a", "p")  # the client now knows the partition ranges
    other = server.faults.inject(Fault(status=449, operation="other"))
    await one.read_item("a", "p")
    assert other.met == 0
    with pytest.raises(exceptions.CosmosHttpResponseError):
        await one.read()
    assert (by_container.met, by_method.met, other.met) == (1, 1, 1)


@pytest.mark.wire
async def test_a_refused_request_is_counted_and_costs_nothing(server: CosmosServer, container: ContainerProxy) -> None:
    """The totals have it as a failed request of its container."""
    server.usage.reset()
    server.faults.inject(Fault(status=500, times=1))
    with pytest.raises(exceptions.CosmosHttpResponseError):
        await container.create_item(ITEM)
    created = server.usage.report()["containers"]["db/c1"]["operations"]["create"]
    assert created == {"requests": 1, "failed": 1, "requestUnits": 0}


@pytest.mark.wire
async def test_faults_can_be_asked_for_over_the_wire(server: CosmosServer, container: ContainerProxy) -> None:
    """The same by HTTP and JSON; each answer lists the faults with what they met."""
    url = f"{server.endpoint}_local/faults"
    async with aiohttp.ClientSession() as session:
        asked = {"status": 429, "retryAfterMs": 1, "times": 2, "container": container.id}
        async with session.post(url, json=asked) as answer:
            assert (await answer.json()) == {"faults": [{**asked, "met": 0, "inForce": True}]}
        await container.create_item(ITEM)
        async with session.get(url) as answer:
            assert (await answer.json()) == {"faults": [{**asked, "met": 2, "inForce": False}]}
        async with session.delete(url) as answer:
            assert (await answer.json()) == {"faults": []}


@pytest.mark.wire
async def test_a_wrong_request_is_refused_by_name(server: CosmosServer) -> None:
    """So is one that a page in a browser could send."""
    url = f"{server.endpoint}_local/faults"
    async with aiohttp.ClientSession() as session:
        async with session.post(url, json={"status": 429, "timesOut": 1}) as answer:
            assert (answer.status, "timesOut" in await answer.text()) == (400, True)
        async with session.post(url, data='{"status": 429}', headers={"content-type": "text/plain"}) as answer:
            assert answer.status == 415
        async with session.get(url, headers={"host": "rebound.example"}) as answer:
            assert answer.status == 403
        async with session.get(f"{url}/1") as answer:
            assert (answer.status, "GET /_local/faults" in await answer.text()) == (404, True)
    assert not server.faults.armed


@pytest.mark.parametrize(
    "fault",
    [{}, {"times": 1}, {"status": 429, "drop": "after"}, {"drop": "after", "retry_after_ms": 1}, {"status": 404}],
)
def test_a_fault_must_make_sense(fault: dict[str, Any]) -> None:
    """It does one thing, and all that is said belongs to it."""
    with pytest.raises(ValidationError):
        Fault.model_validate(fault)


def test_a_fault_lasts_its_time() -> None:
    """And the first one in force is the one that is met."""
    now = 0.0
    faults = Faults(lambda: now)
    first = faults.inject(Fault(status=503, for_seconds=2))
    second = faults.inject(Fault(status=500, times=1))
    assert faults.meet("c", "read", "GET") is first
    now = 2.0
    assert faults.meet("c", "read", "GET") is second
    assert faults.meet("c", "read", "GET") is None
    assert [each["met"] for each in faults.report()] == [1, 1]
