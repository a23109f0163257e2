"""When an item expires, and when the database deletes it by itself.

For most items these are the same moment. What is to be blocked when its time is over must not be deleted before it lies
in the vault: its TTL is longer by a margin, in which `block_expired` moves it there, within an hour as a rule.
"""

from datetime import datetime, timedelta
from typing import Any, Final

from shared import clock, data_map

MARGIN: Final = timedelta(days=7)
"""How long moving expired items into the vault may fail before the database deletes them all the same."""


def expiring(container: str, item_type: str, *, since: datetime, now: datetime) -> dict[str, Any]:
    """The two fields of an item whose retention counts from `since`."""
    expires_at = since + data_map.retention(container, item_type)
    return {"expiresAt": clock.text(expires_at), "ttl": ttl_until(container, item_type, expires_at, now=now)}


def ttl_until(container: str, item_type: str, expires_at: datetime, *, now: datetime) -> int:
    """The TTL of an item that is written now and expires then, in seconds: a TTL counts from the last write."""
    margin = MARGIN if data_map.blocking(data_map.record(container, item_type)) is not None else timedelta(0)
    return max(1, int((expires_at - now + margin).total_seconds()))
