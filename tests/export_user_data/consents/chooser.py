"""People with monitors who choose, and what must follow from it."""

import asyncio
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import uuid4

import pytest

from export_user_data.consents import age, consents, objections, settling, wards
from export_user_data.consents.contract import Age, Consent, Consenting, Consents, Objections, Ward, WardEnded
from export_user_data.consents.recording import By
from export_user_data.consents.settling import Stores
from ingest_telemetry.messages import HubEvent, Message, event_of
from ingest_telemetry.statistics.counting import count_page
from ingest_telemetry.statistics.reading import usage_statistics
from ingest_telemetry.storing import store_events
from local.mail import MailSink
from register_device.contract.monitors import DeviceAccess
from shared import ledger, statistics
from shared.callers import Resident
from shared.cosmos import Item
from shared.errors import Problem
from shared.gate import load_policy
from shared.injection import Point, listening
from shared.invitations import deliver_due_invitations
from shared.jobs import run_job
from shared.mail import Mailer
from shared.people import key_of_address
from shared.policy import Policy
from tests.doubles import RecordingHub
from tests.people import IDENTITY_KEY, SERIAL, House

CHOICE_POINTS: list[Point] = ["choices.recorded", "choices.gate_followed", "choices.followed", "choices.told"]


class CutOff(Exception):
    """A worker is killed."""


class Held:
    """Holds whoever reaches a point until it is let go."""

    def __init__(self, point: Point) -> None:
        self._point = point
        self.stopped = asyncio.Event()
        self.go = asyncio.Event()

    async def __call__(self, point: Point) -> None:
        if point == self._point and not self.stopped.is_set():
            self.stopped.set()
            await self.go.wait()


async def cut(work: Awaitable[object], at: Point) -> None:
    """Do some work until a point, which it must come to."""

    async def die(point: Point) -> None:
        if point == at:
            raise CutOff

    with listening(die), pytest.raises(CutOff):
        await work


async def refused(doing: Awaitable[object]) -> str:
    with pytest.raises(Problem) as caught:
        await doing
    return caught.value.code


@dataclass(frozen=True, slots=True)
class Choosing(House):
    """A house whose people choose."""

    hub: RecordingHub = field(default_factory=RecordingHub)

    @property
    def stores(self) -> Stores:
        return Stores(database=self.database, hub=self.hub, journal=self.journal)

    async def object(self, person_id: str = "maria", device_id: str | None = None, by: By | None = None) -> Objections:
        by = by or By(person_id)
        return await objections.object_to_statistics(by, device_id, stores=self.stores, now=self.clock())

    async def withdraw(
        self, person_id: str = "maria", device_id: str | None = None, by: By | None = None
    ) -> Objections:
        by = by or By(person_id)
        return await objections.withdraw_objection(by, device_id, stores=self.stores, now=self.clock())

    async def consents(self, person_id: str = "maria") -> dict[str, Consent]:
        found = await consents.list_consents(person_id, people=self.database["people"])
        return {one.purpose: one for one in found.consents}

    async def consent(
        self,
        given: bool,
        person_id: str = "maria",
        *,
        purpose: str = "usage_statistics",
        by: By | None = None,
        changes: Mapping[str, str] | None = None,
    ) -> Consents:
        """Answer with the present text, as the app does."""
        notice = (await self.consents(by.person_id if by else person_id))["usage_statistics"].notice
        said = {"given": given, "noticeVersion": notice.version, "noticeHash": notice.sha256} | dict(changes or {})
        body = Consenting.model_validate(said)
        return await consents.choose(by or By(person_id), purpose, body, stores=self.stores, now=self.clock())

    async def repair(self) -> dict[str, int]:
        """What the timer does, some minutes later."""
        self.clock.forward(minutes=3)
        return dict(await settling.repair(stores=self.stores, now=self.clock()))

    async def policy(self, access: DeviceAccess) -> Policy:
        return await load_policy(self.database["telemetry"], access.ownership_id)

    async def collected(self, access: DeviceAccess) -> list[str]:
        return (await self.policy(access)).open_at(self.clock())

    async def items(self, item_type: str, person_id: str = "maria") -> list[Item]:
        query = "SELECT * FROM c WHERE c.type = @type"
        return [item async for item in self.database["people"].query(query, {"type": item_type}, partition=person_id)]

    async def said(self, person_id: str = "maria") -> list[tuple[str, str]]:
        """The person's ledger after the pairing: what, and who did it."""
        subject = await ledger.subject_of(person_id, people=self.database["people"])
        chain = self.database["ledger"].query(ledger.CHAIN, partition=subject)
        told = [(entry["action"], entry["actorKind"]) async for entry in chain]
        return [one for one in told if one[0] not in {"pairing_completed", "ownership_ended"}]

    async def event(self, access: DeviceAccess, policy: Policy | None = None, **ago: float) -> HubEvent:
        """A call of some time ago, stamped with the policy that the monitor's token carries."""
        observed_at = self.clock() - timedelta(**ago)
        body, properties = event_of(
            Message(
                ownership_id=access.ownership_id,
                policy=policy or await self.policy(access),
                message_id=str(uuid4()),
                schema_version=1,
                sent_at=self.clock(),
                received_at=self.clock(),
                readings=[{"kind": "call", "observedAt": observed_at.isoformat(), "outcome": "answered"}],
                product={"model": "VEO"},
            )
        )
        return HubEvent(body=body, properties=properties, partition="0", sequence_number=1, enqueued_at=self.clock())

    async def store(self, event: HubEvent) -> tuple[int, dict[str, int]]:
        """How many items were stored, and what was refused."""
        outcome = await store_events([event], database=self.database, now=self.clock)
        return outcome.items_stored, dict(outcome.readings_refused)

    async def compute(self) -> None:
        """Do the computations of figures that are queued."""
        query = "SELECT * FROM c WHERE c.state IN ('queued', 'running') AND c.type = @type"
        queued = [job async for job in self.database["jobs"].query(query, {"type": statistics.KIND})]
        count = partial(count_page, database=self.database, cohort=1)
        for job in queued:
            steps = {statistics.KIND: count}
            end = await run_job(job["jobId"], steps, jobs=self.database["jobs"], hub=self.hub, now=self.clock)
            assert end == "done"

    async def counted(self, day: Any) -> int:
        """How many monitors are in the figures of a day."""
        found = await usage_statistics(day.isoformat(), statistics=self.database["statistics"])
        return sum(cell.devices for cell in found.cells)


def resident(name: str) -> Resident:
    """Who signs in with a verified address of that name."""
    email = f"{name}@resident.example"
    return Resident(name, email, f"identity of {name}", key_of_address(email, IDENTITY_KEY))


@dataclass(frozen=True, slots=True)
class Family(Choosing):
    """A minor, nora, and her mother pilar."""

    async def attest(self, guardian: str = "pilar", ward: str = "nora") -> str:
        """Say that one is under 14; the id by which the guardian finds it."""
        await self.move_in(ward)
        address = f" {guardian.title()}@Resident.Example "
        asked = age.attest_under_14(
            resident(ward), address, stores=self.stores, identity_key=IDENTITY_KEY, now=self.clock()
        )
        await asked
        [item] = await self.items("attestedAge", ward)
        return str(item["guardianshipId"])

    async def accept(self, ward_id: str, guardian: str = "pilar", month: str | None = None) -> Ward:
        await self.move_in(guardian)
        month = month or f"{self.clock().year + 2}-05"
        return await wards.accept(resident(guardian), ward_id, month, database=self.database, now=self.clock())

    async def decline(self, ward_id: str, guardian: str = "pilar") -> WardEnded:
        return await wards.decline(resident(guardian), ward_id, database=self.database, now=self.clock())

    async def step_down(self, ward_id: str, guardian: str = "pilar") -> WardEnded:
        return await wards.step_down(resident(guardian), ward_id, database=self.database, now=self.clock())

    async def wards(self, guardian: str = "pilar") -> tuple[list[str], list[str]]:
        """The ids of those for whom one acts, and of those who ask one to."""
        found = await wards.list_wards(resident(guardian), database=self.database, now=self.clock())
        return [ward.ward_id for ward in found.wards], [one.ward_id for one in found.invitations]

    async def acting(self, ward_id: str, guardian: str = "pilar") -> By:
        people = self.database["people"]
        return await wards.acting_for(resident(guardian), ward_id, people=people, now=self.clock())

    async def age(self, ward: str = "nora") -> Age:
        return await age.own_age(ward, people=self.database["people"])

    async def mails(self) -> list[str]:
        """Let every mail go out that is due, to a mail server; what it took: to whom, and the subject."""
        async with MailSink() as sink:
            mailer = Mailer.of(sink.address, sender="no-reply@blue.example", password=None)
            await deliver_due_invitations(database=self.database, mailer=mailer, now=self.clock)
            return [f"{mail.recipients[0]}: {mail.parsed['Subject']}" for mail in sink.messages]


async def second_monitor(house: House, person_id: str = "maria") -> DeviceAccess:
    return await house.pair(person_id, SERIAL.replace("1", "2"))
