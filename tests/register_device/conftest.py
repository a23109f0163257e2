"""An owner, a monitor, and one who may become its guest."""

from collections.abc import AsyncIterator

import pytest

from local.mail import MailSink
from shared.blobs import Blobs
from shared.callers import Resident
from shared.cosmos import Database
from shared.keys import KeySet
from shared.rectifying import Means
from tests.conftest import SettableClock
from tests.hosts import Hosts
from tests.means import means_of
from tests.people import House


@pytest.fixture
def house(database: Database, device_keys: KeySet, clock: SettableClock) -> House:
    return House(database, device_keys, clock)


@pytest.fixture
async def means(database: Database, blobs: Blobs, export_keys: KeySet) -> AsyncIterator[Means]:
    async with means_of(database, blobs, export_keys) as made:
        yield made


@pytest.fixture
async def hosts(database: Database, device_keys: KeySet, clock: SettableClock) -> AsyncIterator[Hosts]:
    async with MailSink() as sink:
        yield Hosts(House(database, device_keys, clock), sink)


@pytest.fixture
async def maria(hosts: Hosts) -> Resident:
    return await hosts.move_in()


@pytest.fixture
async def jordi(hosts: Hosts) -> Resident:
    return await hosts.sign_in("jordi")
