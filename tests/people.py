"""Residents and monitors for use-case tests."""

from dataclasses import dataclass, field
from typing import Any

from register_device.claims import issue_claim
from register_device.contract.monitors import DeviceAccess, DeviceData, Registration
from register_device.registration import register_monitor
from shared.callers import AttestedMonitor, Resident
from shared.cosmos import Database
from shared.keys import KeySet
from shared.people import own_record
from tests.conftest import SettableClock
from tests.doubles import RecordingJournal

IDENTITY_KEY = bytes(32)
SERIAL = "VEO-000001"


@dataclass(frozen=True, slots=True)
class House:
    """What registrations stand on, in one hand."""

    database: Database
    keys: KeySet
    clock: SettableClock
    journal: RecordingJournal = field(default_factory=RecordingJournal)

    async def move_in(self, person_id: str) -> None:
        """The person's own record, with gate and marker."""
        caller = Resident(person_id, f"{person_id}@resident.example", "identity key")
        await own_record(caller, database=self.database, now=self.clock())

    async def claim(self, person_id: str, *, country: str | None = None) -> str:
        await self.move_in(person_id)
        issued = await issue_claim(
            person_id,
            claims=self.database["claims"],
            identity_key=IDENTITY_KEY,
            now=self.clock(),
            country=country,
        )
        return issued.claim

    async def register(self, claim: str, serial: str = SERIAL, **device: Any) -> tuple[DeviceAccess, bool]:
        data = DeviceData.model_validate({"serialNumber": serial, "firmwareVersion": "3.2.1", **device})
        return await register_monitor(
            AttestedMonitor(serial, "veo-wifi"),
            Registration(claim=claim, device=data),
            database=self.database,
            keys=self.keys,
            identity_key=IDENTITY_KEY,
            journal=self.journal,
            now=self.clock(),
        )

    async def told(self, person_id: str) -> list[tuple[str, str]]:
        """What a person was told, oldest first: template and what it is about."""
        query = "SELECT * FROM c WHERE c.type = 'notification' ORDER BY c.createdAt"
        items = self.database["people"].query(query, partition=person_id)
        return [(item["template"], item["subjectId"]) async for item in items]

    async def pair(self, person_id: str, serial: str = SERIAL, **device: Any) -> DeviceAccess:
        access, _ = await self.register(await self.claim(person_id), serial, **device)
        return access
