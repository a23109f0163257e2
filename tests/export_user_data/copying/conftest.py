"""A house whose people ask for copies."""

import pytest

from shared.blobs import EXPORTS, Blobs
from shared.cosmos import Database
from shared.keys import KeySet
from tests.conftest import SettableClock
from tests.export_user_data.copies import Copies
from tests.people import House


@pytest.fixture
def house(database: Database, device_keys: KeySet, clock: SettableClock) -> House:
    return House(database, device_keys, clock)


@pytest.fixture
async def copies(house: House, blobs: Blobs, export_keys: KeySet) -> Copies:
    await blobs.clear(EXPORTS, "")
    return Copies(house.database, blobs, export_keys, house.clock)
