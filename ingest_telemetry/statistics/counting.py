"""The job that computes the figures of a day: ownership by ownership, from the stored readings and under the gate.

A step reads a page of ownerships in the order of their devices' ids. What is counted so far lies with the place in the
cursor, by cell and without anybody in it; nothing of it is visible before the last step stores the whole day.
"""

import asyncio
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from ingest_telemetry.statistics.figures import (
    COHORT,
    DEVICES,
    Cell,
    Counts,
    add,
    bounded,
    cell_of,
    count,
    merged,
    read,
    written,
)
from shared import clock, data_map
from shared.annotations import in_force, named
from shared.cosmos import Conflict, Container, Database, Item, Stale
from shared.data_map import Category
from shared.gate import KeptChanging, load_policy
from shared.jobs import Cursor, Lease
from shared.policy import Policy
from shared.readings import corrected, rows
from shared.statistics import KIND, USAGE, is_closing, item_id

PAGE_SIZE: Final = 200
CONCURRENT_READS: Final = 8
_TRIES: Final = 5
_USAGE: Final = Category.USAGE.value

_OWNERSHIPS: Final = (
    "SELECT TOP @size c.deviceId, c.ownershipId FROM c WHERE c.deviceId > @after AND ("
    "(c.type = 'device' AND IS_DEFINED(c.ownershipId) AND c.ownedSince < @end) OR "
    "(c.type = 'pastOwnership' AND c.since < @end AND c.until > @begin)) ORDER BY c.deviceId"
)
_OF_DAY: Final = "SELECT * FROM c WHERE ARRAY_CONTAINS(c.days, @day) AND c.type IN ('usageReadings', 'usageAnnotation')"


async def count_page(
    lease: Lease, *, database: Database, page_size: int = PAGE_SIZE, cohort: int = COHORT
) -> Cursor | None:
    """Count one page of ownerships; the last one stores the figures of the day."""
    cursor, day = lease.cursor, date.fromisoformat(lease.item["date"])
    cells = read(cursor.get("cells", ()))
    ownerships, after = await _page(day, cursor.get("after", ""), page_size, devices=database["devices"])
    limit = asyncio.Semaphore(CONCURRENT_READS)

    async def counted(ownership_id: str) -> tuple[Cell, Counts] | None:
        async with limit:
            return await count_ownership(ownership_id, day, telemetry=database["telemetry"], now=lease.now())

    for one in await asyncio.gather(*map(counted, ownerships)):
        if one is not None:
            add(cells, *one)
    cells = bounded(cells)
    if after is not None:
        return {"after": after, "cells": written(cells)}
    kept, _ = merged(cells, cohort)
    await _store(lease.item, written(kept), cohort, statistics=database["statistics"], now=lease.now())
    return None


async def _page(day: date, after: str, size: int, *, devices: Container) -> tuple[list[str], str | None]:
    """The next ownerships that may have readings of a day, and the device to go on behind; None at the end.

    Those of one device are never divided.
    """
    begin = datetime.combine(day, datetime.min.time(), UTC)
    edges = {"begin": clock.text(begin), "end": clock.text(begin + timedelta(days=1)), "after": after}
    while True:
        found = [item async for item in devices.query(_OWNERSHIPS, {**edges, "size": size})]
        if len(found) < size:
            return [item["ownershipId"] for item in found], None
        last = found[-1]["deviceId"]
        whole = [item for item in found if item["deviceId"] != last]
        if whole:
            return [item["ownershipId"] for item in whole], whole[-1]["deviceId"]
        size *= 2


async def count_ownership(
    ownership_id: str, day: date, *, telemetry: Container, now: datetime
) -> tuple[Cell, Counts] | None:
    """Cell and counts of one ownership on a day; None when there is nothing that may be counted."""
    query = telemetry.query(_OF_DAY, {"day": day.isoformat()}, partition=ownership_id)
    found = [item async for item in query if not item.get("storeOnly")]
    items = [item for item in found if "columns" in item]
    wrong = in_force(item for item in found if "annotates" in item)
    if not items:
        return None
    try:
        policy = await load_policy(telemetry, ownership_id)
    except LookupError:
        return None
    if policy.tombstone or _USAGE in policy.store_only:
        return None
    counts, last = Counts(), ("", "")
    cell: Cell | None = None
    for item in items:
        readings = [
            (kind, values)
            for kind, values in rows(item)
            if named(item["messageId"], kind, observed_at := corrected(item, values["observedAt"])) not in wrong
            and _is_counted(observed_at, item, day, policy, now)
        ]
        if readings:
            counts.update(count(readings))
            if last < (item["observedTo"], item["id"]):
                last, cell = (item["observedTo"], item["id"]), cell_of(item["product"])
    if cell is None:
        return None
    counts[DEVICES] = 1
    return cell, counts


def _is_counted(observed_at: datetime, item: Item, day: date, policy: Policy, now: datetime) -> bool:
    """Whether a reading is of the day, may be held today, and nobody has objected to its use.

    An objection ends a window: what was observed in one that has ended is not counted any more.
    """
    if observed_at.date() != day or policy.refusal(_USAGE, observed_at, clock.moment(item["receivedAt"])) is not None:
        return False
    windows = policy.windows.get(_USAGE, ())
    return any(window.holds(observed_at) and (window.end is None or window.end > now) for window in windows)


async def _store(job: Item, cells: list[list[Any]], cohort: int, *, statistics: Container, now: datetime) -> None:
    """Replace the figures of a day as a whole."""
    kept = data_map.retention("statistics", KIND)
    item = {
        "id": item_id(job["date"]),
        "type": KIND,
        "cell": USAGE,
        "date": job["date"],
        "age": job["age"],
        "closed": is_closing(job["age"]),
        "begunAt": job["createdAt"],
        "countedAt": clock.text(now),
        "cohort": cohort,
        "cells": cells,
        "expiresAt": clock.text(now + kept),
        "ttl": int(kept.total_seconds()),
    }
    for _ in range(_TRIES):
        known = await statistics.read(USAGE, item["id"])
        if known is not None and not _is_replaced(known, item):
            return
        try:
            await (statistics.create(item) if known is None else statistics.replace(item, known["_etag"]))
        except (Conflict, Stale):
            continue
        return
    raise KeptChanging


def _is_replaced(known: Item, item: Item) -> bool:
    """Not by a computation that began earlier; and once the day is closed, only by one that was asked for before."""
    if known["closed"] and item["begunAt"] >= known["countedAt"]:
        return False
    return bool(known["begunAt"] <= item["begunAt"])
