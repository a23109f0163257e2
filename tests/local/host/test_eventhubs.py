"""Event Hubs triggers: Microsoft's consumer on the local endpoint, checkpoints in Azurite."""

import asyncio
import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any

import pytest
from azure.eventhub import EventData
from azure.eventhub.aio import EventHubProducerClient

from local.host import FunctionsHost
from local.serving import CannotStart
from tests.local.host.conftest import Hub, MakeApp

pytestmark = pytest.mark.wire


def script() -> Any:
    """The module of the app that runs in this process."""
    return sys.modules["function_app"]


async def next_batch() -> Any:
    """What a function was given next."""
    return await script().batches.get()


async def test_batch(make_app: MakeApp, hub: Hub) -> None:
    """A batch has bytes, places, times without zone, and the metadata of all its events once."""
    one, two = EventData(b"\x00\xff"), EventData("two")
    one.properties = {"kind": "usage", "count": 3}
    one.content_type, one.message_id = "text/x", "m-1"
    producer = EventHubProducerClient.from_connection_string(hub.server.connection_string, eventhub_name=hub.name)
    async with producer:
        await producer.send_batch([one, two], partition_key="device-1")
    async with FunctionsHost(make_app("stream"), settings=hub.only("many")):
        batch = await next_batch()
    first, second = batch.events
    assert batch.bodies == [b"\x00\xff", b"two"]
    assert [event.sequence_number for event in batch.events] == [0, 1]
    assert (first.partition_key, str(first.offset)) == ("device-1", batch.metadata["OffsetArray"][0])
    assert first.enqueued_time.tzinfo is None
    assert abs((datetime.now(UTC).replace(tzinfo=None) - second.enqueued_time).total_seconds()) < 60
    assert batch.metadata["PropertiesArray"] == [{"kind": "usage", "count": 3}, {}]
    assert batch.metadata["PartitionKeyArray"] == ["device-1", "device-1"]
    assert batch.metadata["SequenceNumberArray"] == [0, 1]
    system = batch.metadata["SystemPropertiesArray"][0]
    assert (system["content-type"], system["message-id"], system["SequenceNumber"]) == ("text/x", "m-1", 0)
    assert batch.metadata["PartitionContext"]["EventHubName"] == hub.name


async def test_one_by_one(make_app: MakeApp, hub: Hub) -> None:
    """With cardinality one each event is an invocation, in order, with its own metadata.

    The group is the binding's; a hub that the connection string names wins over the binding's, as in the real host.
    """
    hub.put("a", "b", "c")
    connection = f"{hub.server.connection_string}EntityPath={hub.name}"
    settings = hub.only("one", GROUP="other", HUB="another", Hub=connection)
    async with FunctionsHost(make_app("stream"), settings=settings):
        batches = [await next_batch() for _ in range(3)]
    assert [batch.bodies for batch in batches] == [[b"a"], [b"b"], [b"c"]]
    assert [batch.events[0].sequence_number for batch in batches] == [0, 1, 2]
    context = batches[0].metadata["PartitionContext"]
    assert (context["ConsumerGroup"], context["EventHubName"]) == ("other", hub.name)


async def test_default_data_type(make_app: MakeApp, hub: Hub, caplog: pytest.LogCaptureFixture) -> None:
    """Without a data type bodies go through JSON; a batch with another body fails unseen, and is passed over."""
    hub.put("no json")
    async with FunctionsHost(make_app("stream"), settings=hub.only("parsed")):
        while "an event body is not JSON" not in caplog.text:  # noqa: ASYNC110 - a log has no event to await
            await asyncio.sleep(0.01)
        hub.put('{"a":  1.50}')
        assert (await next_batch()).bodies == [b'{"a": 1.5}']


async def test_failed_batch_is_retried_then_passed_over(
    make_app: MakeApp, hub: Hub, caplog: pytest.LogCaptureFixture
) -> None:
    """A batch that always fails is tried as often as its policy says, then checkpointed past, and never seen again."""
    app, settings = make_app("stream"), hub.only("many")
    hub.put("bad")
    async with FunctionsHost(app, settings=settings):
        for attempt in range(3):
            script().failures.put_nowait(RuntimeError(f"outage {attempt}"))
        attempts = [await next_batch() for _ in range(3)]
        hub.put("good")
        assert (await next_batch()).bodies == [b"good"]
        hub.put("last")  # when it arrives, the checkpoint of the one before is written
        assert (await next_batch()).bodies == [b"last"]
    assert [(batch.bodies, batch.retry, batch.most_retries) for batch in attempts] == [
        ([b"bad"], 0, 0),
        ([b"bad"], 1, 2),
        ([b"bad"], 2, 2),
    ]
    assert "RuntimeError: outage 2" in caplog.text
    hub.put("newer")
    async with FunctionsHost(app, settings=settings):
        assert b"bad" not in (await next_batch()).bodies


async def test_stop_in_mid_batch(make_app: MakeApp, hub: Hub) -> None:
    """A batch that runs when the host stops may end within the grace; it is not checkpointed and comes again."""
    app, settings, gate = make_app("stream"), hub.only("many"), asyncio.Event()
    hub.put("a")
    async with FunctionsHost(app, settings=settings) as host:
        script().gates.put_nowait(gate)
        assert (await next_batch()).bodies == [b"a"]
        asyncio.get_running_loop().call_later(0.1, gate.set)
    assert gate.is_set()
    assert not host.running
    async with FunctionsHost(app, settings=settings, grace=0.1):  # this time it does not end, and is cut off
        script().gates.put_nowait(asyncio.Event())
        assert (await next_batch()).bodies == [b"a"]
    async with FunctionsHost(app, settings=settings):
        assert (await next_batch()).bodies == [b"a"]


async def test_least_size_and_longest_wait(make_app: MakeApp, hub: Hub) -> None:
    """A batch begins when there are enough events, or when the longest wait is over."""
    app = make_app("stream", event_hubs={"minEventBatchSize": 5, "maxEventBatchSize": 6, "maxWaitTime": "00:00:00.4"})
    hub.put(*"12345678")
    async with FunctionsHost(app, settings=hub.only("many")):
        batches = [await next_batch() for _ in range(2)]
    assert [len(batch.bodies) for batch in batches] == [6, 2]
    assert b"".join(body for batch in batches for body in batch.bodies) == b"12345678"


async def test_partitions_run_side_by_side(make_app: MakeApp, hub: Hub) -> None:
    """While a batch of one partition runs, another partition's runs too, and its own next one waits."""
    gate = asyncio.Event()
    async with FunctionsHost(make_app("stream"), settings=hub.only("many")):
        script().gates.put_nowait(gate)
        hub.put("a1", partition="0")
        assert (await next_batch()).partition == "0"
        hub.put("a2", partition="0")
        hub.put("b1", partition="1")
        assert (await next_batch()).bodies == [b"b1"]
        gate.set()
        assert (await next_batch()).bodies == [b"a2"]


async def test_initial_offset(make_app: MakeApp, hub: Hub) -> None:
    """Without a checkpoint, reading begins where host.json says: here at a time."""
    hub.put("before")
    await asyncio.sleep(0.01)  # enqueue times have whole milliseconds
    since = datetime.now(UTC).isoformat()
    await asyncio.sleep(0.01)
    hub.put("after")
    options = {"initialOffsetOptions": {"type": "fromEnqueuedTime", "enqueuedTimeUtc": since}}
    async with FunctionsHost(make_app("stream", event_hubs=options), settings=hub.only("many")):
        assert (await next_batch()).bodies == [b"after"]


async def test_without_triggers(make_app: MakeApp, hub: Hub, caplog: pytest.LogCaptureFixture) -> None:
    """With triggers off nothing is received; a batch can still be run by hand, in the same form."""
    caplog.set_level(logging.INFO)
    hub.put("from the hub")
    async with FunctionsHost(make_app("stream"), settings=hub.settings, triggers=False) as host:
        event = EventData(json.dumps({"a": 1}))
        event.properties = {"x": 1}
        assert (await host.invoke("many", [event, EventData("b")], partition="7")).has_succeeded
        batch = await next_batch()
        assert (batch.bodies, batch.partition) == ([b'{"a": 1}', b"b"], "7")
        assert batch.metadata["PropertiesArray"] == [{"x": 1}, {}]
        assert (await host.invoke("one", [event])).has_succeeded
        assert not (await host.invoke("parsed", [EventData("no json")])).has_succeeded
        with pytest.raises(ValueError, match="'one' is not run by hand on 2 events"):
            await host.invoke("one", [event, event])
        assert script().batches.qsize() == 1
    assert "claimed" not in caplog.text


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("Hub", "", "function 'many': there is no setting 'Hub'"),
        ("Hub", "Endpoint", "function 'many': setting 'Hub'"),
        ("AzureWebJobsStorage", "", "Event Hubs triggers: there is no setting 'AzureWebJobsStorage'"),
        ("AzureWebJobsStorage", "nonsense", "AzureWebJobsStorage cannot be used for checkpoints"),
    ],
)
async def test_wrong_connection(make_app: MakeApp, hub: Hub, name: str, value: str, reason: str) -> None:
    """A host whose triggers cannot run does not start, and says which setting is wrong."""
    with pytest.raises(CannotStart, match=reason):
        async with FunctionsHost(make_app("stream"), settings=hub.only("many", **{name: value})):
            raise AssertionError("it has started")
