"""What the tests of choices stand on."""

import pytest

from shared.cosmos import Database
from shared.keys import KeySet
from tests.conftest import SettableClock
from tests.export_user_data.consents.chooser import Choosing, Family


@pytest.fixture
def house(database: Database, device_keys: KeySet, clock: SettableClock) -> Choosing:
    return Choosing(database, device_keys, clock)


@pytest.fixture
def family(database: Database, device_keys: KeySet, clock: SettableClock) -> Family:
    return Family(database, device_keys, clock)
