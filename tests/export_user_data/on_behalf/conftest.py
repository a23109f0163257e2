"""People who write letters, and a clerk of the privacy staff who does what they ask for."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from export_user_data.consents.settling import Stores
from export_user_data.erasure.contract import Erasure, ErasurePlan
from export_user_data.on_behalf import choosing, copies, correcting, erasing
from export_user_data.on_behalf.contract import (
    Acted,
    ConsentSaid,
    CopyOrdered,
    CorrectionSaid,
    ErasureConfirmed,
    ErasureOrdered,
    ObjectionSaid,
    OnBehalf,
    PeopleFound,
    PeopleSought,
    StaffCopy,
)
from export_user_data.on_behalf.finding import find_people
from export_user_data.rectification.contract import Rectification
from export_user_data.requests import filing, views
from export_user_data.requests.contract import RightsRequest, StaffRequest, StaffRequestBody
from export_user_data.requests.records import Register
from local.mail import MailSink
from shared import ledger
from shared.blobs import Blobs
from shared.contract import Body
from shared.cosmos import Database, Item
from shared.keys import KeySet
from shared.people import person_without_account
from shared.rectifying import Means
from tests.conftest import SettableClock
from tests.doubles import RecordingHub
from tests.export_user_data.documents.written import INSTALLATION
from tests.export_user_data.erasure.conftest import household, sink, tools  # noqa: F401 - fixtures
from tests.hosts import Hosts
from tests.means import means_of
from tests.people import IDENTITY_KEY, House

CLERK = "5" * 32
COLLEAGUE = "6" * 32
REQUEST = "7" * 32


@dataclass(frozen=True, slots=True)
class Clerk:
    """A member of the privacy staff."""

    hosts: Hosts
    means: Means
    staff_id: str = CLERK
    hub: RecordingHub = field(default_factory=RecordingHub)

    @property
    def database(self) -> Database:
        return self.hosts.database

    @property
    def clock(self) -> SettableClock:
        return self.hosts.clock

    @property
    def register(self) -> Register:
        return Register(
            database=self.database, identity_key=IDENTITY_KEY, controller=INSTALLATION.controller, now=self.clock()
        )

    @property
    def stores(self) -> Stores:
        return Stores(database=self.database, hub=self.hub, journal=self.hosts.house.journal)

    async def lead(self, address: str = "ana@personal.example") -> str:
        """Somebody who has no account."""
        return await person_without_account(
            address, database=self.database, identity_key=IDENTITY_KEY, now=self.clock()
        )

    async def find(self, **who: str) -> PeopleFound:
        sought = said(PeopleSought, {"who": who, "purpose": "rights_request"})
        return await find_people(
            sought.who,
            sought.purpose,
            staff_id=self.staff_id,
            database=self.database,
            identity_key=IDENTITY_KEY,
            now=self.clock(),
        )

    async def order(self, person_id: str, **asked: Any) -> StaffCopy:
        return await copies.order_copy(
            person_id,
            by_letter(CopyOrdered, asked),
            self.register,
            staff_id=self.staff_id,
            hub=self.hub,
        )

    async def state(self, person_id: str, export_id: str) -> StaffCopy:
        return await copies.copy_state(person_id, export_id, database=self.database)

    async def hand_over(self, person_id: str, export_id: str, blobs: Blobs, **asked: Any) -> str:
        link = await copies.hand_over(
            person_id,
            export_id,
            by_letter(OnBehalf, asked),
            self.register,
            staff_id=self.staff_id,
            blobs=blobs,
        )
        assert (link.expires_at - self.clock()).total_seconds() <= 300
        return link.url

    async def plan(self, person_id: str, **asked: Any) -> ErasurePlan:
        return await erasing.plan_erasure(
            person_id,
            by_letter(ErasureOrdered, asked),
            self.register,
            staff_id=self.staff_id,
            keys=self.hosts.house.keys,
        )

    async def confirm(self, person_id: str, confirmation: str, **asked: Any) -> Erasure:
        return await erasing.confirm_erasure(
            person_id,
            by_letter(ErasureConfirmed, {"confirmation": confirmation} | asked),
            self.register,
            staff_id=self.staff_id,
            keys=self.hosts.house.keys,
            hub=self.hub,
        )

    async def object(self, person_id: str, **asked: Any) -> Acted:
        body = by_letter(ObjectionSaid, asked)
        return await choosing.object_for(person_id, body, self.register, staff_id=self.staff_id, stores=self.stores)

    async def consent(self, person_id: str, purpose: str = "usage_statistics", **asked: Any) -> Acted:
        body = by_letter(ConsentSaid, asked)
        return await choosing.consent_for(
            person_id, purpose, body, self.register, staff_id=self.staff_id, stores=self.stores
        )

    async def correct(self, person_id: str, **asked: Any) -> Rectification:
        body = by_letter(CorrectionSaid, asked)
        return await correcting.correct_for(
            person_id,
            body,
            self.register,
            staff_id=self.staff_id,
            means=self.means,
            mailer=self.hosts.mailer,
        )

    async def entered(self, person_id: str, right: str) -> StaffRequest:
        """A request of the person's, with its clock, as it came by letter."""
        body = {
            "reference": "RQ-2026-17",
            "right": right,
            "receivedAt": self.clock().isoformat(),
            "who": {"personId": person_id},
        }
        return (await filing.enter(by_letter(StaffRequestBody, body), self.register, staff_id=self.staff_id))[0]

    async def request(self, request: StaffRequest) -> RightsRequest:
        """How far it is."""
        return await views.own_request(request.person_id, request.request_id, self.register)

    async def recorded(self, person_id: str) -> list[tuple[str, str]]:
        """What the person's ledger says: what was done, and who did it."""
        return [(entry["action"], entry["actorKind"]) for entry in await self.chain(person_id)]

    async def chain(self, person_id: str) -> list[Item]:
        subject = await ledger.subject_of(person_id, people=self.database["people"])
        found = self.database["ledger"].query(ledger.CHAIN, partition=subject)
        return [entry async for entry in found if entry["action"] != "pairing_completed"]

    async def told(self, person_id: str) -> list[str]:
        return [kind for kind, _ in await self.hosts.house.told(person_id) if kind != "monitor_paired"]

    async def items(self, person_id: str, item_type: str, container: str = "people") -> list[Item]:
        query = "SELECT * FROM c WHERE c.type = @type AND c.personId = @person"
        found = self.database[container].query(query, {"type": item_type, "person": person_id})
        return [item async for item in found]


def said[B: Body](kind: type[B], body: dict[str, Any]) -> B:
    """A body as it comes over HTTP."""
    return kind.model_validate_json(json.dumps(body))


def by_letter[B: Body](kind: type[B], asked: dict[str, Any]) -> B:
    return said(kind, {"purpose": "rights_request", "channel": "letter"} | asked)


@pytest.fixture
async def clerk(
    database: Database, device_keys: KeySet, export_keys: KeySet, blobs: Blobs, clock: SettableClock
) -> AsyncIterator[Clerk]:
    async with MailSink() as mails, means_of(database, blobs, export_keys) as means:
        yield Clerk(Hosts(House(database, device_keys, clock), mails), means)
