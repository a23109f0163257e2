"""A household with everything that may be held, and what an erasure works with."""

from collections.abc import AsyncIterator

import aiohttp
import pytest

from export_user_data.erasure.tools import Tools
from local.mail import MailSink
from shared.blobs import EXPORTS, Blobs
from shared.cosmos import Database
from shared.keys import KeySet
from shared.mail import Mailer
from shared.webhooks import Webhooks
from tests.conftest import SettableClock
from tests.doubles import RecordingHub, RecordingJournal
from tests.export_user_data.erasure.household import Household
from tests.hosts import Hosts
from tests.people import House
from tests.vaults import emptied, new_vault


@pytest.fixture
async def sink() -> AsyncIterator[MailSink]:
    async with MailSink() as running:
        yield running


@pytest.fixture
async def tools(database: Database, blobs: Blobs, export_keys: KeySet, sink: MailSink) -> AsyncIterator[Tools]:
    for name in [name async for name in blobs.names(EXPORTS, "")]:
        await blobs.delete(EXPORTS, name)
    async with aiohttp.ClientSession() as session:
        yield Tools(
            database=database,
            blobs=await emptied(blobs),
            journal=RecordingJournal(),
            hub=RecordingHub(),
            mailer=Mailer.of(sink.address, sender="no-reply@blue.example", password=None),
            keys=export_keys,
            vault=new_vault(database, blobs),
            webhooks=Webhooks({}, export_keys, session),
        )


@pytest.fixture
def household(tools: Tools, sink: MailSink, device_keys: KeySet, clock: SettableClock) -> Household:
    return Household(Hosts(House(tools.database, device_keys, clock), sink), tools)
