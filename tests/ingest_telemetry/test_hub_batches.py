"""Reading what the host hands over, held against Microsoft's own converter."""

from collections.abc import Sequence
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from azure.eventhub import EventData
from azure.functions.eventhub import EventHubTriggerConverter
from azure.functions.meta import Datum

from ingest_telemetry.hub_batches import HubBatch, HubBatchConverter
from ingest_telemetry.messages import HubEvent
from local.host import eventdata
from local.host.eventdata import Arrived, Source

SOURCE = Source("hub.example", "telemetry", "$Default", "3")


def arrived(*bodies: bytes) -> Arrived:
    """Events as the host makes a batch of them, with properties and without."""
    events = [EventData(body) for body in bodies]
    events[0].properties.update({"ownershipId": "o-1", "text": "ñ 🔔", "number": 7})
    eventdata.stamp(events)
    return eventdata.batch(events, SOURCE, "binary")


def as_datums(arrived: Arrived) -> tuple[Datum, dict[str, Datum]]:
    metadata = {name: Datum(typed.value, typed.kind) for name, typed in arrived.metadata.items()}
    return Datum(arrived.data.value, arrived.data.kind), metadata


def decoded(arrived: Arrived) -> HubBatch:
    data, metadata = as_datums(arrived)
    return HubBatchConverter.decode(data, trigger_metadata=metadata)


def as_microsoft_reads(arrived: Arrived) -> list[HubEvent]:
    data, metadata = as_datums(arrived)
    events: Any = EventHubTriggerConverter.decode(data, trigger_metadata=metadata)
    return [
        HubEvent(
            body=event.get_body(),
            properties=event.metadata["PropertiesArray"][index] or {},
            partition=event.metadata["PartitionContext"]["PartitionId"],
            sequence_number=event.sequence_number,
            enqueued_at=event.enqueued_time.replace(tzinfo=UTC),
        )
        for index, event in enumerate(events)
    ]


def test_a_batch_is_what_microsofts_converter_makes_of_it() -> None:
    """Bytes, properties, place and time of every event, in their order."""
    batch = arrived(b'{"a": 1}', b"", b"\xff\x00 no text")
    assert decoded(batch) == HubBatch("3", as_microsoft_reads(batch))


@pytest.mark.parametrize(
    ("written", "moment"),
    [
        ("2026-03-01T12:00:00", datetime(2026, 3, 1, 12, tzinfo=UTC)),
        ("2026-03-01T12:00:00.25", datetime(2026, 3, 1, 12, 0, 0, 250_000, tzinfo=UTC)),
        ("2026-03-01T12:00:00.1234567", datetime(2026, 3, 1, 12, 0, 0, 123_456, tzinfo=UTC)),
        ("2026-03-01T12:00:00.123Z", datetime(2026, 3, 1, 12, 0, 0, 123_000, tzinfo=UTC)),
        ("2026-03-01T12:00:00+00:00", datetime(2026, 3, 1, 12, tzinfo=UTC)),
        ("03/01/2026 12:00:00+00:00", datetime(2026, 3, 1, 12, tzinfo=UTC)),
        ("0001-01-01T00:00:00", datetime.min.replace(tzinfo=UTC)),
    ],
)
def test_a_time_is_read_in_each_form_that_microsofts_converter_reads(
    written: str, moment: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a zone and without, it is the same moment, in UTC."""
    monkeypatch.setattr(eventdata, "_time", lambda _moment: written)
    batch = arrived(b"{}")
    [event] = decoded(batch).events
    assert event.enqueued_at == moment
    assert [event] == as_microsoft_reads(batch)


@pytest.mark.parametrize("written", ["", "yesterday"])
def test_what_is_no_time_fails_the_invocation(written: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The batch comes again; nothing of it is taken with a time that was made up."""
    monkeypatch.setattr(eventdata, "_time", lambda _moment: written)
    with pytest.raises(ValueError, match=r"yesterday|''"):
        decoded(arrived(b"{}"))


def test_a_batch_whose_parts_do_not_fit_fails_the_invocation() -> None:
    """No event is taken with the properties of another."""
    whole = arrived(b"1", b"2")
    shorter: Sequence[Any] = whole.data.value.bytes[:1]
    data, metadata = as_datums(whole)
    data.value = SimpleNamespace(bytes=shorter)
    with pytest.raises(ValueError, match="zip"):
        HubBatchConverter.decode(data, trigger_metadata=metadata)


def test_other_kinds_of_data_are_not_decoded() -> None:
    """Bodies must arrive as the bytes that they are: text would have lost what is no UTF-8."""
    _, metadata = as_datums(arrived(b"{}"))
    with pytest.raises(TypeError, match="json"):
        HubBatchConverter.decode(Datum("[{}]", "json"), trigger_metadata=metadata)
