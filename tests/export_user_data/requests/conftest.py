"""The register of requests of a home, and the privacy staff who work with it."""

import pytest

from local.cosmos.server import CosmosServer
from shared.cosmos import Database
from shared.keys import KeySet
from tests.conftest import SettableClock
from tests.export_user_data.requests.counter import Counter


@pytest.fixture
async def counter(database: Database, device_keys: KeySet, clock: SettableClock, cosmos: CosmosServer) -> Counter:
    return await Counter.opened(database, device_keys, clock, cosmos)
