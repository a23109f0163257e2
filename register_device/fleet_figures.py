"""The figures of the fleet, counted once a day by a job: which monitors run what, and when they were last seen.

A step reads one page of monitors in the order of their ids. What is counted so far lies with the place in the cursor.
"""

import asyncio
import hashlib
import json
from collections import Counter
from datetime import datetime, timedelta
from typing import Any, Final

from register_device.contract.fleet import FleetCell, LastSeen
from register_device.devices import last_seen
from shared import clock, data_map
from shared.cosmos import Conflict, Database, Item
from shared.data_map import Category
from shared.hubs import Hub
from shared.jobs import Cursor, Lease, start_job
from shared.standing import is_restricted

KIND: Final = "fleetFigures"
FLEET: Final = "fleet"
PAGE_SIZE: Final = 200
CONCURRENT_READS: Final = 8
CELLS_LIMIT: Final = 5000
BYTES_LIMIT: Final = 1_000_000
"""An item may have 2 MB, and makers' values may be long."""

_PAGE: Final = (
    "SELECT TOP @size c.deviceId, c.model, c.firmwareVersion, c.region, c.ownershipId FROM c "
    "WHERE c.type = 'device' AND c.deviceId > @after ORDER BY c.deviceId"
)
_SEEN_WITHIN: Final[tuple[tuple[LastSeen, timedelta], ...]] = (
    ("today", timedelta(days=1)),
    ("week", timedelta(days=7)),
    ("month", timedelta(days=30)),
)
_FIELDS: Final = tuple(name for name in FleetCell.model_fields if name != "devices")

Cell = tuple[str | None, ...]
"""The values of a cell's fields, in their order."""


async def start_counting(*, database: Database, hub: Hub, now: datetime) -> Item:
    """Start today's count, once a day however often the timer runs."""
    day = now.date().isoformat()
    job_id = hashlib.sha256(f"{KIND}\n{day}".encode()).hexdigest()[:32]
    return await start_job(KIND, None, {"date": day}, job_id=job_id, jobs=database["jobs"], hub=hub, now=now)


async def count_page(lease: Lease, *, database: Database, page_size: int = PAGE_SIZE) -> Cursor | None:
    """Count one page of monitors; the last one stores the figures."""
    cursor, as_of = lease.cursor, clock.moment(lease.item["createdAt"])
    counted: Counter[Cell] = Counter({tuple(cell): number for *cell, number in cursor.get("cells", ())})
    parameters = {"size": page_size, "after": cursor.get("after", "")}
    devices = [device async for device in database["devices"].query(_PAGE, parameters)]
    limit = asyncio.Semaphore(CONCURRENT_READS)

    async def cell(device: Item) -> Cell | None:
        async with limit:
            return await _cell(device, as_of, database=database)

    found = await asyncio.gather(*(cell(device) for device in devices))
    counted.update(cell for cell in found if cell is not None)
    cells, merged = bounded(counted)
    other = cursor.get("other", 0) + merged
    if len(devices) == page_size:
        return {"after": devices[-1]["deviceId"], "cells": cells, "other": other}
    await _store(lease.item["date"], cells, other, database=database, now=lease.now())
    return None


async def _cell(device: Item, as_of: datetime, *, database: Database) -> Cell | None:
    """Where a monitor counts; nowhere while its owner has restricted what is held about it."""
    ownership_id = device.get("ownershipId")
    if ownership_id is not None and await is_restricted(ownership_id, Category.DEVICE, telemetry=database["telemetry"]):
        return None
    seen_at = await last_seen(ownership_id, database=database) if ownership_id is not None else None
    return (
        device.get("model"),
        device.get("firmwareVersion"),
        device.get("region"),
        "unowned" if ownership_id is None else "owned",
        seen(seen_at, as_of),
    )


def seen(seen_at: datetime | None, as_of: datetime) -> LastSeen:
    """How long ago that was."""
    if seen_at is None:
        return "never"
    return next((word for word, within in _SEEN_WITHIN if as_of - seen_at < within), "older")


def bounded(
    counted: Counter[Cell], *, cells_limit: int = CELLS_LIMIT, bytes_limit: int = BYTES_LIMIT
) -> tuple[list[list[Any]], int]:
    """The largest cells that one item can hold, and how many monitors are in the others."""
    largest_first = sorted(counted.items(), key=lambda one: (-one[1], str(one[0])))
    cells: list[list[Any]] = [[*cell, number] for cell, number in largest_first]
    kept, size = 0, 0
    for cell in cells[:cells_limit]:
        size += len(json.dumps(cell))
        if size > bytes_limit:
            break
        kept += 1
    return cells[:kept], sum(cell[-1] for cell in cells[kept:])


def as_views(cells: list[list[Any]]) -> list[FleetCell]:
    """Stored cells as they are told."""
    return [FleetCell.model_validate(dict(zip((*_FIELDS, "devices"), cell, strict=True))) for cell in cells]


async def _store(day: str, cells: list[list[Any]], other: int, *, database: Database, now: datetime) -> None:
    """Keep the figures of a day; a step that runs twice finds them there."""
    kept = data_map.retention("statistics", KIND)
    item = {
        "id": f"{FLEET}:{day}",
        "type": KIND,
        "cell": FLEET,
        "date": day,
        "countedAt": clock.text(now),
        "cells": cells,
        "other": other,
        "expiresAt": clock.text(now + kept),
        "ttl": int(kept.total_seconds()),
    }
    try:
        await database["statistics"].create(item)
    except Conflict:
        return
