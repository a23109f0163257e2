"""The change feed: the latest version of every item, in the order of changes.

A continuation is the sequence number (LSN) of the last change that was seen. All that one transaction wrote has one
number and is never divided between two pages. Each item says its own as `_lsn`, as the service's do.
"""

import asyncio
import sqlite3
from email.utils import parsedate_to_datetime
from typing import Final, NamedTuple

from local.cosmos import charges
from local.cosmos.containers import Container
from local.cosmos.failures import bad_request
from local.cosmos.scan import Range
from local.cosmos.store import Store

DEFAULT_PAGE: Final = 100

_NOW: Final = "*"
_WINDOW: Final = 4096

_CHANGES: Final = """
SELECT lsn, body FROM documents INDEXED BY documents_by_change
WHERE container = ? AND lsn > ? AND lsn <= ? AND epk >= ? AND epk < ? AND ts >= ? AND (expires IS NULL OR expires > ?)
ORDER BY lsn, number
"""


class FeedRequest(NamedTuple):
    """Where a reader stands and what it wants."""

    after: int | None
    """The last number seen; None to begin at the present end."""
    since: int
    """Only changes made in this second or later."""
    within: Range
    page_size: int
    now: float


class FeedPage(NamedTuple):
    """Changed items as JSON texts, and the number to go on after."""

    results: list[bytes]
    lsn: int
    charge: float


def parse_position(if_none_match: str | None, if_modified_since: str | None) -> tuple[int | None, int]:
    """The number after which, and the time since when, changes are wanted.

    Raises:
        Failure: a header cannot be read.
    """
    try:
        since = int(parsedate_to_datetime(if_modified_since).timestamp()) if if_modified_since else 0
        if if_none_match == _NOW:
            return None, since
        return int(if_none_match.strip('"')) if if_none_match else 0, since
    except ValueError:
        raise bad_request("The position in the change feed cannot be read.") from None


async def read(store: Store, container: Container, request: FeedRequest) -> FeedPage:
    """One page of changes; empty when there is nothing new."""
    end = container.lsn
    if request.after is None:
        return FeedPage([], end, charges.scan(0))
    with store.snapshot() as connection:
        rows = await _changes(connection, container.number, request, end)
    results = [body for _, body in rows]
    lsn = rows[-1][0] if len(rows) >= request.page_size else max(end, request.after)
    return FeedPage(results, lsn, charges.scan(sum(map(len, results))))


async def _changes(
    connection: sqlite3.Connection, number: int, request: FeedRequest, end: int
) -> list[tuple[int, bytes]]:
    rows: list[tuple[int, bytes]] = []
    start = request.after or 0
    while start < end:
        stop = min(start + _WINDOW, end)
        bounds = (number, start, stop, *request.within, request.since, request.now)
        for lsn, body in connection.execute(_CHANGES, bounds):
            if len(rows) >= request.page_size and lsn != rows[-1][0]:
                return rows
            rows.append((lsn, b'%s,"_lsn":%d}' % (body[:-1], lsn)))
        if len(rows) >= request.page_size:
            return rows
        start = stop
        if start < end:
            await asyncio.sleep(0)
    return rows
