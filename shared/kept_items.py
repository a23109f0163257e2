"""Items that are kept by a restriction or a legal hold: their time stays as it was, and nothing deletes them then.

`expiresAt` says when an item's time is over, `ttl` lets the store delete it, `keptBy` says what keeps it from that.
Whoever writes an item anew asks here for both, so that nobody lets a kept one expire.
"""

from datetime import datetime, timedelta
from typing import Any, Final

from shared import clock, data_map
from shared.cosmos import Item, declared
from shared.data_map import CATEGORIES
from shared.policy import KeptBy

FOREVER: Final = -1
"""Cosmos DB: an item with this `ttl` does not expire."""

LET_GO: Final = timedelta(days=1)
"""How long what is past its time may still be there when nothing keeps it any more: until then it is moved elsewhere
where its category is blocked and not destroyed."""


def lifetime(expires_at: datetime, *, now: datetime, kept_by: KeptBy | None = None) -> dict[str, Any]:
    """What an item has of it that is written now: a TTL counts from then, which may be long after it was received."""
    written: dict[str, Any] = {"expiresAt": clock.text(expires_at)}
    if kept_by is not None:
        return written | {"keptBy": kept_by, "ttl": FOREVER}
    return written | {"ttl": max(1, int((expires_at - now).total_seconds()))}


def rewritten(item: Item, *, now: datetime, expires_at: datetime | None = None) -> Item:
    """An item as it is written anew. What is kept stays so."""
    until = expires_at or clock.moment(item["expiresAt"])
    return declared(item) | lifetime(until, now=now, kept_by=item.get("keptBy"))


def kept(container: str, item: Item, kept_by: KeptBy | None, *, now: datetime) -> Item | None:
    """The item as something keeps it, or nothing does any more; None when it goes, for its time is over.

    What its category blocks instead of destroying goes a little later, so that it can be moved.
    """
    free = {name: value for name, value in declared(item).items() if name != "keptBy"}
    expires_at = clock.moment(item["expiresAt"])
    if kept_by is None and expires_at <= now:
        is_blocked = CATEGORIES[data_map.record(container, item["type"]).category].on_expiry == "block"
        return free | {"ttl": int(LET_GO.total_seconds())} if is_blocked else None
    return free | lifetime(expires_at, now=now, kept_by=kept_by)
