"""What is held about a person, category by category: why, from where, for how long, who is given it, how much it is."""

import asyncio
from datetime import datetime, timedelta
from typing import Final

from export_user_data.access.contract import (
    BlockedData,
    CategoryOverview,
    DataOverview,
    GivenTo,
    NotShown,
    RecordKind,
)
from export_user_data.access.counting import Counted, counted
from export_user_data.access.meaning import named, sources
from export_user_data.recipients.disclosure import in_use
from export_user_data.restriction.records import standings
from shared import clock, data_map
from shared.cosmos import Container, Database, Item
from shared.data_map import CATEGORIES, CONTAINERS, RECIPIENTS, Category, Record
from shared.notifications import language_for
from shared.standing import records_of
from shared.templates import Language
from shared.webhooks import Webhooks
from shared.wording import said, said_before

BLOCKED_SHOWN: Final = 200
"""The newest entries of what is blocked; the pages have them all."""

_DAY: Final = timedelta(days=1)
_BLOCKED: Final = "SELECT TOP @most * FROM c WHERE c.type = 'blockedData'"


async def overview(person_id: str, *, database: Database, webhooks: Webhooks, now: datetime) -> DataOverview:
    """Everything that is held about the person, without the items themselves."""
    people = database["people"]
    items, language, blocked, records = await asyncio.gather(
        counted(person_id, database=database),
        language_for(person_id, people=people),
        _blocked(person_id, people),
        records_of(person_id, people=people),
    )
    stands = standings(records, untold=False)
    return DataOverview(
        at=now,
        language=language.value,
        categories=[_category(category, items, webhooks, language) for category in Category],
        blocked=[_blocked_view(item, language) for item in blocked],
        restrictions=stands.restrictions,
        legal_holds=stands.legal_holds,
        exports_at="/api/me/exports",
        erasures_at="/api/me/erasures",
        rectifications_at="/api/me/rectifications",
    )


def _category(category: Category, items: Counted, webhooks: Webhooks, language: Language) -> CategoryOverview:
    rule, held = CATEGORIES[category], _records(category)
    shown = {name: record for name, record in held.items() if record.export is not None}
    return CategoryOverview(
        category=category.value,
        purpose=said(rule.purpose, language),
        legal_basis=said(rule.basis, language),
        collected_when=said(rule.collected_when, language),
        at_end=rule.on_expiry,
        blocked_days=rule.blocked_for // _DAY if rule.blocked_for is not None else None,
        blocked_why=said(rule.blocked_why, language) if rule.blocked_why else None,
        sources=sources(shown.values(), language),
        recipients=_recipients(category, webhooks, language),
        records=[_kind(name, record, items, language) for name, record in shown.items()],
        not_shown=[
            NotShown(record=name, about=said(record.about, language), why=said(record.export_note, language))
            for name, record in held.items()
            if record.export is None
        ],
        items=sum(items.items[name] for name in shown),
        at_least=not items.at_least.isdisjoint(shown),
        items_at=f"/api/me/data/{category.value}",
    )


def _records(category: Category) -> dict[str, Record]:
    """The records of a category that are about people; what names nobody is none of them."""
    return {
        named(container, name): record
        for container, definition in CONTAINERS.items()
        for name, record in definition.records.items()
        if record.category is category and record.erasure != "names_nobody"
    }


def _recipients(category: Category, webhooks: Webhooks, language: Language) -> list[GivenTo]:
    return [
        GivenTo(
            name=name,
            about=said(recipient.about, language),
            what=said(recipient.given[category], language),
            why=said(recipient.why, language),
            role=recipient.role,
            place=said(recipient.place, language),
        )
        for name, recipient in RECIPIENTS.items()
        if category in recipient.given and in_use(name, webhooks)
    ]


def _kind(name: str, record: Record, items: Counted, language: Language) -> RecordKind:
    return RecordKind(
        record=name,
        about=said(record.about, language),
        visible_to=[said(who, language) for who in record.visible_to],
        sources=sources([record], language),
        kept_days=record.retention / _DAY if record.retention is not None else None,
        at_end="destroy" if data_map.blocking(record) is None else "block",
        at_end_note=said(record.expiry_note, language) if record.expiry_note else None,
        items=items.items[name],
        at_least=name in items.at_least,
    )


async def _blocked(person_id: str, people: Container) -> list[Item]:
    found = people.query(_BLOCKED, {"most": BLOCKED_SHOWN}, partition=person_id)
    return sorted([item async for item in found], key=lambda item: str(item["at"]), reverse=True)


def _blocked_view(item: Item, language: Language) -> BlockedData:
    return BlockedData(
        category=item["category"],
        ground=item["ground"],
        why=said_before(item["why"], language),
        since=clock.moment(item["at"]),
        until=_day(item["until"]),
    )


def _day(written: str) -> datetime:
    """A day, or a time, as it is stored."""
    return clock.moment(written if "T" in written else f"{written}T00:00:00Z")
