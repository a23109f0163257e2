"""Items that are kept by a restriction or a legal hold: their time stays as it was, and nothing deletes them then.

`expiresAt` says when an item's time is over, `ttl` lets the store delete it, `keptBy` says what keeps it from that.
Whoever writes an item anew asks here for both, so that nobody lets a kept one expire.
"""

from datetime import datetime
from typing import Any, Final

from shared import clock, data_map
from shared.cosmos import Item, declared
from shared.expiry import MARGIN, ttl_until
from shared.policy import KeptBy

FOREVER: Final = -1
"""Cosmos DB: an item with this `ttl` does not expire."""


def lifetime(item_type: str, expires_at: datetime, *, now: datetime, kept_by: KeptBy | None = None) -> dict[str, Any]:
    """What an item has of it that is written now: a TTL counts from then, which may be long after it was received."""
    written: dict[str, Any] = {"expiresAt": clock.text(expires_at)}
    if kept_by is not None:
        return written | {"keptBy": kept_by, "ttl": FOREVER}
    return written | {"ttl": ttl_until(expires_at, item_type, now=now)}


def rewritten(item: Item, *, now: datetime, expires_at: datetime | None = None) -> Item:
    """An item as it is written anew. What is kept stays so."""
    until = expires_at or clock.moment(item["expiresAt"])
    return declared(item) | lifetime(item["type"], until, now=now, kept_by=item.get("keptBy"))


def kept(container: str, item: Item, kept_by: KeptBy | None, *, now: datetime) -> Item | None:
    """The item as something keeps it, or nothing does any more; None when it goes, for its time is over.

    What is blocked instead of destroyed goes later by a margin, so that it can be moved into the vault.
    """
    free = {name: value for name, value in declared(item).items() if name != "keptBy"}
    expires_at = clock.moment(item["expiresAt"])
    if kept_by is None and expires_at <= now:
        is_blocked = data_map.blocking(data_map.record(container, item["type"])) is not None
        return free | {"ttl": int(MARGIN.total_seconds())} if is_blocked else None
    return free | lifetime(item["type"], expires_at, now=now, kept_by=kept_by)
