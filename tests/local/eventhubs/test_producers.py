import asyncio

import pytest
from azure.eventhub import EventData, EventHubProducerClient
from azure.eventhub._buffered_producer._partition_resolver import PartitionResolver  # where buffered clients put keys
from azure.eventhub.amqp import AmqpAnnotatedMessage
from azure.eventhub.exceptions import AuthenticationError, EventDataSendError, EventHubError

from local.eventhubs.namespace import HubDefinition
from local.eventhubs.server import EventHubsServer
from tests.local.eventhubs.clients import HUB, consumer_client, producer_client, put, readers, receiving

pytestmark = pytest.mark.wire


async def test_a_batch_is_stored_in_order(server: EventHubsServer) -> None:
    """The events of one batch are stored in one partition, in order, with body and properties."""
    async with producer_client(server) as producer:
        batch = await producer.create_batch(partition_id="2")
        for number in range(3):
            event = EventData(f"event {number}")
            event.properties = {"number": number}
            batch.add(event)
        await producer.send_batch(batch)
    stored = server.events(HUB)
    assert [(event.partition_id, event.sequence_number, event.body) for event in stored] == [
        ("2", 0, b"event 0"),
        ("2", 1, b"event 1"),
        ("2", 2, b"event 2"),
    ]
    assert [event.properties["number"] for event in stored] == [0, 1, 2]


async def test_keys_land_where_the_sdk_says(server: EventHubsServer) -> None:
    """Plain and buffered clients put a key into the same partition, the one that the SDK's resolver names."""
    keys = [f"device-{number}" for number in range(12)]

    async def done(*_: object) -> None: ...

    plain = producer_client(server)
    buffered = producer_client(server, buffered_mode=True, on_success=done, on_error=done, max_wait_time=0.1)
    async with plain, buffered:
        for key in keys:
            await plain.send_event(EventData("plain"), partition_key=key)
            await buffered.send_event(EventData("buffered"), partition_key=key)
        await buffered.flush()
    resolver = PartitionResolver(["0", "1", "2", "3"])
    stored = server.events(HUB)
    assert len(stored) == 2 * len(keys)
    for event in stored:
        assert event.partition_id == resolver.get_partition_id_by_partition_key(event.partition_key)


async def test_the_blocking_clients_send(server: EventHubsServer) -> None:
    """The synchronous clients, plain and buffered, send everything by their end."""
    sent: list[object] = []

    def sent_well(events: object, _: str | None) -> None:
        assert isinstance(events, list)
        sent.extend(events)

    def plain() -> object:
        with EventHubProducerClient.from_connection_string(server.connection_string, eventhub_name=HUB) as producer:
            producer.send_batch([EventData("a"), EventData("b")], partition_id="1")
            return producer.get_partition_properties("1")["is_empty"]

    def buffered() -> None:
        with EventHubProducerClient.from_connection_string(
            server.connection_string,
            eventhub_name=HUB,
            buffered_mode=True,
            on_success=sent_well,
            on_error=lambda *_: None,
            max_wait_time=0.2,
        ) as producer:
            for number in range(40):
                producer.send_event(EventData(str(number)))

    empty, _ = await asyncio.gather(asyncio.to_thread(plain), asyncio.to_thread(buffered))
    assert empty is False
    assert len(sent) == 40
    bodies = [event.body.decode() for event in server.events(HUB)]
    assert sorted(bodies) == sorted(["a", "b", *map(str, range(40))])


async def test_sizes_have_the_limit_of_the_service(server: EventHubsServer) -> None:
    """A delivery of a megabyte is stored whole; one above it is rejected, and the link goes on."""
    async with producer_client(server, retry_total=0) as producer:
        batch = await producer.create_batch(partition_id="0")
        assert batch.max_size_in_bytes == 1 << 20
        batch.add(EventData(b"x" * ((1 << 20) - 100)))
        with pytest.raises(ValueError, match="size limit"):
            batch.add(EventData(b"x" * 100))
        await producer.send_batch(batch)
        with pytest.raises(EventDataSendError, match=r"exceeds the limit \(1048576 bytes\)"):
            await producer.send_event(EventData(b"x" * (1 << 20)), partition_id="0")
        await producer.send_event(EventData(b"after"), partition_id="0")
    assert [len(event.body) for event in server.events(HUB)] == [(1 << 20) - 100, 5]


async def test_a_body_of_values_arrives(server: EventHubsServer) -> None:
    """AMQP messages whose body is no data section pass through unchanged; a reader at the end gets nothing older."""
    put(server, b"old")
    message = AmqpAnnotatedMessage(value_body={"temperature": 21, "on": True}, header={"priority": 7})
    async with receiving(consumer_client(server), partition_id="0", starting_position="@latest") as inbox:
        await readers(server, 1)
        async with producer_client(server) as producer:
            await producer.send_event(message, partition_id="0")
            await inbox.until(lambda inbox: inbox.events)
    raw = inbox.events[0].raw_amqp_message
    assert raw.body == {b"temperature": 21, b"on": True}
    assert raw.header is not None
    assert raw.header.priority == 7


async def test_management_tells_of_the_hub(server: EventHubsServer) -> None:
    """Hub and partition properties are those that the SDK parses, for an empty partition and for a used one."""
    put(server, b"a", b"b", partition_id="3")
    async with producer_client(server) as producer:
        hub, empty, used = await asyncio.gather(
            producer.get_eventhub_properties(),
            producer.get_partition_properties("0"),
            producer.get_partition_properties("3"),
        )
    numbers = ("is_empty", "beginning_sequence_number", "last_enqueued_sequence_number")
    assert (hub["eventhub_name"], hub["partition_ids"]) == (HUB, ["0", "1", "2", "3"])
    assert [empty[name] for name in numbers] == [True, -1, -1]
    assert [used[name] for name in numbers] == [False, 0, 1]
    last = server.events(HUB)[-1]
    assert (used["last_enqueued_offset"], used["last_enqueued_time_utc"]) == (last.offset, last.enqueued_time)


async def test_what_does_not_exist_is_refused(server: EventHubsServer) -> None:
    """An unknown hub, partition or consumer group is an error that names it, for asking and reading."""

    async def unknown_hub() -> None:
        async with producer_client(server, "unknown", retry_total=0) as producer:
            with pytest.raises(EventHubError, match="'unknown' could not be found"):
                await producer.get_partition_ids()

    async def unknown_partition() -> None:
        async with producer_client(server, retry_total=0) as producer:
            with pytest.raises(EventHubError, match="should be between 0 and 3"):
                await producer.get_partition_properties("9")

    async def unknown_group() -> None:
        async with receiving(consumer_client(server, "nobodys", retry_total=0), partition_id="0") as inbox:
            await inbox.until(lambda inbox: inbox.errors)
        assert "nobodys' could not be found" in str(inbox.errors[0])

    await asyncio.gather(unknown_hub(), unknown_partition(), unknown_group())


async def test_keys_are_compared() -> None:
    """An endpoint with a key of its own names it in its connection string; with another, nothing can be done."""
    async with EventHubsServer([HubDefinition(HUB, 1)], keys={"mine": "c2VjcmV0"}) as server:
        async with producer_client(server) as producer:
            assert await producer.get_partition_ids() == ["0"]
        assert "SharedAccessKeyName=mine;SharedAccessKey=c2VjcmV0" in server.connection_string
        forged = server.connection_string.replace("c2VjcmV0", "another")
        client = EventHubProducerClient.from_connection_string(forged, eventhub_name=HUB, retry_total=0)
        with client, pytest.raises(AuthenticationError, match="InvalidSignature"):
            await asyncio.to_thread(client.get_partition_ids)
