"""The items of a category, page by page, over all places where something of the person lies.

A cursor names a place and the store's own continuation in it, so that what was there when a reader began is read once,
whatever is written meanwhile and however long the reader waits. It is signed for one person and one category. A page
ends at a number of items or of bytes, and a request looks at so many places for so long; one item is always whole.
"""

import asyncio
import json
from dataclasses import dataclass
from typing import Any, Final

from export_user_data import cursors
from export_user_data.access.contract import DataPage, HeldItem
from export_user_data.access.meaning import meanings, named, reading_meanings
from export_user_data.walk import Held, Place, Shown, page_of, places, readings, shown
from shared.cosmos import Database, PlaceUnknown
from shared.data_map import Category
from shared.errors import Problem
from shared.keys import keyed_id
from shared.notifications import language_for

PAGE_ITEMS: Final = 50
PAGE_LIMIT_BYTES: Final = 1_000_000
"""A page ends before the item with which it would become larger than this, unless that is its only one."""

LOOKS_LIMIT: Final = 40
"""Pages of the store that one request reads."""

TIME_LIMIT_S: Final = 10.0
"""After so long a request begins no other look."""

_GROUPS: Final = {"people": 0, "ledger": 1, "jobs": 2, "identities": 3, "devices": 4, "telemetry": 4}
"""The order of the places; those of one group lie in the order of their times."""

_COLUMNS: Final = "columns"

Order = tuple[int, str, str]


@dataclass(frozen=True, slots=True)
class _Named:
    """A place under the name that a cursor may tell: a reader learns no key of ours from it."""

    order: Order
    place: Place


@dataclass(slots=True)
class _Page:
    """What is answered, and from where the next page goes on."""

    held: list[Held]
    items: list[HeldItem]
    size: int = 0


@dataclass(frozen=True, slots=True)
class _Reader:
    """Whose items of which category are read, and how much of them at once."""

    person_id: str
    category: Category
    database: Database
    key: bytes
    page_items: int

    @property
    def use(self) -> str:
        """What a cursor is good for."""
        return f"data cursor\n{self.person_id}\n{self.category.value}"


async def data_page(
    person_id: str,
    category: Category,
    cursor: str | None,
    *,
    database: Database,
    key: bytes,
    page_items: int = PAGE_ITEMS,
) -> DataPage:
    """The next items of a category.

    Raises:
        Problem: cursor_invalid, also for the cursor of another person or category, or of before a restore.
    """
    reader = _Reader(person_id, category, database, key, page_items)
    begun, after = _begin(cursor, reader)
    ahead = [one for one in await _places(reader) if begun is None or one.order >= begun]
    try:
        page, rest = await _read(ahead, after if ahead and ahead[0].order == begun else None, reader)
    except PlaceUnknown as unknown:
        raise Problem("cursor_invalid") from unknown
    language = await language_for(person_id, people=database["people"])
    return DataPage(
        category=category.value,
        items=page.items,
        records=meanings(page.held, language),
        readings=reading_meanings(page.held, language),
        cursor=rest,
    )


def records_of(place: Place, category: Category) -> set[str]:
    """The records of a place that are of a category."""
    return {name for name, record in place.records.items() if record.category is category}


def _begin(cursor: str | None, reader: _Reader) -> tuple[Order | None, str | None]:
    if cursor is None:
        return None, None
    said = cursors.opened(cursor, use=reader.use, key=reader.key)
    group, since, name = said["place"]
    return (int(group), str(since), str(name)), said["after"]


async def _places(reader: _Reader) -> list[_Named]:
    """The places with records of the category, in their order. What is gone by now holds nothing, and is passed by."""
    found = [
        _Named(_order(place, reader.key), place)
        for place in await places(reader.person_id, database=reader.database)
        if records_of(place, reader.category)
    ]
    return sorted(found, key=lambda one: one.order)


def _order(place: Place, key: bytes) -> Order:
    written = "\n".join([place.container, place.partition, *(place.only or ())])
    return _GROUPS[place.container], place.since, keyed_id(key, "data place", written)


async def _read(ahead: list[_Named], after: str | None, reader: _Reader) -> tuple[_Page, str | None]:
    """Items until the page is full or there are no others; and the cursor behind them."""
    page = _Page([], [])
    loop = asyncio.get_running_loop()
    until, looks = loop.time() + TIME_LIMIT_S, 0
    for one in ahead:
        while True:
            if len(page.items) >= reader.page_items or looks >= LOOKS_LIMIT or (looks and loop.time() >= until):
                return page, _cursor(one, after, reader)
            looks += 1
            found = await _fitting(one.place, after, page, reader)
            if found is None:
                return page, _cursor(one, after, reader)
            after = found.after
            if after is None:
                break
    return page, None


async def _fitting(place: Place, after: str | None, page: _Page, reader: _Reader) -> Shown | None:
    """Add the next items of a place, as many as fit; None: the first one does not fit any more.

    What is too much is asked for again in smaller pages, so that a continuation always lies behind what was answered.
    """
    most, room = reader.page_items - len(page.items), PAGE_LIMIT_BYTES - page.size
    names = records_of(place, reader.category)
    while True:
        found = await page_of(place, after, database=reader.database, records=names, most=most)
        items = [_view(held) for held in found.held]
        size = sum(map(_size, items))
        if size <= room or (most == 1 and not page.items):
            page.held += found.held
            page.items += items
            page.size += size
            return found
        if most == 1:
            return None
        most = max(1, most * max(room, 0) // size)


def _view(held: Held) -> HeldItem:
    fields: dict[str, Any] = shown(held)
    has_columns = fields.pop(_COLUMNS, None) is not None
    return HeldItem(
        record=named(held.record.container, held.record_name),
        device_id=held.device_id,
        fields=fields,
        readings=readings(held.item) if has_columns else None,
    )


def _size(item: HeldItem) -> int:
    return len(json.dumps([item.fields, item.readings], ensure_ascii=False))


def _cursor(one: _Named, after: str | None, reader: _Reader) -> str:
    return cursors.signed({"place": one.order, "after": after}, use=reader.use, key=reader.key)
