"""A batch of hub events as the worker library hands it to `store_telemetry`.

The library's own converter tries up to thirteen formats of `strptime` for the time of every event, since the host
writes times without a zone: half of what storing a backlog took. The library lets a converter be registered for a
binding of another name, so the trigger has that name towards the worker. Towards the host it stays an
`eventHubTrigger`: the host reads the binding as JSON, and its scaling knows a trigger by exactly that name.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from azure.functions import Cardinality, DataType
from azure.functions.decorators.eventhub import EventHubTrigger
from azure.functions.meta import Datum, InConverter

from ingest_telemetry.messages import HubEvent

_BINDING: Final = "telemetryBatchTrigger"
"""What the worker knows the trigger by; nothing outside of it sees this."""


@dataclass(frozen=True, slots=True)
class HubBatch:
    """The events of one invocation, all of one partition."""

    partition: str
    events: list[HubEvent]


def batch_trigger(parameter: str, connection: str, hub: str) -> Callable[[Any], Any]:
    """A trigger by batches of events with their bytes as they are; stands above another decorator of the function."""
    trigger = EventHubTrigger(parameter, connection, hub, data_type=DataType.BINARY, cardinality=Cardinality.MANY)
    trigger.type = _BINDING  # what the host reads was written before, with the name that it knows

    def decorate(builder: Any) -> Any:
        return builder.add_trigger(trigger=trigger)

    return decorate


class HubBatchConverter(InConverter, binding=_BINDING, trigger=_BINDING):
    """Makes a `HubBatch` of what the host sends."""

    @classmethod
    def check_input_type_annotation(cls, pytype: type) -> bool:
        """Whether a parameter is of the one type that this makes."""
        return pytype is HubBatch

    @classmethod
    def decode(cls, data: Datum, *, trigger_metadata: Mapping[str, Datum]) -> HubBatch:
        """Read a batch; what the host says of its events comes beside their bodies, for all of them at once.

        Raises:
            TypeError: it is no batch of bytes, or what is said of it has another form.
            KeyError, ValueError: the host speaks of its events in another way.
        """
        if data.type != "collection_bytes":
            raise TypeError(f"a batch of the hub is bytes, and this is {data.type}")
        partition = str(_read(trigger_metadata, "PartitionContext")["PartitionId"])
        return HubBatch(partition, list(cls._events(data.value.bytes, partition, trigger_metadata)))

    @classmethod
    def _events(cls, bodies: Any, partition: str, metadata: Mapping[str, Datum]) -> Iterator[HubEvent]:
        stated = zip(bodies, _read(metadata, "PropertiesArray"), _read(metadata, "SystemPropertiesArray"), strict=True)
        for body, properties, system in stated:
            yield HubEvent(
                body=body,
                properties=properties or {},
                partition=partition,
                sequence_number=int(system.get("SequenceNumber") or 0),
                enqueued_at=cls._moment(system["EnqueuedTimeUtc"]),
            )

    @classmethod
    def _moment(cls, written: str) -> datetime:
        """A time in UTC, whether or not the host says so."""
        try:
            moment = datetime.fromisoformat(written)
        except ValueError:
            other = cls._parse_datetime(written)  # whatever else Microsoft's converter would have read
            if other is None:
                raise
            moment = other
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _read(metadata: Mapping[str, Datum], name: str) -> Any:
    return json.loads(metadata[name].value)
