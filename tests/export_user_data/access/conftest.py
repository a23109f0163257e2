"""A street of people who know each other's monitors, and a reader who pages through what is held about one of them."""

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import pytest

from export_user_data.access.contract import HeldItem
from export_user_data.access.pages import data_page
from export_user_data.rectification.contract import InteractionEntry
from export_user_data.rectification.interactions import enter_interaction
from shared.callers import Resident, Role, Staff
from shared.clock import text
from shared.cosmos import Database, Item
from shared.data_map import CONTAINERS, Category
from tests.export_user_data.erasure.conftest import household, sink, tools
from tests.export_user_data.erasure.household import Household
from tests.people import IDENTITY_KEY, SERIAL

__all__ = ["household", "sink", "tools"]

STAFF_ID = "5" * 32
IN_MARIAS_NAME = "Maria asks for a second monitor."


@dataclass
class Street:
    """Pau had the monitor before Maria, Ana is Maria's guest, Jordi lives next door."""

    household: Household
    people: dict[str, Resident] = field(default_factory=dict)

    @property
    def database(self) -> Database:
        return self.household.database

    async def live(self) -> "Street":
        hosts = self.household.hosts
        self.people["pau"] = await self.household.live("pau", SERIAL)
        hosts.clock.forward(days=1)
        self.people["maria"] = await self.household.live("maria", SERIAL)
        self.people["jordi"] = await self.household.live("jordi", "VEO-000002")
        hosts.device_id = self.household.homes["maria"].access.device_id
        guest_id = await hosts.invited(self.people["maria"], "ana")
        self.people["ana"] = await hosts.sign_in("ana")
        await hosts.accept(self.people["ana"], guest_id)
        await hosts.invited(self.people["maria"], "jordi")
        await self.tell_sales("maria", IN_MARIAS_NAME)
        return self

    async def tell_sales(self, name: str, words: str) -> str:
        clock = self.household.hosts.clock
        said = {
            "purpose": "other",
            "email": f"{name}@resident.example",
            "channel": "sales",
            "subject": "offer",
            "at": text(clock()),
            "text": words,
        }
        entered = await enter_interaction(
            Staff(STAFF_ID, frozenset({Role.SALES})),
            InteractionEntry.model_validate_json(json.dumps(said)),
            database=self.database,
            identity_key=IDENTITY_KEY,
            now=clock(),
        )
        return entered.interaction_id

    def reader(self, name: str, category: Category, page_items: int = 3) -> "Reader":
        return Reader(self.database, self.people[name].person_id, category, page_items)

    async def read(self, name: str, page_items: int = 3) -> dict[Category, list[HeldItem]]:
        """Everything that somebody can read."""
        return {category: await self.reader(name, category, page_items).rest() for category in Category}


@dataclass
class Reader:
    """Reads a category page by page."""

    database: Database
    person_id: str
    category: Category
    page_items: int
    cursor: str | None = None
    is_done: bool = False
    lengths: list[int] = field(default_factory=list)

    async def page(self) -> list[HeldItem]:
        found = await data_page(
            self.person_id,
            self.category,
            self.cursor,
            database=self.database,
            key=IDENTITY_KEY,
            page_items=self.page_items,
        )
        self.cursor, self.is_done = found.cursor, found.cursor is None
        self.lengths.append(len(found.items))
        assert len(found.items) <= self.page_items
        assert {item.record for item in found.items} == found.records.keys()
        return found.items

    async def rest(self) -> list[HeldItem]:
        items: list[HeldItem] = []
        while not self.is_done:
            items += await self.page()
            assert len(self.lengths) < 1000
        return items


async def by_hand(database: Database, person_id: str) -> dict[Category, Counter[str]]:
    """What is held about a person, found without the walk: by reading the whole store and asking of each item whose."""
    stored = [
        (container, item) for container in CONTAINERS async for item in database[container].query("SELECT * FROM c")
    ]
    own = [item for container, item in stored if container == "people" and item["personId"] == person_id]
    subjects = {item["ledgerSubject"] for item in own if item["type"] == "ledgerSubject"}
    told = {(item["requestId"], item["event"]) for item in own if item["type"] == "recipientsTold"}
    addresses = {item["contactKey"] for item in own if item["type"] == "person"}
    periods = {item["ownershipId"] for item in own if item["type"] == "link" and item["role"] == "owner"}

    def is_theirs(container: str, item: Item) -> bool:
        return {
            "people": item in own,
            "ledger": item.get("subject") in subjects,
            "jobs": (item.get("jobId"), item.get("event")) in told,
            "identities": item.get("key") in addresses,
            "devices": item.get("ownershipId") in periods,
            "telemetry": item.get("ownershipId") in periods,
        }.get(container, False)

    found = {category: Counter[str]() for category in Category}
    for container, item in stored:
        record = CONTAINERS[container].records[item["type"]]
        if record.export is not None and is_theirs(container, item) and not item.get("untold"):
            found[record.category][_written(container, item)] += 1
    return found


def _written(container: str, item: Item) -> str:
    declared = CONTAINERS[container].records[item["type"]].fields
    columns = item.get("columns", {})
    values = {name: item[name] for name, of in declared.items() if of.exported and name in item and name != "columns"}
    rows = [(kind, at) for kind, lists in columns.items() for at in lists["observedAt"]]
    return json.dumps([f"{container}/{item['type']}", values, rows], sort_keys=True)


def as_by_hand(item: HeldItem) -> str:
    """An item of a page in the same form."""
    rows = [(reading["kind"], reading["observedAt"]) for reading in item.readings or ()]
    return json.dumps([item.record, item.fields, rows], sort_keys=True)


def words(items: Any) -> str:
    """All that is said, as one text."""
    return json.dumps([item.model_dump() for of_category in items.values() for item in of_category])


@pytest.fixture
async def street(household: Household) -> Street:
    return await Street(household).live()
