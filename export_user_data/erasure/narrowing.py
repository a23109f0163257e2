"""Narrowing: from here on nothing more of what is erased is stored."""

from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from functools import partial

from export_user_data.erasure.tools import Tools
from shared import clock, ending_ownership
from shared.cosmos import Database, Item
from shared.data_map import Category
from shared.ending_guests import end_guest, leave_device, link_id
from shared.ending_ownership import DEVICE_ITEM
from shared.gate import change_policy, create_gate, load_policy
from shared.injection import reached
from shared.invitations import place_of
from shared.policy import Policy
from shared.statistics import recompute_open


async def close_person(person_id: str, *, tools: Tools, now: datetime) -> None:
    """Let nothing more be written about a person: neither a link, nor a notification, nor a name in the ledger."""
    await change_policy(tools.database["people"], person_id, _tombstoned, journal=tools.journal, now=now)
    await reached("erasure.closed")


async def narrow_person(item: Item, *, tools: Tools, now: datetime) -> None:
    """Note with a person that a category of theirs was erased: a restored database learns it from there."""
    change = partial(_erased, category=item["category"], through=clock.moment(item["through"]))
    await change_policy(tools.database["people"], item["personId"], change, journal=tools.journal, now=now)
    await reached("erasure.closed")


async def narrow(item: Item, ownership_id: str, device_id: str, *, tools: Tools, now: datetime) -> None:
    """Let one period take in nothing more of what is erased; it may be repeated."""
    if item["scope"] == "category":
        await _narrow_category(item, ownership_id, tools=tools, now=now)
    else:
        await end_ownership(ownership_id, device_id, tools=tools, now=now)
        await _entomb(ownership_id, tools=tools, now=now)
    await recompute_open(ownership_id, item["jobId"], database=tools.database, hub=tools.hub, now=now)
    await reached("erasure.narrowed")


async def leave(person_id: str, guest_id: str, device_id: str, *, database: Database, now: datetime) -> None:
    """End what makes the person a guest; it may be repeated."""
    link = await database["people"].read(person_id, link_id(guest_id))
    if link is None:
        return
    place = await place_of(guest_id, device_id, devices=database["devices"])
    if place is not None and place["state"] == "invited":  # an acceptance that was cut off
        device = await database["devices"].read(device_id, DEVICE_ITEM)
        owner = (device or {}).get("ownerPersonId", person_id)
        await end_guest(place, "declined", owner, database=database, at=now, now=now)
    else:
        await leave_device(link, database=database, now=now)


async def end_ownership(ownership_id: str, device_id: str, *, tools: Tools, now: datetime) -> None:
    """Let a device be nobody's, if it is still of this period; and do what its end brings."""
    device = await tools.database["devices"].read(device_id, DEVICE_ITEM)
    if device is not None and device.get("ownershipId") == ownership_id:
        await ending_ownership.end(device, "released", database=tools.database, now=now)
    await ending_ownership.settle(device_id, database=tools.database, journal=tools.journal, now=now)


async def _entomb(ownership_id: str, *, tools: Tools, now: datetime) -> None:
    telemetry = tools.database["telemetry"]
    try:
        await change_policy(telemetry, ownership_id, _tombstoned, journal=tools.journal, now=now)
    except LookupError:  # a registration that was cut off: whoever resumes it finds this, and may store nothing
        tombstone = Policy(epoch=1, start=now, tombstone=True, changed_at=now)
        await create_gate(telemetry, ownership_id, tombstone)
        if not (await load_policy(telemetry, ownership_id)).tombstone:  # the registration was faster
            await change_policy(telemetry, ownership_id, _tombstoned, journal=tools.journal, now=now)


async def _narrow_category(item: Item, ownership_id: str, *, tools: Tools, now: datetime) -> None:
    change = partial(_erased, category=item["category"], through=clock.moment(item["through"]))
    with suppress(LookupError):  # a registration that was cut off: nothing of it was ever received
        await change_policy(tools.database["telemetry"], ownership_id, change, journal=tools.journal, now=now)


def _erased(policy: Policy, *, category: str, through: datetime) -> Policy:
    known = policy.erased_through.get(category, through)
    windows = dict(policy.windows)
    if category == Category.PERFORMANCE:  # the support case goes, for which it was collected
        windows[category] = ()
    return replace(policy, windows=windows, erased_through={**policy.erased_through, category: max(known, through)})


def _tombstoned(policy: Policy) -> Policy:
    """Closed for ever, and without what the person had chosen: random ids are all that stays."""
    return replace(policy, tombstone=True, windows={}, objected=frozenset(), consented=frozenset())
