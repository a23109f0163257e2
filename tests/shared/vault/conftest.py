"""The vault on a real database and real blob storage."""

import pytest

from shared.blobs import Blobs
from shared.callers import Resident
from shared.cosmos import Database
from shared.people import own_record
from shared.vault import VaultStore
from tests.conftest import SettableClock
from tests.vaults import emptied, new_vault

PERSON = "1" * 32
EMAIL = "maria@resident.example"


@pytest.fixture
async def vault(database: Database, blobs: Blobs) -> VaultStore:
    return new_vault(database, await emptied(blobs))


@pytest.fixture
async def person(database: Database, clock: SettableClock) -> str:
    await own_record(Resident(PERSON, EMAIL, "identity key"), database=database, now=clock())
    return PERSON
