import pytest
from azure.eventhub import EventData
from azure.eventhub.aio import EventHubProducerClient

from local.eventhubs.server import EventHubsServer

pytestmark = pytest.mark.wire


async def test_a_batch_is_stored_in_order(server: EventHubsServer) -> None:
    """The events of one batch are stored in one partition, in order, with body and properties."""
    producer = EventHubProducerClient.from_connection_string(server.connection_string, eventhub_name="telemetry")
    async with producer:
        batch = await producer.create_batch(partition_id="2")
        for number in range(3):
            event = EventData(f"event {number}")
            event.properties = {"number": number}
            batch.add(event)
        await producer.send_batch(batch)
    stored = server.events("telemetry")
    assert [(event.partition_id, event.sequence_number, event.body) for event in stored] == [
        ("2", 0, b"event 0"),
        ("2", 1, b"event 1"),
        ("2", 2, b"event 2"),
    ]
    assert [event.properties["number"] for event in stored] == [0, 1, 2]
