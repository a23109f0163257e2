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
    await _delete(store, _EXPIRED, now)
    for (number,) in store.connection.execute("SELECT number FROM deleted_containers").fetchall():
        await _delete(store, _ABANDONED, number)
        with store.transaction() as connection:
            connection.execute("DELETE FROM sequences WHERE container = ?", (number,))
            connection.execute("DELETE FROM deleted_containers WHERE number = ?", (number,))


async def _delete(store: Store, statement: str, key: float) -> None:
    deleted = _STEP
    while deleted == _STEP:
        deleted = store.connection.execute(statement, (key, _STEP)).rowcount
        await asyncio.sleep(0)
