"""The report of retention, made once a day by a job: per kind of item how old the oldest is, and what is overdue.

A step looks at one kind. What has a retention is found by when it expires, over an index, so that a step reads little
however much there is; only what the database itself or the vault's timer has left behind is read one by one.
"""

import hashlib
import logging
from datetime import datetime, timedelta
from typing import Any, Final

from export_user_data.retention.expiry import is_kept
from shared import clock, data_map
from shared.cosmos import Conflict, Container, Database, Item
from shared.data_map import CONTAINERS, Record
from shared.expiry import expiring
from shared.hubs import Hub
from shared.jobs import Cursor, Lease, start_job

KIND: Final = "retentionReport"
CELL: Final = "retention"
ALLOWED: Final = timedelta(days=1)
"""How long something may be past its time before it is overdue."""

_log = logging.getLogger("blue.retention")

READ_AT_MOST: Final = 10_000
"""Of what is past its time: beyond that the figure only says that it is at least so many."""


async def start_report(*, database: Database, hub: Hub, now: datetime) -> Item:
    """Start today's report, once a day however often the timer runs."""
    day = now.date().isoformat()
    job_id = hashlib.sha256(f"{KIND}\n{day}".encode()).hexdigest()[:32]
    return await start_job(KIND, None, {"date": day}, job_id=job_id, jobs=database["jobs"], hub=hub, now=now)


def kinds() -> list[tuple[str, str, Record]]:
    """Every kind of item: container, name and record."""
    return [
        (container, name, record)
        for container, definition in CONTAINERS.items()
        for name, record in definition.records.items()
    ]


async def look_at_record(lease: Lease, *, database: Database) -> Cursor | None:
    """Look at one kind of item; the last one stores the report."""
    cursor = lease.cursor
    place, lines = cursor.get("place", 0), cursor.get("lines", [])
    container, name, record = kinds()[place]
    as_of = clock.moment(lease.item["createdAt"])
    lines = [*lines, await ages(database[container], name, record, as_of)]
    if place + 1 < len(kinds()):
        return {"place": place + 1, "lines": lines}
    overdue = sum(line["overdue"] for line in lines)
    if overdue:
        _log.error("ALARM retention_overdue: %d items are past their time", overdue)
    await _store(lease.item["date"], lines, database=database, now=lease.now())
    return None


async def ages(container: Container, name: str, record: Record, now: datetime) -> dict[str, Any]:
    """The line of one kind of item."""
    line: dict[str, Any] = {"container": container.name, "record": name, "category": record.category.value}
    line["onExpiry"] = "destroy" if data_map.blocking(record) is None else "block"
    # Without this index a count would read everything.
    is_counted = "type" in CONTAINERS[container.name].indexed
    if is_counted:
        line["items"] = await _value(container, "COUNT(1)", name)
    if record.retention is None:
        oldest = await _oldest_undated(container, name, record.dated_from) if is_counted else None
        return line | ({"oldest": oldest} if oldest else {}) | {"overdue": 0, "kept": 0}
    line["retentionDays"] = record.retention / timedelta(days=1)
    query = "SELECT TOP 1 c.expiresAt FROM c WHERE c.type = @type ORDER BY c.expiresAt"
    async for item in container.query(query, {"type": name}):
        line["oldest"] = clock.text(clock.moment(item["expiresAt"]) - record.retention)
    return line | await _past(container, name, now)


async def _past(container: Container, name: str, now: datetime) -> dict[str, int]:
    """How many are past their time: kept, and overdue."""
    query = "SELECT c.ttl, c.keptBy FROM c WHERE c.type = @type AND c.expiresAt <= @before"
    found = {"overdue": 0, "kept": 0}
    async for item in container.query(query, {"type": name, "before": clock.text(now - ALLOWED)}):
        found["kept" if is_kept(item) else "overdue"] += 1
        if sum(found.values()) >= READ_AT_MOST:
            break
    return found


async def _oldest_undated(container: Container, name: str, dated_from: str | None) -> str | None:
    """Since when the oldest item is kept that has no end; the field's name is the data map's."""
    return None if dated_from is None else await _value(container, f"MIN(c.{dated_from})", name)


async def _value(container: Container, aggregate: str, name: str) -> Any:
    query = f"SELECT VALUE {aggregate} FROM c WHERE c.type = @type"  # noqa: S608 - of the data map
    async for value in container.query(query, {"type": name}):
        return value
    return None


async def _store(day: str, lines: list[dict[str, Any]], *, database: Database, now: datetime) -> None:
    """Keep the report of a day; a step that runs twice finds it there."""
    item = {
        "id": f"{CELL}:{day}",
        "type": KIND,
        "cell": CELL,
        "date": day,
        "countedAt": clock.text(now),
        "lines": lines,
        **expiring("statistics", KIND, since=now, now=now),
    }
    try:
        await database["statistics"].create(item)
    except Conflict:
        return
