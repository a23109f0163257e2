"""Opening a case: one member of staff asks, another one agrees, and both may read it for a quarter of an hour.

Question, agreement and every look are in a chain of the ledger that is the case's own, each before it counts.
"""

import json
import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from export_user_data.vault.cases import is_over, opening_view
from export_user_data.vault.contract import AskOpening, Opening
from shared import clock
from shared.callers import Role
from shared.cosmos import Item, Stale, declared
from shared.errors import Problem
from shared.injection import reached
from shared.ledger import Step, record, staff
from shared.people import new_id
from shared.vault import Damaged, VaultStore
from shared.vault.blocking import about_part, case_key
from shared.vault.sealing import opened, unpacked
from shared.vault.store import CASE_ITEM

ASKED_FOR: Final = timedelta(days=7)
"""After so long nobody may agree any more."""

OPEN_FOR: Final = timedelta(minutes=15)

_OPENINGS: Final = "SELECT * FROM c WHERE c.type = 'vaultOpening'"
_log = logging.getLogger("blue.vault")


async def ask(case_id: str, wanted: AskOpening, *, staff_id: str, vault: VaultStore, now: datetime) -> Opening:
    """Ask to open a case; the same question of the same person is one while it waits.

    Raises:
        Problem: vault_case_unknown.
    """
    await _case(case_id, vault, now)
    mine = {"ground": wanted.ground.value, "reference": wanted.reference, "askedBy": staff_id}
    async for item in vault.cases.query(_OPENINGS, partition=case_id):
        if opening_view(item, now).state == "asked" and mine.items() <= item.items():
            return opening_view(item, now)
    opening_id = new_id()
    item = {
        "id": f"opening:{opening_id}",
        "type": "vaultOpening",
        "caseId": case_id,
        "openingId": opening_id,
        **mine,
        "askedAt": clock.text(now),
        "openUntil": clock.text(now + ASKED_FOR),
    }
    await _record(item, "vault_opening_asked", staff_id, vault, now)
    await reached("vault.asked")
    await vault.cases.create(item)
    return opening_view(item, now)


async def approve(case_id: str, opening_id: str, *, staff_id: str, vault: VaultStore, now: datetime) -> Opening:
    """Agree that a case is opened; agreeing again changes nothing.

    Raises:
        Problem: vault_case_unknown, vault_opening_unknown, second_person_needed, vault_opening_over or busy.
    """
    await _case(case_id, vault, now)
    item = await _opening(case_id, opening_id, vault)
    if item["askedBy"] == staff_id:
        raise Problem("second_person_needed")
    if opening_view(item, now).state == "over":
        raise Problem("vault_opening_over")
    if "approvedBy" in item:
        return opening_view(item, now)
    await _record(item, "vault_opening_approved", staff_id, vault, now, step=f"approved:{staff_id}")
    await reached("vault.approved")
    approved = declared(item) | {
        "approvedBy": staff_id,
        "approvedAt": clock.text(now),
        "openUntil": clock.text(now + OPEN_FOR),
    }
    try:
        await vault.cases.replace(approved, item["_etag"])
    except Stale as error:  # somebody else agreed at the same time
        raise Problem("busy", retry_after_s=1) from error
    return opening_view(approved, now)


async def content(
    case_id: str, opening_id: str, part: int, *, staff_id: str, vault: VaultStore, now: datetime
) -> list[str]:
    """One part of an opened case as JSON Lines, the last one telling where to go on.

    Raises:
        Problem: vault_case_unknown, vault_opening_unknown, vault_opening_not_yours, vault_opening_not_approved,
            vault_opening_over or vault_damaged.
    """
    case = await _case(case_id, vault, now)
    item = await _opening(case_id, opening_id, vault)
    if staff_id not in {item["askedBy"], item.get("approvedBy")}:
        raise Problem("vault_opening_not_yours")
    if opening_view(item, now).state == "over":
        raise Problem("vault_opening_over")
    if "approvedBy" not in item:
        raise Problem("vault_opening_not_approved")
    await _record(item, "vault_read", staff_id, vault, now, step=f"read:{new_id()}", details={"part": part})
    try:
        return await _lines(case, part, vault)
    except Damaged as damaged:
        _log.error("ALARM vault_damaged: a case of %s cannot be read: %s", case["keyMonth"], damaged)
        raise Problem("vault_damaged") from damaged


async def _lines(case: Item, part: int, vault: VaultStore) -> list[str]:
    names = sorted(case["parts"])
    if part >= len(names):
        return []
    month_key = await vault.month_key(case["keyMonth"])
    if month_key is None:
        raise Problem("vault_case_unknown")
    body = await vault.body(case["keyMonth"], case["caseId"], names[part])
    lines = unpacked(opened(case_key(case, month_key), body, about_part(case["caseId"], names[part])))
    return lines + ([json.dumps({"part": part + 1})] if part + 1 < len(names) else [])


async def _case(case_id: str, vault: VaultStore, now: datetime) -> Item:
    case = await vault.cases.read(case_id, CASE_ITEM)
    if case is None or is_over(case, now):
        raise Problem("vault_case_unknown")
    return case


async def _opening(case_id: str, opening_id: str, vault: VaultStore) -> Item:
    item = await vault.cases.read(case_id, f"opening:{opening_id}")
    if item is None:
        raise Problem("vault_opening_unknown")
    return item


async def _record(
    item: Item,
    action: str,
    staff_id: str,
    vault: VaultStore,
    now: datetime,
    *,
    step: str = "",
    details: Mapping[str, int] | None = None,
) -> None:
    told = {name: item[name] for name in ("caseId", "openingId", "ground")} | dict(details or {})
    entry = Step(item["openingId"], action, staff(Role.PRIVACY, staff_id), told, step)
    await record(item["caseId"], entry, ledger=vault.database["ledger"], now=now)
