"""Finding cases: under the key of each month that is not destroyed yet, so that nobody else could."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Final

from export_user_data.vault.contract import BlockedCategory, Opening, OpeningGround, VaultCase, VaultCases, VaultSearch
from shared import clock
from shared.callers import Role
from shared.cosmos import Item
from shared.keys import keyed_id
from shared.ledger import SERVICE_SUBJECT, Step, record, staff
from shared.people import new_id
from shared.vault import VaultStore
from shared.vault.blocking import case_id_of
from shared.vault.store import CASE_ITEM, address_key, month_of

CONCURRENT_READS: Final = 8


async def search(
    wanted: VaultSearch, *, staff_id: str, vault: VaultStore, identity_key: bytes, now: datetime
) -> VaultCases:
    """The cases about somebody or something; the ledger has the search before it is answered, and not by whose name."""
    [(by, value)] = wanted.wanted
    ids = {case_id async for case_id in _found(by, value, vault, identity_key, now)}
    limit = asyncio.Semaphore(CONCURRENT_READS)

    async def one(case_id: str) -> VaultCase | None:
        async with limit:
            return await seen(case_id, vault=vault, now=now)

    cases = [case for case in await asyncio.gather(*(one(case_id) for case_id in sorted(ids))) if case is not None]
    details = {"by": by, "ground": wanted.ground.value, "found": len(cases)}
    step = Step(new_id(), "vault_searched", staff(Role.PRIVACY, staff_id), details)
    await record(SERVICE_SUBJECT, step, ledger=vault.database["ledger"], now=now)
    return VaultCases(cases=sorted(cases, key=lambda case: (case.created_at, case.case_id)))


async def _found(by: str, value: str, vault: VaultStore, identity_key: bytes, now: datetime) -> AsyncIterator[str]:
    """Ids of cases that there may be."""
    if by == "case_id":
        yield value
        return
    if by == "serial_number":
        value = keyed_id(identity_key, "device", value)
    kind = {"email": "email", "serial_number": "device", "person_id": "person"}.get(by)
    async for month in vault.months():
        if month <= month_of(now.date()):
            continue  # about to be destroyed
        if kind is None:
            yield case_id_of(value, month)
            continue
        key = await vault.month_key(month)
        if key is not None:
            query = "SELECT c.found FROM c"
            async for lookup in vault.cases.query(query, partition=address_key(key, kind, value)):
                yield str(lookup["found"])


async def seen(case_id: str, *, vault: VaultStore, now: datetime) -> VaultCase | None:
    """What is known of a case, unless its day has come."""
    items = [item async for item in vault.cases.query("SELECT * FROM c", partition=case_id)]
    case = next((item for item in items if item["id"] == CASE_ITEM), None)
    if case is None or is_over(case, now):
        return None
    openings = [opening_view(item, now) for item in items if item["type"] == "vaultOpening"]
    return VaultCase(
        case_id=case_id,
        request_id=case["requestId"],
        ground=case["ground"],
        blocked=[BlockedCategory(category=name, why=why) for name, why in sorted(case["categories"].items())],
        parts=len(case["parts"]),
        items=sum(case["parts"].values()),
        created_at=clock.moment(case["createdAt"]),
        destroyed_on=clock.moment(case["blockedUntil"]).date(),
        openings=sorted(openings, key=lambda opening: opening.asked_at),
    )


def is_over(case: Item, now: datetime) -> bool:
    """Whether it is to be destroyed now, done or not."""
    return now >= clock.moment(case["blockedUntil"])


def opening_view(item: Item, now: datetime) -> Opening:
    """An opening as staff see it."""
    open_until = clock.moment(item["openUntil"])
    standing = "open" if "approvedAt" in item else "asked"
    return Opening(
        opening_id=item["openingId"],
        state="over" if now >= open_until else standing,
        ground=OpeningGround(item["ground"]),
        reference=item["reference"],
        asked_by=item["askedBy"],
        asked_at=clock.moment(item["askedAt"]),
        approved_by=item.get("approvedBy"),
        approved_at=clock.moment(item["approvedAt"]) if "approvedAt" in item else None,
        open_until=open_until,
    )
