import asyncio
import itertools
from datetime import UTC, datetime
from typing import Any

import pytest
from azure.eventhub import EventData, EventHubConsumerClient, PartitionContext
from azure.eventhub._utils import get_last_enqueued_event_properties  # what a partition context shows
from azure.eventhub.exceptions import ConnectError

from local.eventhubs.log import Retention
from local.eventhubs.namespace import HubDefinition
from local.eventhubs.server import EventHubsServer
from tests.local.eventhubs.clients import HUB, consumer_client, producer_client, put, receiving

pytestmark = pytest.mark.wire

NOW = 1_700_000_000_000
EARLIEST: dict[str, Any] = {"partition_id": "0", "starting_position": "-1"}


async def test_every_start_position() -> None:
    """Earliest, offset, sequence number and enqueued time, with and without the named event."""
    seconds = itertools.count(NOW, 1000)
    async with EventHubsServer([HubDefinition(HUB, 1, ("other",))], clock=lambda: next(seconds)) as server:
        put(server, b"a", b"b", b"c")
        a, b, _ = server.events(HUB)
        expected: list[tuple[Any, bool, list[str]]] = [
            ("-1", False, ["a", "b", "c"]),
            (b.offset, False, ["c"]),
            (b.offset, True, ["b", "c"]),
            (b.sequence_number, False, ["c"]),
            (b.sequence_number, True, ["b", "c"]),
            (a.enqueued_time, False, ["b", "c"]),
            (b.enqueued_time, True, ["b", "c"]),
            (datetime(2001, 1, 1, tzinfo=UTC), False, ["a", "b", "c"]),
        ]

        async def read(position: Any, inclusive: bool, bodies: list[str]) -> None:
            options = {"starting_position": position, "starting_position_inclusive": inclusive}
            group = "other" if inclusive else "$Default"  # a group may have five readers on a partition
            async with receiving(consumer_client(server, group), partition_id="0", **options) as inbox:
                assert await inbox.bodies(len(bodies)) == bodies, position

        await asyncio.gather(*(read(*case) for case in expected))


async def test_a_position_beyond_the_log_is_refused(server: EventHubsServer) -> None:
    """A checkpoint of an earlier life of the endpoint is an error, not a silent wait."""
    put(server, b"a")

    async def read(position: str | int) -> None:
        consumer = consumer_client(server, retry_total=0)
        async with receiving(consumer, partition_id="0", starting_position=position) as inbox:
            await inbox.until(lambda inbox: inbox.errors)
        assert isinstance(inbox.errors[0], ConnectError)
        assert f"'{position}' is invalid" in str(inbox.errors[0])

    await asyncio.gather(read("99999"), read(99))


async def test_groups_and_partitions_are_read_apart(server: EventHubsServer) -> None:
    """Each group gets every event of all partitions, in order, with the service's annotations; case does not count."""
    for partition in "0123":
        put(server, f"{partition}a".encode(), f"{partition}b".encode(), partition_id=partition)
    stored = {event.body.decode(): event for event in server.events(HUB)}

    async def read(group: str) -> None:
        async with receiving(consumer_client(server, group), starting_position="-1") as inbox:
            bodies = await inbox.bodies(8)
        for partition in "0123":
            assert [body for body in bodies if body[0] == partition] == [f"{partition}a", f"{partition}b"]
        for event in inbox.events:
            match = stored[event.body_as_str()]
            assert (event.sequence_number, event.offset) == (match.sequence_number, match.offset)
            assert event.enqueued_time == match.enqueued_time

    await asyncio.gather(read("$default"), read("OTHER"))


async def test_the_blocking_client_receives(server: EventHubsServer) -> None:
    """The synchronous consumer gets events until it is closed."""
    put(server, b"a", b"b")

    def work() -> list[str]:
        bodies: list[str] = []
        consumer = EventHubConsumerClient.from_connection_string(
            server.connection_string, "$Default", eventhub_name=HUB
        )

        def take(_: PartitionContext, event: EventData | None) -> None:
            bodies.extend([event.body_as_str()] if event else [])
            if len(bodies) == 2:
                consumer.close()

        with consumer:
            consumer.receive(take, **EARLIEST)
        return bodies

    assert await asyncio.to_thread(work) == ["a", "b"]


async def test_a_higher_owner_level_takes_over(server: EventHubsServer) -> None:
    """A reader with an equal or higher level disconnects the one before, which is told so; a lower one is refused."""
    put(server, b"a")

    async def refusal(**level: int) -> str:
        async with receiving(consumer_client(server, retry_total=0), **level, **EARLIEST) as inbox:
            await inbox.until(lambda inbox: inbox.errors)
        return str(inbox.errors[0])

    async with receiving(consumer_client(server), owner_level=1, **EARLIEST) as first:
        await first.bodies(1)
        lower, unowned = await asyncio.gather(refusal(owner_level=0), refusal())
        assert not first.errors
        async with receiving(consumer_client(server), owner_level=1, **EARLIEST) as second:
            await second.bodies(1)
            await first.until(lambda inbox: inbox.errors)
    for error, reason in (
        (str(first.errors[0]), "New receiver with higher epoch of '1'"),
        (lower, "Receiver with epoch '0' cannot be created"),
        (unowned, "non-epoch receiver is not allowed"),
    ):
        assert reason in error
        assert "amqp:link:stolen" in error
    assert not second.errors


async def test_large_events_and_the_state_of_the_log(server: EventHubsServer) -> None:
    """Events larger than a frame arrive whole, one at a time too, and a reader can ask how far the log is."""
    large = bytes(range(256)) * 3000
    put(server, large, large[::-1], b"end")
    options = {"track_last_enqueued_event_properties": True, "prefetch": 1}
    async with receiving(consumer_client(server), **EARLIEST, **options) as inbox:
        await inbox.until(lambda inbox: len(inbox.events) == 3)
    bodies: list[Any] = [event.body for event in inbox.events]
    assert [b"".join(body) for body in bodies] == [large, large[::-1], b"end"]
    last = server.events(HUB)[-1]
    told = get_last_enqueued_event_properties(inbox.events[-1]) or {}
    assert (told["sequence_number"], told["offset"], told["enqueued_time"]) == (2, last.offset, last.enqueued_time)


async def test_retention_moves_the_beginning() -> None:
    """Beyond the cap the oldest events go, and the partition's properties say where it begins now."""
    async with EventHubsServer([HubDefinition(HUB, 1)], retention=Retention(200_000, 3_600_000)) as server:
        put(server, *(b"%d" % number + b"x" * 50_000 for number in range(10)))
        async with producer_client(server) as producer:
            properties = await producer.get_partition_properties("0")
    assert (properties["beginning_sequence_number"], properties["last_enqueued_sequence_number"]) == (7, 9)
