"""Retention: a changed period of the data map is brought to what is stored already, by `python -m shared re-date`.

The period is one line in the map. Every item of the record is dated anew from the time that it counts from; what has
run out by then is deleted, unless a restriction or a legal hold keeps it. Items that are right already are left alone,
so the command may be cut off and run again.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus

from shared import clock, data_map
from shared.cosmos import BatchFailed, Container, Database, Delete, Item, Operation, Replace
from shared.data_map import CONTAINERS
from shared.kept_items import rewritten


@dataclass(slots=True)
class Redated:
    """What became of the items of one record."""

    container: str
    record: str
    right: int = 0
    redated: int = 0
    deleted: int = 0
    changed_meanwhile: int = 0


async def re_date(database: Database, *, now: datetime) -> AsyncIterator[Redated]:
    """Bring every record to the retention of the data map; tell of each one when it is done."""
    for container_name, definition in CONTAINERS.items():
        for record_name, record in definition.records.items():
            if record.retention is not None and record.dated_from is not None:
                outcome = Redated(container_name, record_name)
                await _re_date_record(database[container_name], record.dated_from, record.retention, outcome, now=now)
                yield outcome


async def _re_date_record(
    container: Container, dated_from: str, retention: timedelta, outcome: Redated, *, now: datetime
) -> None:
    query = "SELECT * FROM c WHERE c.type = @type"
    async for item in container.query(query, {"type": outcome.record}):
        expires_at = clock.moment(item[dated_from]) + retention
        if item["expiresAt"] == clock.text(expires_at):
            outcome.right += 1
            continue
        operation = _operation(container.name, item, expires_at, now)
        try:
            await container.batch(item[container.partition_key], [operation])
        except BatchFailed as failed:
            if failed.status not in {HTTPStatus.NOT_FOUND, HTTPStatus.PRECONDITION_FAILED}:
                raise
            outcome.changed_meanwhile += 1  # its own writer dates it by the new period, or it has expired
            continue
        if isinstance(operation, Delete):
            outcome.deleted += 1
        else:
            outcome.redated += 1


def _operation(container: str, item: Item, expires_at: datetime, now: datetime) -> Operation:
    """What is over goes at once, unless something keeps it, or its timer is to move it into the vault."""
    is_blocked = data_map.blocking(data_map.record(container, item["type"])) is not None
    if expires_at <= now and "keptBy" not in item and not is_blocked:
        return Delete(item["id"], item["_etag"])
    return Replace(rewritten(item, now=now, expires_at=expires_at), item["_etag"])
