"""Retention: a changed period of the data map is brought to what is stored already, by `python -m shared re-date`.

The period is one line in the map. Every item of the record is dated anew from the time that it counts from; what has
run out by then is deleted. Items that are right already are left alone, so the command may be cut off and run again.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus

from shared import clock, data_map
from shared.cosmos import BatchFailed, Container, Database, Delete, Item, Operation, Replace, declared
from shared.data_map import CONTAINERS
from shared.expiry import ttl_until


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
    """What is over goes at once, unless it is to be blocked: that is moved into the vault by its timer."""
    if expires_at <= now and data_map.blocking(data_map.record(container, item["type"])) is None:
        return Delete(item["id"], item["_etag"])
    ttl = ttl_until(expires_at, item["type"], now=now)
    return Replace(declared(item) | {"expiresAt": clock.text(expires_at), "ttl": ttl}, item["_etag"])
