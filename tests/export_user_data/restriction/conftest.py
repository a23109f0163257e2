"""A home, for tests of what is restricted and held of it."""

import pytest

from local.cosmos.server import CosmosServer
from shared.cosmos import Database
from shared.keys import KeySet
from tests.conftest import SettableClock
from tests.export_user_data.restriction.desk import Desk


@pytest.fixture
async def desk(database: Database, device_keys: KeySet, clock: SettableClock, cosmos: CosmosServer) -> Desk:
    return await Desk.opened(database, device_keys, clock, cosmos)
