"""Destruction: on the first day of a month its key is deleted, and then what cannot be read any more.

What is left of a month is found in three places, so that a restored database or a lost entry keeps nothing: the months
that the database knows, those that have a key, and those that have bodies.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from datetime import date, datetime, timedelta
from http import HTTPStatus
from typing import Final

from shared import clock
from shared.blobs import VAULT, VAULT_KEYS
from shared.clock import Clock
from shared.cosmos import BatchFailed, Delete, Item
from shared.injection import reached
from shared.ledger import SERVICE, SERVICE_SUBJECT, Step, record
from shared.vault import VaultStore
from shared.vault.store import MONTH_ITEM, month_of

RUN_LIMIT: Final = timedelta(minutes=4)
"""After so long a run leaves the rest to the next one: it cannot be read any more."""

CONCURRENT_CASES: Final = 8


async def destroy_due(*, vault: VaultStore, now: Clock) -> Counter[str]:
    """Destroy every month whose first day has come; return what was destroyed, for the log."""
    ends: Counter[str] = Counter()
    last_start = now() + RUN_LIMIT
    for month in sorted({month async for month in _due(vault, now)}):
        until = date.fromisoformat(f"{month}-01")
        await _record("vault_destruction_begun", until, vault, now)
        await reached("vault.month_begun")
        await vault.blobs.delete(VAULT_KEYS, month)
        await reached("vault.key_destroyed")
        ends["keys of months"] += 1
        if not await _destroy_rest(month, ends, vault, now, last_start=last_start):
            break
        await reached("vault.cases_destroyed")
        await _record("vault_destroyed", until, vault, now)
        await reached("vault.month_recorded")
        await _delete(vault, month, MONTH_ITEM)
    return ends


async def _due(vault: VaultStore, now: Clock) -> AsyncIterator[str]:
    this_month = month_of(now().date())
    query = "SELECT c.caseId FROM c WHERE c.type = 'vaultMonth' AND c.blockedUntil <= @now"
    async for item in vault.cases.query(query, {"now": clock.text(now())}):
        yield str(item["caseId"])
    query = "SELECT c.keyMonth FROM c WHERE c.type = 'vaultCase' AND c.blockedUntil <= @now"
    async for item in vault.cases.query(query, {"now": clock.text(now())}):
        yield str(item["keyMonth"])
    for container in (VAULT_KEYS, VAULT):
        async for name in vault.blobs.names(container, ""):
            month = name.partition("/")[0]
            if month > this_month:
                break
            yield month


async def _destroy_rest(month: str, ends: Counter[str], vault: VaultStore, now: Clock, *, last_start: datetime) -> bool:
    """Delete bodies and cases; whether all of them are gone."""
    async for name in vault.blobs.names(VAULT, f"{month}/"):
        if now() >= last_start:
            return False
        await vault.blobs.delete(VAULT, name)
        ends["bodies"] += 1
    await reached("vault.bodies_destroyed")
    query = "SELECT * FROM c WHERE c.type = 'vaultCase' AND c.blockedUntil <= @now AND c.keyMonth = @month"
    due = [case async for case in vault.cases.query(query, {"now": clock.text(now()), "month": month})]
    limit = asyncio.Semaphore(CONCURRENT_CASES)

    async def one(case: Item) -> bool:
        async with limit:
            if now() >= last_start:
                return False
            await _destroy_case(case, vault)
            return True

    done = await asyncio.gather(*(one(case) for case in due))
    ends["cases"] += sum(done)
    return all(done)


async def _destroy_case(case: Item, vault: VaultStore) -> None:
    """Look-ups and openings first: the case names them."""
    for key in case["lookups"]:
        await _delete(vault, key, case["caseId"])
    query = "SELECT c.id FROM c WHERE c.type = 'vaultOpening'"
    for opening in [item async for item in vault.cases.query(query, partition=case["caseId"])]:
        await _delete(vault, case["caseId"], opening["id"])
    await _delete(vault, case["caseId"], case["id"])
    await reached("vault.case_destroyed")


async def _delete(vault: VaultStore, partition: str, item_id: str) -> None:
    try:
        await vault.cases.batch(partition, [Delete(item_id)])
    except BatchFailed as failed:
        if failed.status != HTTPStatus.NOT_FOUND:
            raise


async def _record(action: str, until: date, vault: VaultStore, now: Clock) -> None:
    step = Step(f"vault-{month_of(until)}", action, SERVICE, {"until": until.isoformat()})
    await record(SERVICE_SUBJECT, step, ledger=vault.database["ledger"], now=now())
