"""How a period of ownership ends: released, taken over, reversed, revoked, or erased with its person.

`devices` says so first, in one batch with the record of the period. What follows from it, the end of gate, guests and
link, ledger and notifications, may be cut off at any point and is done by whoever comes next.
"""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Final, Literal

from shared import clock
from shared.cosmos import BatchFailed, Create, Database, Item, Operation, Replace, Stale, declared
from shared.ending_guests import end_guests
from shared.errors import Problem
from shared.gate import Erased, NarrowingJournal, change_policy, write_behind_gate
from shared.injection import reached
from shared.ledger import SERVICE, THE_PERSON, Step, record_about
from shared.notifications import notify
from shared.policy import Policy

DEVICE_ITEM: Final = "device"

EndReason = Literal["taken_over", "released", "reversed", "revoked"]

TOLD: Final[dict[EndReason, str]] = {
    "taken_over": "ownership_ended",
    "released": "monitor_released",
    "reversed": "takeover_reversed",
    "revoked": "monitor_revoked",
}
"""How the former owner is told of each end."""

_LASTING: Final = (
    "serialNumber",
    "macAddress",
    "family",
    "productType",
    "subtype",
    "model",
    "hardwareVersion",
    "manufacturedAt",
    "firstConnectedAt",
    "enrolmentGroup",
)
"""What a device is whoever owns it. The rest was said during somebody's ownership, and is not shown to the next one."""

_OWNER_FIELDS: Final = frozenset({"ownershipId", "ownerPersonId", "ownedSince"})
_PASTS: Final = "SELECT * FROM c WHERE c.type = 'pastOwnership'"
_TRIES: Final = 5


def lasting(device: Item) -> Item:
    """The facts of a device that do not depend on who owns it."""
    is_made_for = device.get("regionSource") == "monitor"
    names = (*_LASTING, "region", "regionSource") if is_made_for else _LASTING
    return {name: device[name] for name in names if name in device}


async def end(
    device: Item, reason: EndReason, *, changes: Item | None = None, database: Database, now: datetime
) -> None:
    """Let a device have no owner from now on.

    Raises:
        Stale: the device has changed meanwhile.
    """
    ownerless = {name: value for name, value in declared(device).items() if name not in _OWNER_FIELDS}
    item = ownerless | {"ownerlessSince": clock.text(now)} | (changes or {})
    past = past_period(device, reason, now)
    await write_device(device["deviceId"], [Replace(item, device["_etag"]), Create(past)], database=database)
    await reached("ownership.ended")


async def write_device(device_id: str, operations: list[Operation], *, database: Database) -> None:
    """Change a device and what lies with it, in one batch.

    Raises:
        Stale: it has changed meanwhile.
    """
    try:
        await database["devices"].batch(device_id, operations)
    except BatchFailed as failed:
        raise Stale("device") from failed


def past_period(device: Item, reason: EndReason, until: datetime) -> Item:
    """The record of the period that ends; until it is settled it says since when it waits for that."""
    return {
        "id": f"past:{device['ownershipId']}",
        "type": "pastOwnership",
        "deviceId": device["deviceId"],
        "ownershipId": device["ownershipId"],
        "ownerPersonId": device["ownerPersonId"],
        "since": device["ownedSince"],
        "until": clock.text(until),
        "reason": reason,
        "pendingSince": clock.text(until),
    }


async def past_of(person_id: str, device_id: str, *, database: Database) -> Item | None:
    """The last period in which a device was a person's, when that is over."""
    found = [item async for item in database["devices"].query(_PASTS, partition=device_id)]
    theirs = [item for item in found if item["ownerPersonId"] == person_id]
    return max(theirs, key=lambda past: str(past["until"]), default=None)


async def settle(device_id: str, *, database: Database, journal: NarrowingJournal, now: datetime) -> None:
    """Do what the end of each past ownership brings, as far as nobody has done it yet."""
    async for past in database["devices"].query(_PASTS, partition=device_id):
        if "settledAt" not in past:
            await _settle(past, database=database, journal=journal, now=now)


async def _settle(past: Item, *, database: Database, journal: NarrowingJournal, now: datetime) -> None:
    until, reason = clock.moment(past["until"]), past["reason"]
    telemetry = database["telemetry"]
    await change_policy(telemetry, past["ownershipId"], partial(ended, end=until), journal=journal, now=now)
    await reached("ownership.gate_ended")
    await end_guests(past, database=database, now=now)
    actor = THE_PERSON if reason == "released" else SERVICE
    details: dict[str, str | int] = {"ownershipId": past["ownershipId"], "reason": reason}
    with suppress(Erased):  # nobody is left of whom it could be told
        step = Step(past["ownershipId"], "ownership_ended", actor, details)
        await record_about(past["ownerPersonId"], step, database=database, now=now)
    tell = partial(tell_owner, past, TOLD[reason], "until", past["until"], database=database, now=now)
    await set_link(past, {"state": "ended", "until": past["until"]}, tell, database)
    await reached("ownership.link_ended")
    settled = {name: value for name, value in declared(past).items() if name != "pendingSince"}
    with suppress(Stale):  # somebody else has just done the same
        await database["devices"].replace(settled | {"settledAt": clock.text(now)}, past["_etag"])


def ended(policy: Policy, *, end: datetime) -> Policy:
    """The policy, with nothing admitted from the end on. An end that is there stays."""
    return policy if policy.end is not None else replace(policy, end=end)


async def tell_owner(
    ownership: Item, template: str, parameter: str, moment: str, *, database: Database, now: datetime
) -> None:
    """Tell the owner of a period a moment of it."""
    people, person_id = database["people"], ownership["ownerPersonId"]
    moments = {parameter: clock.moment(moment)}
    await notify(person_id, template, ownership["ownershipId"], moments, people=people, now=now)


async def set_link(ownership: Item, change: Item, tell: Callable[[], Awaitable[None]], database: Database) -> None:
    """Change the link of an ownership, and tell its person before: what is cut off in between is told again.

    A link that has ended stays so, whoever is late.

    Raises:
        Problem: busy, when others kept changing it.
    """
    people, person_id = database["people"], ownership["ownerPersonId"]
    for _ in range(_TRIES):
        link = await people.read(person_id, f"link:{ownership['ownershipId']}")
        if link is None or link["state"] == "ended" or all(link.get(name) == value for name, value in change.items()):
            return
        settled = {name: value for name, value in declared(link).items() if name != "pendingSince"} | change
        try:
            await tell()
            await write_behind_gate(people, person_id, [Replace(settled, link["_etag"])])
        except Stale:
            continue  # another registration was faster: what it wrote may not be what this one has to say
        except Erased:
            return
        return
    raise Problem("busy", retry_after_s=1)
