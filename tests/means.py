"""What a rectification stands on: a vault of its own, and recipients where a test has some."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from shared.blobs import Blobs
from shared.cosmos import Database
from shared.keys import KeySet
from shared.rectifying import Means
from shared.vault import VaultStore
from shared.vault.blocking import about_part, case_key
from shared.vault.sealing import opened, unpacked
from shared.webhooks import Webhooks
from tests.people import IDENTITY_KEY
from tests.vaults import emptied, new_vault


@asynccontextmanager
async def means_of(
    database: Database, blobs: Blobs, keys: KeySet, recipients: Mapping[str, str] | None = None
) -> AsyncIterator[Means]:
    """With recipients at these addresses."""
    async with aiohttp.ClientSession(trust_env=False, auto_decompress=False) as session:
        yield Means(
            database=database,
            vault=new_vault(database, await emptied(blobs)),
            webhooks=Webhooks(recipients or {}, keys, session),
            identity_key=IDENTITY_KEY,
        )


async def blocked_in(vault: VaultStore) -> list[dict[str, Any]]:
    """Everything that the vault holds, opened."""
    lines: list[bytes | str] = []
    async for case in vault.cases.query("SELECT * FROM c WHERE c.type = 'vaultCase'"):
        month_key = await vault.month_key(case["keyMonth"])
        assert month_key is not None
        for part in case["parts"]:
            body = await vault.body(case["keyMonth"], case["caseId"], part)
            lines += unpacked(opened(case_key(case, month_key), body, about_part(case["caseId"], part)))
    return [json.loads(line)["item"] for line in lines]
