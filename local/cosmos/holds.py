"""Holding a batch between its reads and its commit, so that a test can let something else happen there.

What is modelled, by Microsoft's words on stored procedures and batches, and an assumption as to their details: a batch
is isolated by a snapshot taken at its start. What it only reads may change before it commits; when something that it
writes was changed meanwhile it fails (449); after five seconds it is aborted (408). Batches that are not held run in
one piece, so none of this can happen to them.
"""

import asyncio
from collections.abc import Callable
from http import HTTPStatus
from types import TracebackType
from typing import Final, Self

from local.cosmos import values
from local.cosmos.failures import RETRY_WITH, Failure
from local.cosmos.values import Json

LIMIT_SECONDS: Final = 5.0
"""How old a batch may be when it commits, by the server's clock."""


class BatchHold:
    """Stops the first batch that it is for. As a context manager it releases it in any case."""

    def __init__(self, container: str | None, key: list[Json] | None) -> None:
        self._container = container
        self._key = key
        self._reached = asyncio.Event()
        self._released = asyncio.Event()
        self._abandoned = False

    async def reached(self) -> None:
        """Wait until a batch has made its reads. One that fails at them is answered, and the hold waits for another."""
        await self._reached.wait()

    def release(self) -> None:
        """Let the batch go on, or all batches pass if none has come."""
        self._released.set()

    def abandon(self) -> None:
        """Let the batch fail: what it has read is no more."""
        self._abandoned = True
        self.release()

    def is_for(self, container: str, key: Json) -> bool:
        """Whether a batch is the one to be stopped."""
        free = not self._reached.is_set() and not self._released.is_set()
        return free and self._container in (None, container) and self._key in (None, key)

    async def stop(self, started: float, clock: Callable[[], float]) -> None:
        """Stop the batch that has made its reads at the time `started`, until it is released.

        Raises:
            Failure: it must not commit any more.
        """
        self._reached.set()
        await self._released.wait()
        if self._abandoned:
            raise Failure(RETRY_WITH, "The data that the batch has read is no more.")
        if clock() - started > LIMIT_SECONDS:
            raise Failure(HTTPStatus.REQUEST_TIMEOUT, f"The batch took longer than {LIMIT_SECONDS:.0f} seconds.")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


class Holds:
    """The holds of one server."""

    def __init__(self) -> None:
        self._holds: list[BatchHold] = []

    def hold(self, container: str | None, key: list[Json] | None) -> BatchHold:
        """A hold for one batch."""
        held = BatchHold(container, key)
        self._holds.append(held)
        return held

    def claim(self, container: str, header: str | None) -> BatchHold | None:
        """The hold for a batch with this partition key header."""
        if not self._holds:
            return None
        key = values.load((header or "null").encode())
        return next((held for held in self._holds if held.is_for(container, key)), None)

    def abandon(self) -> None:
        """End all holds; batches that are held fail."""
        for held in self._holds:
            held.abandon()
        self._holds.clear()
