"""How one partition collects, runs and checkpoints, without a hub."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import pytest
from azure.eventhub import EventData

from local.host.hostjson import EventHubs
from local.host.partition import Partition

LONG = timedelta(hours=1)


def events(first: int, last: int) -> list[EventData]:
    return [EventData(str(number)) for number in range(first, last + 1)]


class Function:
    """A function that says which batch it got, and ends when it may."""

    def __init__(self) -> None:
        self.batches = asyncio.Queue[list[int]]()
        self.checkpoints: list[int] = []
        self.may_end = asyncio.Event()
        self.may_end.set()

    async def execute(self, batch: Sequence[EventData], _closed: asyncio.Event) -> None:
        self.batches.put_nowait([int(event.body_as_str()) for event in batch])
        await self.may_end.wait()

    async def checkpoint(self, event: EventData) -> None:
        self.checkpoints.append(int(event.body_as_str()))

    def partition(self, least: int = 1, most: int = 10, wait: timedelta = LONG, frequency: int = 1) -> Partition:
        options = EventHubs.model_construct(
            min_event_batch_size=least,
            max_event_batch_size=most,
            max_wait_time=wait,
            batch_checkpoint_frequency=frequency,
        )
        return Partition(options, self.execute, self.checkpoint)

    def seen(self) -> list[list[int]]:
        return [self.batches.get_nowait() for _ in range(self.batches.qsize())]


async def test_events_wait_for_the_least_size() -> None:
    """Events are kept until there are enough for a batch, which then has all of them."""
    function = Function()
    partition = function.partition(least=5)
    await partition.receive(events(1, 3))
    assert (function.seen(), function.checkpoints) == ([], [])
    await partition.receive(events(4, 7))
    assert (function.seen(), function.checkpoints) == ([[1, 2, 3, 4, 5, 6, 7]], [7])
    partition.close()


async def test_no_batch_exceeds_the_most() -> None:
    """Many events become several batches, each checkpointed; a rest below the least size is kept."""
    function = Function()
    partition = function.partition(least=3, most=4)
    await partition.receive(events(1, 10))
    assert (function.seen(), function.checkpoints) == ([[1, 2, 3, 4], [5, 6, 7, 8]], [4, 8])
    await partition.receive(events(11, 11))
    assert (function.seen(), function.checkpoints) == ([[9, 10, 11]], [4, 8, 11])
    partition.close()


async def test_the_longest_wait_ends_for_a_partial_batch() -> None:
    """When the longest wait is over, what has arrived is run, however little, and checkpointed."""
    function = Function()
    partition = function.partition(least=5, wait=timedelta(milliseconds=20))
    await partition.receive(events(1, 2))
    assert await function.batches.get() == [1, 2]
    await partition.idle()
    assert function.checkpoints == [2]


async def test_checkpoint_frequency() -> None:
    """With a frequency of two, every second batch is checkpointed."""
    function = Function()
    partition = function.partition(most=1, frequency=2)
    await partition.receive(events(1, 5))
    assert function.checkpoints == [2, 4]


async def test_batches_keep_their_order() -> None:
    """A batch begins when the one before is done, even if a caller did not wait for it."""
    function = Function()
    function.may_end.clear()
    partition = function.partition()
    first = asyncio.create_task(partition.receive(events(1, 1)))
    second = asyncio.create_task(partition.receive(events(2, 2)))
    assert await function.batches.get() == [1]
    await asyncio.sleep(0)
    assert function.batches.empty()
    function.may_end.set()
    await asyncio.gather(first, second)
    assert (function.seen(), function.checkpoints) == ([[2]], [1, 2])


async def test_cancelled_receiver() -> None:
    """When receiving is cancelled, as the client does with a lost partition, the running batch goes on to its end."""
    function = Function()
    function.may_end.clear()
    partition = function.partition()
    receiving = asyncio.create_task(partition.receive(events(1, 1)))
    await function.batches.get()
    receiving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await receiving
    function.may_end.set()
    await partition.idle()
    assert function.checkpoints == [1]


async def test_closed_while_running() -> None:
    """A batch that runs when the partition is closed is not checkpointed, and no other begins."""
    function = Function()
    function.may_end.clear()
    partition = function.partition(most=1)
    receiving = asyncio.create_task(partition.receive(events(1, 2)))
    assert await function.batches.get() == [1]
    partition.close()
    function.may_end.set()
    await receiving
    await partition.receive(events(3, 3))
    assert (function.seen(), function.checkpoints) == ([], [])


async def test_closed_while_waiting() -> None:
    """Events that wait for a batch are forgotten with the partition: they are delivered again elsewhere."""
    function = Function()
    partition = function.partition(least=5, wait=timedelta())
    await partition.receive(events(1, 2))
    partition.close()
    await asyncio.sleep(0)
    await partition.idle()
    assert (function.seen(), function.checkpoints) == ([], [])


async def test_cut_off() -> None:
    """What does not end can be cancelled, and is not checkpointed."""
    function = Function()
    function.may_end.clear()
    partition = function.partition()
    receiving = asyncio.create_task(partition.receive(events(1, 1)))
    await function.batches.get()
    partition.close()
    await partition.cut_off()
    with pytest.raises(asyncio.CancelledError):
        await receiving
    assert function.checkpoints == []
