"""A vault with one case in it, and two members of the privacy staff."""

from dataclasses import dataclass

import pytest

from export_user_data.vault import cases, openings
from export_user_data.vault.contract import AskOpening, Opening, OpeningGround, VaultCase, VaultSearch
from shared.blobs import Blobs
from shared.callers import Resident
from shared.cosmos import Database, Item
from shared.people import own_record
from shared.vault import VaultStore, block
from tests.conftest import SettableClock
from tests.people import IDENTITY_KEY
from tests.vaults import REQUEST, emptied, firmware, new_vault

ANA, BEN, EVA = "a" * 32, "b" * 32, "e" * 32
PERSON, EMAIL = "1" * 32, "maria@resident.example"
ASKING = AskOpening(ground=OpeningGround.COURT_ORDER, reference="46250-42-1-2026-0001234")


@dataclass(frozen=True, slots=True)
class Desk:
    """What privacy staff do."""

    vault: VaultStore
    clock: SettableClock

    async def block(self, *versions: str, request_id: str = REQUEST) -> str:
        """Block a version each in a part of its own; return the case."""
        blocked = []
        for version in versions:
            items: list[tuple[str, Item]] = [("devices", firmware(self.clock, version=version))]
            blocked = await block(
                request_id, version, items, ground="erasure", person_id=PERSON, vault=self.vault, now=self.clock()
            )
        return blocked[0].case_id

    async def find(self, ground: str = "court_order", **by: str) -> list[VaultCase]:
        wanted = VaultSearch.model_validate({"ground": OpeningGround(ground), **by})
        found = await cases.search(wanted, staff_id=ANA, vault=self.vault, identity_key=IDENTITY_KEY, now=self.clock())
        return found.cases

    async def ask(self, case_id: str, staff_id: str = ANA) -> Opening:
        return await openings.ask(case_id, ASKING, staff_id=staff_id, vault=self.vault, now=self.clock())

    async def approve(self, case_id: str, opening_id: str, staff_id: str = BEN) -> Opening:
        return await openings.approve(case_id, opening_id, staff_id=staff_id, vault=self.vault, now=self.clock())

    async def read(self, case_id: str, opening_id: str, part: int = 0, staff_id: str = ANA) -> list[str]:
        return await openings.content(case_id, opening_id, part, staff_id=staff_id, vault=self.vault, now=self.clock())

    async def opened(self, case_id: str) -> str:
        """An opening that may be read."""
        opening_id = (await self.ask(case_id)).opening_id
        await self.approve(case_id, opening_id)
        return opening_id

    async def chain(self, subject: str) -> list[tuple[str, str]]:
        """What a chain of the ledger tells: action and who."""
        query = "SELECT * FROM c WHERE c.type = 'ledgerEntry' ORDER BY c.seq"
        found = self.vault.database["ledger"].query(query, partition=subject)
        return [(entry["action"], entry["actor"]) async for entry in found]


@pytest.fixture
async def desk(database: Database, blobs: Blobs, clock: SettableClock) -> Desk:
    await own_record(Resident(PERSON, EMAIL, "identity key"), database=database, now=clock())
    return Desk(new_vault(database, await emptied(blobs)), clock)
