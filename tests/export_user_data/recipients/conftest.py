"""A recipient that is told, and what telling it stands on."""

from collections.abc import AsyncIterator

import aiohttp
import pytest

from export_user_data.recipients import tell_recipients
from export_user_data.recipients.outbox import Run
from local.recipient import RecipientSink
from shared.cosmos import Database, Item
from shared.data_map import Category
from shared.keys import KeySet
from shared.people import own_record
from shared.recipients import Event, notices
from shared.webhooks import Webhooks
from tests.conftest import SettableClock
from tests.doubles import resident_of

SALES = "sales_and_technicians"


@pytest.fixture
async def sink() -> AsyncIterator[RecipientSink]:
    async with RecipientSink() as running:
        yield running


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(trust_env=False, auto_decompress=False) as opened:
        yield opened


class Desk:
    """Telling recipients, in one hand."""

    def __init__(
        self, database: Database, clock: SettableClock, keys: KeySet, webhooks: Webhooks, export_keys: KeySet
    ) -> None:
        """Nobody was told yet."""
        self.database = database
        self.clock = clock
        self.keys = keys
        self.webhooks = webhooks
        self.export_keys = export_keys

    async def move_in(self, person: str = "maria") -> None:
        await own_record(resident_of(person), database=self.database, now=self.clock())

    async def tell(
        self,
        request_id: str = "request-1",
        event: Event = "rectification",
        *,
        person_id: str | None = "maria",
        category: Category = Category.INTERACTIONS,
    ) -> None:
        await tell_recipients(
            request_id,
            event,
            {"email": "maria@resident.example"},
            categories=[category],
            person_id=person_id,
            database=self.database,
            webhooks=self.webhooks,
            now=self.clock(),
        )

    async def run_timer(self) -> dict[str, int]:
        run = Run(database=self.database, webhooks=self.webhooks, keys=self.keys, now=self.clock)
        return dict(await run.tell_due())

    async def notice(self, request_id: str = "request-1", recipient: str = SALES) -> Item:
        """The one notice of a request to a recipient."""
        found = await notices(request_id, jobs=self.database["jobs"])
        [item] = [one for one in found if one["recipient"] == recipient]
        return item


@pytest.fixture
async def desk(
    database: Database,
    clock: SettableClock,
    device_keys: KeySet,
    export_keys: KeySet,
    sink: RecipientSink,
    session: aiohttp.ClientSession,
) -> Desk:
    made = Desk(database, clock, device_keys, Webhooks({SALES: sink.address}, export_keys, session), export_keys)
    await made.move_in()
    return made
