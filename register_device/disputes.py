"""Disputes: a former owner says that a monitor was taken from them, and support decides.

A reversal begins a new ownership for the former owner. It does not open the old one again: what lies in between was
observed while the monitor was somebody else's, and stays theirs.
"""

import hashlib
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final, Literal

from register_device import ownership
from register_device.claims import Claim
from register_device.contract.ownership import Dispute
from shared import clock, ending_ownership
from shared.callers import Role, Staff
from shared.cosmos import Conflict, Database, Item, Stale
from shared.ending_ownership import DEVICE_ITEM
from shared.errors import Problem
from shared.expiry import expiring
from shared.gate import Erased, NarrowingJournal
from shared.injection import reached
from shared.kept_items import rewritten
from shared.ledger import THE_PERSON, Step, record_about, staff
from shared.notifications import notify
from shared.people import new_id

DISPUTED_WITHIN: Final = timedelta(days=30)
_TRIES: Final = 5

Outcome = Literal["reversed", "kept"]


async def open_dispute(person_id: str, device_id: str, *, database: Database, now: datetime) -> Dispute:
    """Say that a monitor was taken from one; saying it again changes nothing.

    Raises:
        Problem: device_not_yours, nothing_to_dispute or dispute_too_late.
    """
    past = await ending_ownership.past_of(person_id, device_id, database=database)
    device = await database["devices"].read(device_id, DEVICE_ITEM)
    if past is None or device is None:
        raise Problem("device_not_yours")
    if past["reason"] != "taken_over" or device.get("ownerPersonId") in {None, person_id}:
        raise Problem("nothing_to_dispute")
    if now >= clock.moment(past["until"]) + DISPUTED_WITHIN:
        raise Problem("dispute_too_late")
    item = _item(past, device, now)
    try:
        await database["devices"].create(item)
    except Conflict:
        known = await database["devices"].read(device_id, item["id"])
        if known is None:
            raise
        item = known
    await reached("dispute.opened")
    details: dict[str, str | int] = {"disputeId": item["disputeId"], "ownershipId": item["ownershipId"]}
    disputed = Step(item["disputeId"], "takeover_disputed", THE_PERSON, details)
    await record_about(person_id, disputed, database=database, now=now)
    moments = {"since": clock.moment(item["openedAt"])}
    await notify(person_id, "dispute_opened", item["disputeId"], moments, people=database["people"], now=now)
    return view(item)


async def decide(
    by: Staff,
    device_id: str,
    dispute_id: str,
    outcome: Outcome,
    purpose: str,
    *,
    database: Database,
    journal: NarrowingJournal,
    now: datetime,
) -> Dispute:
    """Decide a dispute; deciding it again in the same way resumes what was cut off.

    Raises:
        Problem: dispute_unknown; dispute_decided, in the other way; dispute_outdated; busy.
    """
    item = await _decided(device_id, dispute_id, outcome, database=database, now=now)
    await reached("dispute.decided")
    if outcome == "reversed":
        await _reverse(item, database=database, journal=journal, now=now)
    details: dict[str, str | int] = {"disputeId": dispute_id, "outcome": outcome, "purpose": purpose}
    step = Step(dispute_id, "dispute_decided", staff(Role.SUPPORT, by.staff_id), details)
    with suppress(Erased):  # nobody is left of whom it could be told
        await record_about(item["personId"], step, database=database, now=now)
    if outcome == "kept":
        moments = {"until": clock.moment(item["decidedAt"])}
        await notify(item["personId"], "dispute_kept", dispute_id, moments, people=database["people"], now=now)
    return view(item)


async def of_device(device_id: str, *, database: Database) -> list[Dispute]:
    """The disputes about a device, oldest first."""
    query = "SELECT * FROM c WHERE c.type = 'dispute'"
    found = [item async for item in database["devices"].query(query, partition=device_id)]
    return [view(item) for item in sorted(found, key=lambda item: str(item["openedAt"]))]


async def _decided(device_id: str, dispute_id: str, outcome: Outcome, *, database: Database, now: datetime) -> Item:
    """The dispute, with the decision in it before anything is done because of it."""
    for _ in range(_TRIES):
        item = await database["devices"].read(device_id, f"dispute:{dispute_id}")
        if item is None:
            raise Problem("dispute_unknown")
        if item["state"] == outcome:
            return item
        if item["state"] != "open":
            raise Problem("dispute_decided")
        if outcome == "reversed":
            device = await database["devices"].read(device_id, DEVICE_ITEM)
            if device is None or device.get("ownershipId") not in {None, item["disputedOwnershipId"]}:
                raise Problem("dispute_outdated")
        decided = rewritten(item, now=now) | {"state": outcome, "decidedAt": clock.text(now)}
        try:
            await database["devices"].replace(decided, item["_etag"])
        except Stale:
            continue
        return decided
    raise Problem("busy", retry_after_s=1)


async def _reverse(item: Item, *, database: Database, journal: NarrowingJournal, now: datetime) -> None:
    """Begin the ownership of the person who disputed, once."""
    device_id = item["deviceId"]
    for _ in range(_TRIES):
        device = await database["devices"].read(device_id, DEVICE_ITEM)
        if device is None or await database["devices"].read(device_id, f"past:{item['newOwnershipId']}") is not None:
            return  # it was begun, and has ended since
        if device.get("ownershipId") not in {None, item["disputedOwnershipId"], item["newOwnershipId"]}:
            raise Problem("dispute_outdated")
        if device.get("ownershipId") != item["newOwnershipId"]:
            old = await database["people"].read(item["personId"], f"link:{item['ownershipId']}")
            country = old.get("country") if old is not None else None
            founding = Claim(item["personId"], item["newOwnershipId"], bound_at=now, country=country)
            try:
                device = await ownership.begin(
                    device_id, device, founding, {}, reason="reversed", database=database, journal=journal, now=now
                )
            except Stale:
                continue
        await ownership.finish(device, database=database, journal=journal, now=now)
        return
    raise Problem("busy", retry_after_s=1)


def _item(past: Item, device: Item, now: datetime) -> Item:
    # Who has it now may have changed since an earlier dispute: then it is another one.
    named = f"{past['ownershipId']}\n{device['ownershipId']}"
    dispute_id = hashlib.sha256(named.encode()).hexdigest()[:32]
    return {
        "id": f"dispute:{dispute_id}",
        "type": "dispute",
        "deviceId": past["deviceId"],
        "disputeId": dispute_id,
        "ownershipId": past["ownershipId"],
        "personId": past["ownerPersonId"],
        "disputedOwnershipId": device["ownershipId"],
        "newOwnershipId": new_id(),
        "openedAt": clock.text(now),
        "state": "open",
        **expiring("devices", "dispute", since=now, now=now),
    }


def view(item: Item) -> Dispute:
    """The dispute as person and staff are shown it."""
    return Dispute(
        dispute_id=item["disputeId"],
        device_id=item["deviceId"],
        state=item["state"],
        opened_at=clock.moment(item["openedAt"]),
        decided_at=clock.moment(item["decidedAt"]) if "decidedAt" in item else None,
    )
