"""People who correct what is held about them, and a recipient that is told."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest

from export_user_data.rectification.contract import InteractionEntry, RectificationRequest
from export_user_data.rectification.corrections import request_correction
from export_user_data.rectification.interactions import enter_interaction
from local.mail import MailSink
from local.recipient import RecipientSink
from shared import ledger
from shared.blobs import Blobs
from shared.callers import Resident, Role, Staff
from shared.clock import text
from shared.cosmos import Database, Item
from shared.keys import KeySet
from shared.people import key_of_address
from shared.recipients import notices
from shared.rectifying import Means
from tests.conftest import SettableClock
from tests.hosts import Hosts
from tests.means import blocked_in, means_of
from tests.people import IDENTITY_KEY, House

SALES = "sales_and_technicians"
SELLER = Staff("5" * 32, frozenset({Role.SALES}))


@dataclass(frozen=True, slots=True)
class Office:
    """Correcting, in one hand."""

    hosts: Hosts
    means: Means

    @property
    def database(self) -> Database:
        return self.means.database

    @property
    def clock(self) -> SettableClock:
        return self.hosts.clock

    async def correct(self, caller: Resident, **wanted: Any) -> Any:
        request = RectificationRequest.model_validate_json(json.dumps(wanted or {"field": "email"}))
        return await request_correction(caller, request, means=self.means, now=self.clock())

    async def enter(self, **said: Any) -> str:
        stated = {
            "purpose": "other",
            "channel": "technician",
            "subject": "repair",
            "at": text(self.clock()),
            "text": "The camera is dark.",
        }
        entry = InteractionEntry.model_validate_json(json.dumps(stated | said))
        entered = await enter_interaction(
            SELLER, entry, database=self.database, identity_key=IDENTITY_KEY, now=self.clock()
        )
        return entered.interaction_id

    async def blocked(self) -> list[dict[str, Any]]:
        return await blocked_in(self.means.vault)

    async def told(self, caller: Resident, kind: str = "data_rectified") -> int:
        return [template for template, _ in await self.hosts.house.told(caller.person_id)].count(kind)

    async def recorded(self, person_id: str) -> list[tuple[str, str]]:
        """Actions of the chain that are about corrections, with who did them."""
        subject = await ledger.subject_of(person_id, people=self.database["people"])
        chain = self.database["ledger"].query(ledger.CHAIN, partition=subject)
        wanted = {"data_rectified", "interaction_entered", "reading_annotated", "annotation_removed"}
        return [(item["action"], item["actorKind"]) async for item in chain if item["action"] in wanted]

    async def notices(self, request_id: str) -> dict[str, Item]:
        found = await notices(request_id, jobs=self.database["jobs"])
        return {item["recipient"]: item for item in found}

    async def stored(self, container: str, item_type: str) -> list[Item]:
        query = "SELECT * FROM c WHERE c.type = @type"
        return [item async for item in self.database[container].query(query, {"type": item_type})]


def with_address(caller: Resident, address: str) -> Resident:
    """The same person, whose sign-in vouches for another address now."""
    key = key_of_address(address, IDENTITY_KEY)
    return Resident(caller.person_id, address, caller.identity_key, key)


@pytest.fixture
async def hosts(database: Database, device_keys: KeySet, clock: SettableClock) -> AsyncIterator[Hosts]:
    async with MailSink() as sink:
        yield Hosts(House(database, device_keys, clock), sink)


@pytest.fixture
async def office(hosts: Hosts, blobs: Blobs, export_keys: KeySet) -> AsyncIterator[Office]:
    async with (
        RecipientSink() as sink,
        means_of(hosts.database, blobs, export_keys, {SALES: sink.address}) as means,
    ):
        yield Office(hosts, means)


@pytest.fixture
async def maria(hosts: Hosts) -> Resident:
    return await hosts.move_in()
