"""Withdrawing copies of who stays: what was made, or is being made, from before some of their data was erased.

A finished copy is deleted as a whole, and its person sees that it has expired; a transfer of it sends nothing then. One
that is being made begins anew: its worker can commit nothing more.
"""

from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final

from export_user_data.copying.notes import Shelf
from export_user_data.erasure.tools import Tools
from shared import clock
from shared.cosmos import Item, Stale, declared
from shared.injection import reached

SEEN_FOR: Final = timedelta(hours=12)
"""So long a person sees of a copy that was withdrawn that it has expired."""

_COPIES: Final = "SELECT * FROM c WHERE c.personId = @person AND c.type = 'export'"
_OF_THE_COPY: Final = ("blobName", "bytes", "readyAt")


async def withdraw(person_id: str, *, tools: Tools, now: datetime) -> None:
    """Let no copy be there, or go on, that was begun before now; it may be repeated."""
    jobs = tools.database["jobs"]
    for copy in [one async for one in jobs.query(_COPIES, {"person": person_id})]:
        with suppress(Stale):  # its worker has just gone on: the scan finds it
            withdrawn = await _withdrawn(copy, tools=tools, now=now)
            await reached("erasure.copy_withdrawn")
            await Shelf(copy["jobId"], tools.blobs).clear_outdated(withdrawn)


async def _withdrawn(copy: Item, *, tools: Tools, now: datetime) -> Item:
    """The job of a copy, as it is when nothing can be had of it any more."""
    if not _holds_something(copy):
        return copy
    item = {name: value for name, value in declared(copy).items() if name not in _OF_THE_COPY} | {"cursor": {}}
    remaining = clock.moment(item["expiresAt"]) - now
    if item["state"] == "done":
        item["expiresAt"] = clock.text(min(now, clock.moment(item["expiresAt"])))
        remaining = min(remaining, SEEN_FOR)
    else:  # under another attempt, so that what the present worker still writes can be told apart
        item |= {"attempt": item["attempt"] + 1, "stepsDone": 0, "leaseUntil": clock.text(now)}
    item["ttl"] = max(1, int(remaining.total_seconds()))  # a TTL counts from the last write
    await tools.database["jobs"].replace(item, copy["_etag"])
    return item


def _holds_something(copy: Item) -> bool:
    return "blobName" in copy or (copy["state"] in {"queued", "running"} and bool(copy["cursor"]))


async def not_withdrawn(person_id: str, since: str, *, tools: Tools) -> AsyncIterator[str]:
    """Copies and their blobs of before a time that are still there, as `place/record`."""
    async for copy in tools.database["jobs"].query(_COPIES, {"person": person_id}):
        begun = copy["cursor"].get("cutOff", copy["createdAt"])
        if _holds_something(copy) and begun <= since:
            yield "jobs/export"
        async for _ in Shelf(copy["jobId"], tools.blobs).outdated(copy):
            yield "blobs/exports"
