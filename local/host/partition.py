"""One partition of one function: collects batches, runs the function, checkpoints.

One lock keeps the order of the stream: a batch begins when the one before has been checkpointed. The rule is the real
extension's: the checkpoint comes after the batch with all its retries, *whether or not the function succeeded*. Only
a stop, a crash or the loss of the partition leaves a batch without a checkpoint, to be delivered again.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any

from azure.eventhub import EventData

from local.host.hostjson import EventHubs

Execute = Callable[[Sequence[EventData], asyncio.Event], Awaitable[None]]
"""Runs the function on a batch, with retries, until the event is set."""

Checkpoint = Callable[[EventData], Awaitable[None]]


class Partition:
    """Built when a partition is claimed, closed when it is lost or the host stops."""

    def __init__(self, options: EventHubs, execute: Execute, checkpoint: Checkpoint) -> None:
        self._options = options
        self._execute = execute
        self._checkpoint = checkpoint
        self._pending: deque[EventData] = deque()
        self._lock = asyncio.Lock()
        self._batches = 0
        self._partial: asyncio.TimerHandle | None = None
        self._running: set[asyncio.Task[None]] = set()
        self._closed = asyncio.Event()

    async def receive(self, events: Sequence[EventData]) -> None:
        """Take events in; returns when every full batch among them has been run.

        The batch goes on to its end even if the caller is cancelled.
        """
        await asyncio.shield(self._task(self._take(events)))

    def close(self) -> None:
        """Begin no further batch or retry, and checkpoint no more; a run in progress goes on to its end."""
        self._closed.set()
        self._pending.clear()
        self._forget_partial()

    async def cut_off(self) -> None:
        """Cancel what is still running."""
        running = list(self._running)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    async def idle(self) -> None:
        """Wait until nothing is running."""
        async with self._lock:
            pass

    def _task(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return task

    async def _take(self, events: Sequence[EventData]) -> None:
        async with self._lock:
            if not self._closed.is_set():
                self._pending.extend(events)
            while len(self._pending) >= self._options.min_event_batch_size:
                await self._run_batch()
                self._forget_partial()
            if self._pending and self._partial is None:
                wait = self._options.max_wait_time.total_seconds()
                self._partial = asyncio.get_running_loop().call_later(wait, self._wait_is_over)

    def _wait_is_over(self) -> None:
        self._partial = None
        self._task(self._run_partial_batch())

    def _forget_partial(self) -> None:
        if self._partial is not None:
            self._partial.cancel()
            self._partial = None

    async def _run_partial_batch(self) -> None:
        async with self._lock:
            if self._pending:
                await self._run_batch()

    async def _run_batch(self) -> None:
        most = min(self._options.max_event_batch_size, len(self._pending))
        batch = [self._pending.popleft() for _ in range(most)]
        await self._execute(batch, self._closed)
        self._batches += 1
        if self._batches >= self._options.batch_checkpoint_frequency and not self._closed.is_set():
            await self._checkpoint(batch[-1])
            self._batches = 0
