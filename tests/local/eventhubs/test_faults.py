"""What the SDK's clients do when a hub goes wrong."""

import asyncio
import gc
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from azure.eventhub import EventData
from azure.eventhub.exceptions import ConnectError, EventDataSendError, OperationTimeoutError

from local.eventhubs import performatives as wire
from local.eventhubs.faults import HubFaults
from local.eventhubs.namespace import HubDefinition
from local.eventhubs.server import EventHubsServer
from tests.local.eventhubs.clients import HUB, Inbox, consumer_client, producer_client, put, readers, receiving
from tests.local.eventhubs.peer import RECEIVER, SENDER, connected, data_message

pytestmark = pytest.mark.wire

HASTY: dict[str, Any] = {"retry_backoff_factor": 0.01}
"""Retry as always, but wait less."""

FIRST: dict[str, Any] = {"partition_id": "0", "starting_position": "-1"}
"""Receive all of the first partition."""


LEAKS = pytest.mark.filterwarnings("ignore::ResourceWarning")
"""The SDK leaves the sockets of dropped connections to the garbage collector."""


@pytest.fixture
def collected() -> Iterator[None]:
    """What a test's clients leak is collected while it may be."""
    yield
    gc.collect()


def bodies(server: EventHubsServer) -> list[bytes]:
    return [event.body for event in server.events(HUB)]


async def until(happened: Callable[[], object]) -> None:
    """Wait for what nothing announces; the suite's time-out is the limit."""
    while not happened():  # noqa: ASYNC110 - see above
        await asyncio.sleep(0.01)


async def test_a_throttled_client_tries_twice(server: EventHubsServer) -> None:
    """At once, however many retries it has: those are for connections. Then whoever sends has to wait and try again."""
    async with producer_client(server) as producer:
        server.faults.throttle_sends(times=1)
        await producer.send_event(EventData("persistent"))
        assert server.faults.counts["throttle-sends"] == 1
        server.faults.throttle_sends(for_seconds=600, hub="Telemetry")
        with pytest.raises(EventDataSendError, match=re.escape("com.microsoft:server-busy")):
            await producer.send_event(EventData("lost"))
        assert server.faults.counts["throttle-sends"] == 3
        server.faults.reset()
        await producer.send_event(EventData("stored"))
    assert {event.body for event in server.events(HUB)} == {b"persistent", b"stored"}


def test_only_the_hub_that_is_named_is_throttled() -> None:
    """A fault of one hub is none of another."""
    faults = HubFaults([("Jobs", 1), (HUB, 1)], ())
    faults.throttle_sends(hub="jobs")
    assert faults.send_refusal(HUB) is None
    assert faults.send_refusal("jobs") is not None


async def test_a_send_can_be_refused_for_any_reason(server: EventHubsServer) -> None:
    """The error carries condition and description; a client tries twice even when that cannot help."""
    server.faults.refuse_sends("com.microsoft:entity-disabled", description="Gone fishing.")
    async with producer_client(server) as producer:
        with pytest.raises(EventDataSendError, match=r"(?s)entity-disabled.*Gone fishing\."):
            await producer.send_event(EventData("lost"))
    assert bodies(server) == []
    assert server.faults.counts["refuse-sends"] == 2


@LEAKS
@pytest.mark.usefixtures("collected")
async def test_a_lost_acknowledgement_stores_an_event_twice(server: EventHubsServer) -> None:
    """The send succeeds for the client, which cannot know that its first attempt was stored, too."""
    server.faults.lose_acknowledgements(times=1)
    async with producer_client(server, **HASTY) as producer:
        await producer.send_event(EventData("once"), partition_id="0")
    assert bodies(server) == [b"once", b"once"]
    assert server.faults.counts["lose-acknowledgements"] == 1


async def test_a_slow_hub_stores_and_answers_late(server: EventHubsServer) -> None:
    """A send takes as long as it is told to."""
    loop = asyncio.get_running_loop()
    async with producer_client(server) as producer:
        await producer.send_event(EventData("fast"), partition_id="0")
        server.faults.delay_sends(0.3, times=1)
        begin = loop.time()
        send = asyncio.create_task(producer.send_event(EventData("slow"), partition_id="0"))
        await until(lambda: server.faults.counts["delay-sends"])
        assert bodies(server) == [b"fast"]
        await send
        assert loop.time() - begin >= 0.3
    assert bodies(server) == [b"fast", b"slow"]


async def test_a_send_to_a_hub_that_is_too_slow_times_out(server: EventHubsServer) -> None:
    """By the time-out that the caller gave."""
    server.faults.delay_sends(600)
    async with producer_client(server) as producer:
        with pytest.raises(OperationTimeoutError):
            await producer.send_event(EventData("late"), timeout=0.2)
    assert bodies(server) == []


@LEAKS
@pytest.mark.usefixtures("collected")
async def test_a_slow_send_is_lost_with_its_connection(server: EventHubsServer) -> None:
    """It was never acknowledged; the client sends it again, and it is stored once."""
    server.faults.delay_sends(0.2, times=1)
    async with producer_client(server, **HASTY) as producer:
        send = asyncio.create_task(producer.send_event(EventData("again"), partition_id="0"))
        await until(lambda: server.faults.counts["delay-sends"])
        server.faults.drop_connections()
        await send
        server.faults.delay_sends(0.2, times=1)  # it ends after the first one would have
        await producer.send_event(EventData("next"), partition_id="0")
    assert bodies(server) == [b"again", b"next"]


async def test_slow_sends_keep_their_order(server: EventHubsServer) -> None:
    """What was sent after a slow send is stored after it, though it was not slow itself."""
    async with connected(server) as peer:
        await peer.begin()
        await peer.authorize(server)
        peer.attach(2, SENDER, f"{HUB}/partitions/0")
        await peer.next(wire.FLOW)
        server.faults.delay_sends(0.1, times=1)
        for body in (b"1", b"2", b"3"):
            peer.transfer(2, data_message(body))
        await until(lambda: server.faults.counts["delay-sends"])
        assert bodies(server) == []
        await until(lambda: len(bodies(server)) == 3)
    assert bodies(server) == [b"1", b"2", b"3"]
    assert server.faults.counts["delay-sends"] == 1


async def test_slow_deliveries_come_late(server: EventHubsServer) -> None:
    """A reader hears of a new event after the latency; another partition's event is not held up by it."""
    loop = asyncio.get_running_loop()
    async with connected(server) as peer:
        await peer.begin()
        await peer.authorize(server)
        for partition in (0, 1):
            peer.attach(2 + partition, RECEIVER, f"{HUB}/ConsumerGroups/$Default/Partitions/{partition}")
            await peer.next(wire.ATTACH)
            peer.credit(2 + partition, 10)
        await readers(server, 1, "1")
        server.faults.delay_deliveries(0.3, times=1)
        begin = loop.time()
        put(server, b"late", partition_id="0")
        put(server, b"soon", partition_id="1")
        for body in (b"soon", b"late"):
            assert body in (await peer.next(wire.TRANSFER)).payload
        assert loop.time() - begin >= 0.3


async def test_a_consumer_of_a_slow_hub_gets_everything(server: EventHubsServer) -> None:
    """Latency is no error."""
    server.faults.delay_deliveries(0.1)
    async with receiving(consumer_client(server), **FIRST) as inbox:
        await readers(server, 1)
        put(server, b"1", b"2")
        assert await inbox.bodies(2) == ["1", "2"]
    assert server.faults.counts["delay-deliveries"]


@LEAKS
@pytest.mark.usefixtures("collected")
async def test_clients_come_back_when_their_connection_is_dropped(server: EventHubsServer) -> None:
    """A producer sends again on a new connection; a consumer reads on after the last event that it got."""
    producer, consumer = producer_client(server, **HASTY), consumer_client(server, **HASTY)
    async with producer, receiving(consumer, **FIRST) as inbox:
        await producer.send_event(EventData("before"), partition_id="0")
        assert await inbox.bodies(1) == ["before"]
        server.faults.drop_connections()
        assert server.faults.counts["drop-connections"] == 2
        await producer.send_event(EventData("after"), partition_id="0")
        assert await inbox.bodies(2) == ["before", "after"]


async def test_a_stopped_partition_holds_back_its_events_only(server: EventHubsServer) -> None:
    """Its readers wait without an error and without losing their place, until it delivers again."""

    def enough(count: int) -> Callable[[Inbox], bool]:
        return lambda inbox: len(inbox.events) >= count or bool(inbox.errors)

    async with receiving(consumer_client(server), starting_position="-1") as inbox:
        for partition in "01":
            await readers(server, 1, partition)
        server.faults.stop_partition(HUB, "1")
        put(server, b"stopped", partition_id="1")
        put(server, b"flows", partition_id="0")
        await inbox.until(enough(1))
        assert [event.body_as_str() for event in inbox.events] == ["flows"]
        assert server.faults.counts["stop-partition"]
        server.faults.resume_partition(HUB, "1")
        await inbox.until(enough(2))
        assert [event.body_as_str() for event in inbox.events] == ["flows", "stopped"]
        assert not inbox.errors


@LEAKS
@pytest.mark.usefixtures("collected")
async def test_a_hub_that_is_unavailable_for_a_while_is_reached_later(server: EventHubsServer) -> None:
    """New connections are dropped, open ones stay; a client with retries gets in as soon as it can."""
    async with producer_client(server) as early, producer_client(server, **HASTY) as late:
        await early.send_event(EventData("before"), partition_id="0")
        server.faults.refuse_connections(times=2)
        await late.send_event(EventData("at last"), partition_id="0")
        await early.send_event(EventData("still there"), partition_id="0")
    assert bodies(server) == [b"before", b"at last", b"still there"]
    assert server.faults.counts["refuse-connections"] == 2


@LEAKS
@pytest.mark.usefixtures("collected")
async def test_a_client_that_has_no_retries_left_cannot_connect(server: EventHubsServer) -> None:
    """It learns that it was the connection."""
    server.faults.refuse_connections(for_seconds=600)
    async with producer_client(server, retry_total=0) as producer:
        with pytest.raises(ConnectError):
            await producer.send_event(EventData("lost"))


async def test_a_reset_ends_all_faults(server: EventHubsServer) -> None:
    """What was withheld is delivered, and counts begin anew."""
    faults = server.faults
    async with producer_client(server, retry_total=0) as producer, receiving(consumer_client(server), **FIRST) as inbox:
        await readers(server, 1)
        faults.refuse_connections()
        faults.lose_acknowledgements()
        faults.stop_partition(HUB, "0")
        put(server, b"withheld")
        await until(lambda: faults.counts["stop-partition"])
        faults.reset()
        assert not any(faults.counts.values())
        await producer.send_event(EventData("fine"), partition_id="0")
        assert await inbox.bodies(2) == ["withheld", "fine"]


@pytest.mark.parametrize(
    ("ask", "reason"),
    [
        (lambda faults: faults.throttle_sends(hub="telemtry"), "no hub 'telemtry'"),
        (lambda faults: faults.stop_partition(HUB, "4"), "no partition '4'"),
        (lambda faults: faults.stop_partition("telemtry", "0"), "no partition '0' of a hub 'telemtry'"),
        (lambda faults: faults.delay_sends(-1), "a latency is above 0"),
        (lambda faults: faults.refuse_sends(""), "an error condition is a name"),
    ],
)
def test_a_fault_that_could_never_strike_is_refused(ask: Callable[[object], None], reason: str) -> None:
    """Else a test would pass for the wrong reason."""
    server = EventHubsServer([HubDefinition(HUB, 4)])
    with pytest.raises(ValueError, match=reason):
        ask(server.faults)


async def test_time_is_stamped_and_retained_by_the_clock(server: EventHubsServer) -> None:
    """After a day and an hour in a moment, old events are gone and new ones are of that time."""
    put(server, b"yesterday")
    server.clock.forward(25 * 3600)
    assert bodies(server) == []
    async with producer_client(server) as producer:
        await producer.send_event(EventData("tomorrow"), partition_id="0")
        properties = await producer.get_partition_properties("0")
    assert properties["last_enqueued_time_utc"] > datetime.now(UTC) + timedelta(hours=24)
    async with receiving(consumer_client(server), **FIRST) as inbox:
        assert await inbox.bodies(1) == ["tomorrow"]
    assert inbox.events[0].sequence_number == 1
    assert inbox.events[0].enqueued_time == properties["last_enqueued_time_utc"]
