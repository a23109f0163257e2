"""Fixtures that most tests stand on: a real Cosmos DB endpoint, a clock that tests set, keys of their own."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from local.cosmos.server import CosmosServer
from local.provision import provision_cosmos
from local.resources import Resources
from shared.cosmos import Database
from shared.keys import KeySet
from tests.keys import signing_jwks, symmetric_jwks


class SettableClock:
    """A clock that stands still until a test moves it."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **by: float) -> None:
        self.now += timedelta(**by)


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock(datetime.now(UTC).replace(microsecond=0))


@pytest.fixture
def device_keys() -> KeySet:
    return KeySet(symmetric_jwks(), "HS256")


@pytest.fixture
def export_keys() -> KeySet:
    return KeySet(signing_jwks(), "ES256")


@pytest.fixture
async def cosmos() -> AsyncIterator[CosmosServer]:
    async with CosmosServer() as server:
        yield server


@pytest.fixture
async def database(cosmos: CosmosServer) -> AsyncIterator[Database]:
    """The service's containers, empty, through its own adapter and the official client."""
    resources = Resources.load()
    await provision_cosmos(cosmos.endpoint, cosmos.key, resources)
    opened = await Database.open(cosmos.endpoint, cosmos.key, resources.database)
    yield opened
    await opened.close()
