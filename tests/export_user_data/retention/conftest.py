"""A house whose records expire, and the vault that they are moved into."""

from collections import Counter
from dataclasses import dataclass

import pytest

from export_user_data.retention.expiry import block_expired
from local.cosmos.server import CosmosServer
from shared.blobs import Blobs
from shared.cosmos import Database, Item
from shared.keys import KeySet
from shared.vault import VaultStore
from tests.conftest import SettableClock
from tests.people import House
from tests.vaults import emptied, new_vault


@dataclass(frozen=True, slots=True)
class Years:
    """A house, its vault, and the clocks of the service and of the database, which go together."""

    house: House
    vault: VaultStore
    cosmos: CosmosServer

    def pass_by(self, **by: float) -> None:
        """Let time pass everywhere."""
        before = self.house.clock.now
        self.house.clock.forward(**by)
        self.cosmos.clock.forward((self.house.clock.now - before).total_seconds())

    async def sweep(self) -> Counter[str]:
        return await block_expired(vault=self.vault, now=self.house.clock)

    async def items(self, container: str, record: str) -> list[Item]:
        query = "SELECT * FROM c WHERE c.type = @type"
        return [item async for item in self.house.database[container].query(query, {"type": record})]


@pytest.fixture
async def years(
    database: Database, cosmos: CosmosServer, blobs: Blobs, device_keys: KeySet, clock: SettableClock
) -> Years:
    return Years(House(database, device_keys, clock), new_vault(database, await emptied(blobs)), cosmos)
