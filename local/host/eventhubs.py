"""The Event Hubs listener: Microsoft's consumer and checkpoint store, driven by the rules of the real extension.

With cardinality one, the events that arrived together are run one after the other, and the last is checkpointed.
Approximated: the real extension sends the first partial batch of a partition at once where it finds no recent
checkpoint; here it waits as long as any other. A checkpoint that cannot be written is logged, and the next covers it.
"""

import asyncio
import contextlib
import logging
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from azure.core.exceptions import AzureError, ResourceExistsError
from azure.eventhub import CloseReason, EventData, parse_connection_string
from azure.eventhub.aio import EventHubConsumerClient, PartitionContext
from azure.eventhub.extensions.checkpointstoreblobaio import BlobCheckpointStore
from azure.storage.blob.aio import ContainerClient

from local.host import eventdata, protos
from local.host.hostjson import EventHubs, InitialOffset
from local.host.invocations import FIRST_ATTEMPT, Invocations, Outcome, run_with_retries
from local.host.manifest import EventHubTrigger, Function
from local.host.partition import Partition
from local.host.settings import connection_string
from local.serving import CannotStart

STORAGE: Final = "AzureWebJobsStorage"
CONTAINER: Final = "azure-webjobs-eventhub"
"""Where the real extension keeps its checkpoints."""

_log: Final = logging.getLogger("Host.EventHubs")


class Listener:
    """Receives for one function, from as many partitions as load balancing gives it."""

    def __init__(
        self, function: Function, trigger: EventHubTrigger, options: EventHubs, invocations: Invocations
    ) -> None:
        self._function = function
        self._trigger = trigger
        self._options = options if trigger.is_batch else options.model_copy(update={"min_event_batch_size": 1})
        self._invocations = invocations
        self._partitions: dict[str, Partition] = {}
        self._is_stopping = False

    def client(self, settings: Mapping[str, str], store: BlobCheckpointStore) -> EventHubConsumerClient:
        """The official consumer for the trigger's connection; a hub named in the connection string wins.

        Raises:
            CannotStart: the connection is missing or malformed.
        """
        where = f"function {self._function.name!r}"
        connection = connection_string(settings, self._trigger.connection, where=where)
        options = self._options
        try:
            named = parse_connection_string(connection).eventhub_name
        except ValueError as error:
            raise CannotStart(f"host: {where}: setting {self._trigger.connection!r}: {error}") from error
        return EventHubConsumerClient.from_connection_string(
            connection,
            consumer_group=self._trigger.consumer_group,
            eventhub_name=named or self._trigger.event_hub,
            checkpoint_store=store,
            load_balancing_interval=options.load_balancing_update_interval.total_seconds(),
            partition_ownership_expiration_interval=options.partition_ownership_expiration_interval.total_seconds(),
        )

    async def run(
        self, client: EventHubConsumerClient, store: BlobCheckpointStore, stopping: asyncio.Event, grace: float
    ) -> None:
        """Receive until `stopping` is set; then running batches get `grace` seconds.

        A partition is given up only when its batch has ended, so that no other host gets the same events meanwhile.
        """
        async with store, client:
            receiving = asyncio.create_task(self._receive(client))
            stop = asyncio.create_task(stopping.wait())
            try:
                await asyncio.wait({receiving, stop}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                stop.cancel()
                await self._stop(receiving, grace)

    async def _receive(self, client: EventHubConsumerClient) -> None:
        await client.receive_batch(
            self._on_events,
            max_batch_size=self._options.max_event_batch_size,
            prefetch=self._options.prefetch_count,
            starting_position=_starting_position(self._options.initial_offset_options),
            on_error=self._on_error,
            on_partition_initialize=self._on_claimed,
            on_partition_close=self._on_lost,
        )

    async def _stop(self, receiving: asyncio.Task[None], grace: float) -> None:
        self._is_stopping = True
        for partition in self._partitions.values():
            partition.close()
        await asyncio.gather(*(_let_end(partition, grace) for partition in self._partitions.values()))
        receiving.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await receiving

    async def _on_claimed(self, context: PartitionContext) -> None:
        former = self._partitions.get(context.partition_id)
        if former is not None:
            await former.idle()
        source = eventdata.Source(
            context.fully_qualified_namespace, context.eventhub_name, context.consumer_group, context.partition_id
        )

        async def execute(events: Sequence[EventData], closed: asyncio.Event) -> None:
            await self._execute(source, events, closed)

        async def checkpoint(event: EventData) -> None:
            try:
                await context.update_checkpoint(event)
            except AzureError:
                _log.exception("%s: no checkpoint; events may come again", self._where(context))

        self._partitions[context.partition_id] = partition = Partition(self._options, execute, checkpoint)
        if self._is_stopping:
            partition.close()
        _log.info("%s: claimed", self._where(context))

    async def _on_lost(self, context: PartitionContext, reason: CloseReason) -> None:
        if partition := self._partitions.get(context.partition_id):
            partition.close()
        _log.info("%s: given up (%s)", self._where(context), reason.name)

    async def _on_events(self, context: PartitionContext, events: list[EventData]) -> None:
        await self._partitions[context.partition_id].receive(events)

    async def _on_error(self, context: PartitionContext | None, error: Exception) -> None:
        _log.error("%s: %s", self._where(context), error)

    def _where(self, context: PartitionContext | None) -> str:
        return f"{self._function.name}: partition {context.partition_id}" if context else self._function.name

    async def _execute(self, source: eventdata.Source, events: Sequence[EventData], closed: asyncio.Event) -> None:
        if self._trigger.is_batch:
            await self._run(events, source, closed)
            return
        for event in events:
            if closed.is_set():
                return
            await self._run([event], source, closed)

    async def _run(self, events: Sequence[EventData], source: eventdata.Source, closed: asyncio.Event) -> None:
        async def attempt(retry: protos.RetryContext) -> Outcome:
            return await run_on_events(self._function, self._trigger, self._invocations, events, source, retry)

        await run_with_retries(self._function, attempt, stopping=closed)


async def _let_end(partition: Partition, grace: float) -> None:
    try:
        async with asyncio.timeout(grace):
            await partition.idle()
    except TimeoutError:
        await partition.cut_off()


async def run_on_events(
    function: Function,
    trigger: EventHubTrigger,
    invocations: Invocations,
    events: Sequence[EventData],
    source: eventdata.Source,
    retry: protos.RetryContext = FIRST_ATTEMPT,
) -> Outcome:
    """Run an Event Hubs function once, on a batch or, with cardinality one, on the first event."""
    try:
        if trigger.is_batch:
            data, metadata = eventdata.batch(events, source, trigger.data_type)
        else:
            data, metadata = eventdata.single(events[0], source, trigger.data_type)
    except eventdata.NotConvertibleError as error:
        return invocations.refuse(function, str(error))
    return await invocations.run(function, data, metadata, retry=retry)


def checkpoint_store(storage: str) -> BlobCheckpointStore:
    """The official checkpoint store in the container of the real extension."""
    return BlobCheckpointStore.from_connection_string(storage, CONTAINER)


async def create_checkpoint_container(storage: str) -> None:
    """Make the container of the checkpoints, unless it is there.

    Raises:
        CannotStart: the storage cannot be used.
    """
    try:
        async with ContainerClient.from_connection_string(storage, CONTAINER, retry_total=0) as container:
            with contextlib.suppress(ResourceExistsError):
                await container.create_container()
    except (AzureError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise CannotStart(f"host: the storage of {STORAGE} cannot be used for checkpoints: {reason}") from error


def _starting_position(options: InitialOffset) -> str | datetime:
    if options.enqueued_time_utc is not None and options.type == "fromEnqueuedTime":
        return options.enqueued_time_utc
    return "@latest" if options.type == "fromEnd" else "-1"
