"""The performance readings that were observed under a support case, in pages."""

import base64
import binascii
import json
from datetime import timedelta
from itertools import compress
from typing import Any, Final

from shared import clock
from shared.cosmos import Container, Item
from shared.errors import Problem
from shared.policy import CLOCK_TOLERANCE, Window

PAGE_LENGTH: Final = 50
PAGE_LIMIT_BYTES: Final = 1_000_000
"""A page ends before it is larger than this; one item is always on it."""

Columns = dict[str, dict[str, list[Any]]]


async def readings_page(
    ownership_id: str, window: Window, after: tuple[str, str], *, telemetry: Container
) -> tuple[list[tuple[Item, Columns]], str | None]:
    """Items with performance readings that were observed in a window, oldest first, and the cursor of the next page.

    What was received at one moment is put in order here, and so is read as a whole.
    """
    query = (
        "SELECT * FROM c WHERE c.receivedAt >= @received AND c.type = 'performanceReadings' "
        "AND c.observedTo >= @begin AND c.observedFrom < @end ORDER BY c.receivedAt"
    )
    earliest = clock.text(window.start - CLOCK_TOLERANCE)  # nothing is received long before it was observed
    end = clock.text(window.end) if window.end else "9999"
    edges = {"received": max(after[0], earliest), "begin": clock.text(window.start), "end": end}
    found: list[Item] = []
    async for item in telemetry.query(query, edges, partition=ownership_id):
        if _place_of(item) <= after:
            continue
        if len(found) > PAGE_LENGTH and item["receivedAt"] != found[-1]["receivedAt"]:
            break
        found.append(item)
    found.sort(key=_place_of)
    page: list[tuple[Item, Columns]] = []
    size = 0
    for item in found[:PAGE_LENGTH]:
        columns = _within(item, window)
        size += len(json.dumps(columns))
        if page and size > PAGE_LIMIT_BYTES:
            break
        page.append((item, columns))
    return page, _cursor(page[-1][0]) if len(page) < len(found) else None


def _within(item: Item, window: Window) -> Columns:
    """The columns of an item as they are stored; of one on the edge of a window, the readings within."""
    columns: Columns = item["columns"]
    if window.holds(clock.moment(item["observedFrom"])) and window.holds(clock.moment(item["observedTo"])):
        return columns
    offset = timedelta(seconds=item["clockOffsetS"])
    cut: Columns = {}
    for kind, fields in columns.items():
        is_within = [window.holds(clock.moment(observed_at) + offset) for observed_at in fields["observedAt"]]
        if any(is_within):
            cut[kind] = {name: list(compress(column, is_within)) for name, column in fields.items()}
    return cut


def _place_of(item: Item) -> tuple[str, str]:
    return item["receivedAt"], item["id"]


def _cursor(item: Item) -> str:
    return base64.urlsafe_b64encode(json.dumps(_place_of(item)).encode()).decode()


def place(cursor: str | None) -> tuple[str, str]:
    """Where the page before ended.

    Raises:
        Problem: cursor_invalid.
    """
    if cursor is None:
        return "", ""
    try:
        received_at, item_id = json.loads(base64.urlsafe_b64decode(cursor))
        return clock.text(clock.moment(received_at)), str(item_id)
    except (ValueError, TypeError, OverflowError, RecursionError, binascii.Error):
        raise Problem("cursor_invalid") from None
