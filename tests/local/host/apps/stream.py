"""Event Hubs functions that report every batch they see."""

import asyncio
import typing

import azure.functions as func

app = func.FunctionApp()


class Batch(typing.NamedTuple):
    """What a function was given."""

    bodies: list[bytes]
    events: list[func.EventHubEvent]
    partition: str
    retry: int
    most_retries: int

    @property
    def metadata(self) -> typing.Any:
        """Metadata of the whole batch."""
        return self.events[0].metadata


batches = asyncio.Queue[Batch]()
failures = asyncio.Queue[Exception]()
"""What the next invocations raise, one each."""

gates = asyncio.Queue[asyncio.Event]()
"""What the next invocations wait for, one each."""


async def _report(events: list[func.EventHubEvent], context: func.Context) -> None:
    assert events[0].metadata
    retry = context.retry_context
    batch = Batch(
        [event.get_body() for event in events],
        events,
        events[0].metadata["PartitionContext"]["PartitionId"],
        retry.retry_count,
        retry.max_retry_count,
    )
    batches.put_nowait(batch)
    if not gates.empty():
        await gates.get_nowait().wait()
    if not failures.empty():
        raise failures.get_nowait()


@app.event_hub_message_trigger(
    "events",
    connection="Hub",
    event_hub_name="%HUB%",
    cardinality=func.Cardinality.MANY,
    data_type=func.DataType.BINARY,
    consumer_group="%GROUP%",
)
@app.retry(strategy="fixed_delay", max_retry_count="2", delay_interval="00:00:00")
async def many(events: typing.List[func.EventHubEvent], context: func.Context) -> None:  # noqa: UP006 - the worker wants it
    """Whole batches, with two retries."""
    await _report(events, context)


@app.event_hub_message_trigger(
    "events", connection="Hub", event_hub_name="%HUB%", cardinality="many", consumer_group="%GROUP%"
)
async def parsed(events: typing.List[func.EventHubEvent], context: func.Context) -> None:  # noqa: UP006 - the worker wants it
    """Whole batches of the default data type, without retries."""
    await _report(events, context)


@app.event_hub_message_trigger("event", connection="Hub", event_hub_name="%HUB%", consumer_group="%GROUP%")
async def one(event: func.EventHubEvent, context: func.Context) -> None:
    """Events one by one."""
    await _report([event], context)
