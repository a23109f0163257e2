"""Clearing away what nobody can see any more: expired items, and the items of deleted containers."""

import asyncio
from collections.abc import Callable
from typing import Final

from local.cosmos.store import Store

_STEP: Final = 500
_PAUSE: Final = 1.0

_EXPIRED: Final = "DELETE FROM documents WHERE row IN (SELECT row FROM documents WHERE expires <= ? LIMIT ?)"
_ABANDONED: Final = "DELETE FROM documents WHERE row IN (SELECT row FROM documents WHERE container = ? LIMIT ?)"


async def sweep_for_ever(store: Store, clock: Callable[[], float]) -> None:
    """Sweep about once a second until cancelled."""
    while True:
        await sweep(store, clock())
        await asyncio.sleep(_PAUSE)


async def sweep(store: Store, now: float) -> None:
    """Clear everything away that is due, in steps between which requests are answered."""
    while _step(store, _EXPIRED, now):
        await asyncio.sleep(0)
    for (number,) in store.connection.execute("SELECT number FROM deleted_containers").fetchall():
        while _step(store, _ABANDONED, number):
            await asyncio.sleep(0)
        with store.transaction() as connection:
            connection.execute("DELETE FROM sequences WHERE container = ?", (number,))
            connection.execute("DELETE FROM deleted_containers WHERE number = ?", (number,))


def _step(store: Store, statement: str, key: float) -> bool:
    """Delete some rows; whether there may be more. No write lock is taken when there is nothing to do."""
    return store.connection.execute(statement, (key, _STEP)).rowcount == _STEP
