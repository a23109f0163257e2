"""When an item expires, and when the database deletes it by itself.

For most items these are the same moment. What is to be blocked when its time is over must not be deleted before it lies
in the vault: its TTL is longer by a margin, in which `block_expired` moves it there, within an hour as a rule.
"""

from datetime import datetime, timedelta
from functools import cache
from typing import Any, Final

from shared import clock, data_map

MARGIN: Final = timedelta(days=7)
"""How long moving expired items into the vault may fail before the database deletes them all the same."""


def expiring(container: str, item_type: str, *, since: datetime, now: datetime) -> dict[str, Any]:
    """The two fields of an item whose retention counts from `since`."""
    expires_at = since + data_map.retention(container, item_type)
    return {"expiresAt": clock.text(expires_at), "ttl": ttl_until(expires_at, item_type, now=now)}


def ttl_until(expires_at: datetime, item_type: str, *, now: datetime) -> int:
    """The TTL of an item that is written now and expires then, in seconds: a TTL counts from the last write."""
    if item_type in _blocked():  # however long past its time: it has to get into the vault first
        return int((max(expires_at, now) + MARGIN - now).total_seconds())
    return max(1, int((expires_at - now).total_seconds()))


@cache
def _blocked() -> frozenset[str]:
    """The records that are blocked when their time is over; no other container has one of the same name."""
    return frozenset(
        name
        for container in data_map.CONTAINERS.values()
        for name, record in container.records.items()
        if data_map.blocking(record) is not None
    )
