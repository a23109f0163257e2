"""The owner's stream: the readings of one period of ownership in the order of arrival, page by page, as JSON Lines.

Behind the readings of each stored item lies a cursor: who keeps what they have read together with the last cursor
before the cut goes on without a loss and without a repeat. A page ends at a number of items or of bytes.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from export_user_data import cursors
from export_user_data.contract import Lag, Said, StreamCursor, StreamHead, StreamReading
from export_user_data.cursors import Place
from export_user_data.periods import Period, is_held, own_period, period_of
from export_user_data.waiting import WaitingRoom
from shared import clock
from shared.annotations import Reading, named, of_messages
from shared.cosmos import Container, Database, Item, PlaceUnknown
from shared.data_map import READINGS
from shared.errors import Problem
from shared.gate import load_policy
from shared.readings import corrected, rows

SCHEMA_VERSION: Final = 1
SCHEMA_URL: Final = "/api/schemas/records/stream-line"

PAGE_ITEMS: Final = 50
PAGE_LIMIT_BYTES: Final = 1_000_000
"""A page ends behind the item with which it becomes larger than this."""

PAGES_LOOKED_AT: Final = 10
"""Pages of changes that one request reads while none of them holds a reading."""

WAIT_LIMIT_S: Final = 25

_FIRST_PAUSE_S: Final = 0.25
_PAUSE_LIMIT_S: Final = 2.0
_NEWEST: Final = "SELECT TOP 1 c.receivedAt FROM c WHERE IS_DEFINED(c.receivedAt) ORDER BY c.receivedAt DESC"
_UNITS: Final[dict[str, dict[str, str]]] = {
    kind: {name: of.unit for name, of in declared.fields.items() if of.unit is not None}
    for kind, declared in READINGS.items()
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a reader asks for."""

    device_id: str
    cursor: str | None = None
    since: str | None = None
    wait_s: int = 0


@dataclass(slots=True)
class _Page:
    """What is answered: written lines, and the place behind them."""

    place: Place
    lines: list[str] = field(default_factory=list)
    size: int = 0


def waiting_time(written: str | None) -> int:
    """For how many seconds a reader wants to wait for something new.

    Raises:
        Problem: field_out_of_range.
    """
    if written is None:
        return 0
    if not (written.isascii() and written.isdigit() and int(written[:4]) <= WAIT_LIMIT_S):
        raise Problem("field_out_of_range", pointer="/wait")
    return int(written)


async def stream_page(
    person_id: str,
    asked: Asked,
    *,
    database: Database,
    key: bytes,
    waiting: WaitingRoom,
    now: Callable[[], datetime],
    page_items: int = PAGE_ITEMS,
) -> list[str]:
    """The next page of readings as lines; it waits for the first one when that is asked for.

    Raises:
        Problem: device_not_yours; cursor_invalid, also for the cursor of another person or device; field_out_of_range.
    """
    period, place = await _begin(person_id, asked, database=database, key=key)
    telemetry = database["telemetry"]
    try:
        page = await _page(place, telemetry, key, page_items)
        if not page.lines and asked.wait_s and period.until is None:
            with waiting.place(person_id) as has_place:
                if has_place:
                    page = await _awaited(page, asked.wait_s, telemetry, key, page_items)
    except PlaceUnknown as unknown:
        raise Problem("cursor_invalid") from unknown
    head = StreamHead(
        schema_version=SCHEMA_VERSION,
        schema_url=SCHEMA_URL,
        device_id=asked.device_id,
        since=period.since,
        until=period.until,
        units=_UNITS,
        cursor=asked.cursor,
        lag=await _lag(page.place, telemetry, now()),
    )
    end = StreamCursor(cursor=cursors.written(page.place, key=key))
    return [_line(head), *page.lines[:-1], _line(end)]


async def _begin(person_id: str, asked: Asked, *, database: Database, key: bytes) -> tuple[Period, Place]:
    if asked.cursor is None:
        period = await own_period(person_id, asked.device_id, asked.since, database=database)
        return period, Place(ownership_id=period.ownership_id)
    place = cursors.read(asked.cursor, key=key)
    found = await period_of(person_id, asked.device_id, place.ownership_id, people=database["people"])
    if found is None:
        raise Problem("cursor_invalid")
    return found, place


async def _awaited(page: _Page, wait_s: int, telemetry: Container, key: bytes, page_items: int) -> _Page:
    loop, pause = asyncio.get_running_loop(), _FIRST_PAUSE_S
    deadline = loop.time() + wait_s
    while not page.lines and (left := deadline - loop.time()) > 0:
        await asyncio.sleep(min(pause, left))
        pause = min(2 * pause, _PAUSE_LIMIT_S)
        page = await _page(page.place, telemetry, key, page_items)
    return page


async def _page(place: Place, telemetry: Container, key: bytes, page_items: int) -> _Page:
    """Changes until there are readings among them, or no more changes."""
    page = _Page(place)
    for _ in range(PAGES_LOOKED_AT):
        begun = page.place.page
        changes = await telemetry.changes(place.ownership_id, begun, most=page_items)
        items = sorted(changes.items, key=_order)
        new = [item for item in items if _order(item) > (page.place.number, page.place.item_id)]
        readable = [item for item in new if "columns" in item]
        policy = await load_policy(telemetry, place.ownership_id) if readable else None
        said = await of_messages(place.ownership_id, {item["messageId"] for item in readable}, telemetry=telemetry)
        for item in readable:
            if policy is None or not is_held(item, policy):
                continue
            if page.size >= PAGE_LIMIT_BYTES:
                return page
            _add(page, item, said, key)
        page.place = replace(page.place, page=changes.place)
        if items and _order(items[-1]) >= (page.place.number, page.place.item_id):
            page.place = replace(page.place, number=-1, item_id="")  # else a page was longer when it was read before
        if page.lines or not changes.items:
            break
    return page


def _order(item: Item) -> tuple[int, str]:
    """By the number of the change; what one transaction wrote has one number, and lies on one page."""
    return item["_lsn"], item["id"]


def _add(page: _Page, item: Item, said: Mapping[Reading, Item], key: bytes) -> None:
    newest = max(page.place.newest or "", item["receivedAt"])
    page.place = replace(page.place, number=item["_lsn"], item_id=item["id"], newest=newest)
    lines = [_line(_reading(item, kind, values, said)) for kind, values in rows(item)]
    lines.append(_line(StreamCursor(cursor=cursors.written(page.place, key=key))))
    page.lines += lines
    page.size += sum(map(len, lines))


def _reading(item: Item, kind: str, values: dict[str, Any], said: Mapping[Reading, Item]) -> StreamReading:
    observed_at = corrected(item, values["observedAt"])
    annotation = said.get(named(item["messageId"], kind, observed_at))
    return StreamReading(
        kind=kind,
        observed_at=observed_at,
        values={name: value for name, value in values.items() if name != "observedAt"},
        message_id=item["messageId"],
        received_at=clock.moment(item["receivedAt"]),
        time_quality=item["timeQuality"],
        annotation=_said(annotation) if annotation is not None else None,
    )


def _said(annotation: Item) -> Said:
    return Said(
        annotation_id=annotation["annotationId"], statement=annotation["statement"], note=annotation.get("note")
    )


async def _lag(place: Place, telemetry: Container, now: datetime) -> Lag:
    delivered = None if place.newest is None else clock.moment(place.newest)
    stored = None
    async for newest in telemetry.query(_NEWEST, partition=place.ownership_id):
        stored = clock.moment(newest["receivedAt"])
    return Lag(
        newest_delivered_at=delivered,
        delivered_lag_s=None if delivered is None else (now - delivered).total_seconds(),
        newest_stored_at=stored,
        stored_lag_s=None if stored is None else (now - stored).total_seconds(),
    )


def _line(view: StreamHead | StreamReading | StreamCursor) -> str:
    return view.model_dump_json(by_alias=True, exclude_none=True)
