"""Ownership: how a period of it begins and ends.

`devices` is the truth about whose a monitor is, under its ETag; every change of it is one batch with the record of the
period that it ends. What follows from it, the end of the former gate, links, ledger and notifications, may be cut off
at any point and is done by whoever comes next: a repeat, a renewal of the monitor's token, or the timer of repairs.
"""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Final, Literal

from register_device.claims import Claim
from shared import clock, data_map
from shared.cosmos import BatchFailed, Conflict, Create, Database, Item, Operation, Replace, Stale, declared
from shared.data_map import Category
from shared.ending_guests import end_guests
from shared.errors import Problem
from shared.gate import Erased, NarrowingJournal, change_policy, create_gate, write_behind_gate
from shared.injection import reached
from shared.ledger import SERVICE, THE_PERSON, Step, record_about
from shared.notifications import notify
from shared.policy import Policy, Window

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


async def begin(
    device_id: str,
    before: Item | None,
    claim: Claim,
    facts: Item,
    *,
    reason: EndReason,
    database: Database,
    journal: NarrowingJournal,
    now: datetime,
) -> Item:
    """Found the claim's ownership. A claim that is older than the ownership in force, or than its end, founds none.

    Raises:
        Stale: the device has changed meanwhile.
        Problem: claim_used, or claim_unknown when the person was erased after asking for it.
    """
    if before is not None:
        in_force_since = before.get("ownedSince") or before.get("ownerlessSince")
        if in_force_since is not None and claim.bound_at < clock.moment(in_force_since):
            raise Problem("claim_used")
        if await database["devices"].read(device_id, f"past:{claim.ownership_id}") is not None:
            raise Problem("claim_used")  # it founded one, which has ended
    try:
        await _link(claim.person_id, device_id, claim.ownership_id, database=database, now=now)
    except Erased as erased:
        raise Problem("claim_unknown") from erased
    await reached("registration.linked")
    policy = Policy(epoch=1, start=now, windows={Category.USAGE.value: (Window(now),)})
    policy = await create_gate(database["telemetry"], claim.ownership_id, policy)
    if policy.start < now:  # this resumes what was cut off, and until now the monitor was somebody else's
        policy = await change_policy(
            database["telemetry"], claim.ownership_id, partial(_begun, start=now), journal=journal, now=now
        )
    await reached("registration.gated")
    kept = _lasting(before) if before is not None else {}
    item = {
        "firstConnectedAt": clock.text(now),
        **kept,
        **facts,
        "id": DEVICE_ITEM,
        "type": "device",
        "deviceId": device_id,
        "ownershipId": claim.ownership_id,
        "ownerPersonId": claim.person_id,
        "ownedSince": clock.text(policy.start),
    }
    operations: list[Operation] = [Create(item) if before is None else Replace(item, before["_etag"])]
    if before is not None and "ownershipId" in before:
        operations.append(Create(_past(before, reason, policy.start)))
    await _write(device_id, [*operations, *firmware_seen(item, now=now)], database=database)
    return item


def _lasting(device: Item) -> Item:
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
    past = _past(device, reason, now)
    await _write(device["deviceId"], [Replace(item, device["_etag"]), Create(past)], database=database)
    await reached("ownership.ended")


def firmware_seen(device: Item, *, now: datetime) -> list[Operation]:
    """What is to be written when a device has another firmware than before, or another owner."""
    if "firmwareVersion" not in device:
        return []
    retention = data_map.retention("devices", "firmwareVersion")
    entry = {
        "id": f"firmware:{device['ownershipId']}:{clock.text(now)}",
        "type": "firmwareVersion",
        "deviceId": device["deviceId"],
        "ownershipId": device["ownershipId"],
        "version": device["firmwareVersion"],
        "firstSeenAt": clock.text(now),
        "expiresAt": clock.text(now + retention),
        "ttl": int(retention.total_seconds()),
    }
    return [Create(entry)]


async def _write(device_id: str, operations: list[Operation], *, database: Database) -> None:
    try:
        await database["devices"].batch(device_id, operations)
    except BatchFailed as failed:
        raise Stale("device") from failed


def _past(device: Item, reason: EndReason, until: datetime) -> Item:
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


async def _link(person_id: str, device_id: str, ownership_id: str, *, database: Database, now: datetime) -> None:
    item = {
        "id": f"link:{ownership_id}",
        "type": "link",
        "personId": person_id,
        "deviceId": device_id,
        "ownershipId": ownership_id,
        "role": "owner",
        "state": "pending",
        "pendingSince": clock.text(now),
        "since": clock.text(now),
    }
    try:
        await write_behind_gate(database["people"], person_id, [Create(item)])
    except Conflict:
        return  # a repeat: the link is there


async def past_of(person_id: str, device_id: str, *, database: Database) -> Item | None:
    """The last period in which a device was a person's, when that is over."""
    found = [item async for item in database["devices"].query(_PASTS, partition=device_id)]
    theirs = [item for item in found if item["ownerPersonId"] == person_id]
    return max(theirs, key=lambda past: str(past["until"]), default=None)


async def finish(device: Item, *, database: Database, journal: NarrowingJournal, now: datetime) -> None:
    """End what came before, then let the present ownership count; every part may be repeated."""
    await settle(device["deviceId"], database=database, journal=journal, now=now)
    if "ownershipId" not in device:
        return
    with suppress(Erased):
        await record_about(
            device["ownerPersonId"],
            Step(device["ownershipId"], "pairing_completed", THE_PERSON, {"ownershipId": device["ownershipId"]}),
            database=database,
            now=now,
        )
    tell = partial(_tell, device, "monitor_paired", "since", device["ownedSince"], database=database, now=now)
    await _set_link(device, {"state": "active", "since": device["ownedSince"]}, tell, database)


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
    tell = partial(_tell, past, TOLD[reason], "until", past["until"], database=database, now=now)
    await _set_link(past, {"state": "ended", "until": past["until"]}, tell, database)
    await reached("ownership.link_ended")
    settled = {name: value for name, value in declared(past).items() if name != "pendingSince"}
    with suppress(Stale):  # somebody else has just done the same
        await database["devices"].replace(settled | {"settledAt": clock.text(now)}, past["_etag"])


def _begun(policy: Policy, *, start: datetime) -> Policy:
    """The policy, with nothing admitted from before the start."""
    windows = {
        category: tuple(replace(window, start=max(window.start, start)) for window in of_category)
        for category, of_category in policy.windows.items()
    }
    return policy if policy.start >= start else replace(policy, start=start, windows=windows)


def ended(policy: Policy, *, end: datetime) -> Policy:
    """The policy, with nothing admitted from the end on. An end that is there stays."""
    return policy if policy.end is not None else replace(policy, end=end)


async def _tell(
    ownership: Item, template: str, parameter: str, moment: str, *, database: Database, now: datetime
) -> None:
    people, person_id = database["people"], ownership["ownerPersonId"]
    moments = {parameter: clock.moment(moment)}
    await notify(person_id, template, ownership["ownershipId"], moments, people=people, now=now)


async def _set_link(ownership: Item, change: Item, tell: Callable[[], Awaitable[None]], database: Database) -> None:
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
