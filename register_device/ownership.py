"""Ownership: how a period of it begins. How it ends is in `shared.ending_ownership`.

`devices` is the truth about whose a monitor is, under its ETag; every change of it is one batch with the record of the
period that it ends. What follows from it, the end of the former gate, links, ledger and notifications, may be cut off
at any point and is done by whoever comes next: a repeat, a renewal of the monitor's token, or the timer of repairs.
"""

from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from functools import partial

from register_device.claims import Claim
from shared import choices, clock
from shared.cosmos import Conflict, Create, Database, Item, Operation, Replace
from shared.ending_ownership import (
    DEVICE_ITEM,
    EndReason,
    lasting,
    past_period,
    set_link,
    settle,
    tell_owner,
    write_device,
)
from shared.errors import Problem
from shared.expiry import expiring
from shared.gate import Erased, NarrowingJournal, change_policy, create_gate, load_policy, write_behind_gate
from shared.injection import reached
from shared.ledger import THE_PERSON, Step, record_about
from shared.policy import Policy
from shared.standing import carry_over


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
    kept = lasting(before) if before is not None else {}
    country = claim.country or choices.country_of(facts.get("region") or kept.get("region"))
    link = _link(claim, device_id, country, now)
    person = await _linked(link, database=database)
    await reached("registration.linked")
    founded = choices.founded(person, link, start=now)
    policy = await create_gate(database["telemetry"], claim.ownership_id, founded)
    if policy.tombstone:  # the person erased it before it was founded completely
        raise Problem("claim_used")
    if policy.start < now:  # this resumes what was cut off, and until now the monitor was somebody else's
        policy = await change_policy(
            database["telemetry"], claim.ownership_id, partial(_begun, start=now), journal=journal, now=now
        )
    await carry_over(claim.person_id, claim.ownership_id, database=database, journal=journal, now=now)
    await reached("registration.gated")
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
        operations.append(Create(past_period(before, reason, policy.start)))
    await write_device(device_id, [*operations, *firmware_seen(item, now=now)], database=database)
    return item


def firmware_seen(device: Item, *, now: datetime) -> list[Operation]:
    """What is to be written when a device has another firmware than before, or another owner."""
    if "firmwareVersion" not in device:
        return []
    entry = {
        "id": f"firmware:{device['ownershipId']}:{clock.text(now)}",
        "type": "firmwareVersion",
        "deviceId": device["deviceId"],
        "ownershipId": device["ownershipId"],
        "version": device["firmwareVersion"],
        "firstSeenAt": clock.text(now),
        **expiring("devices", "firmwareVersion", since=now, now=now),
    }
    return [Create(entry)]


def _link(claim: Claim, device_id: str, country: str | None, now: datetime) -> Item:
    return {
        "id": f"link:{claim.ownership_id}",
        "type": "link",
        "personId": claim.person_id,
        "deviceId": device_id,
        "ownershipId": claim.ownership_id,
        "role": "owner",
        "state": "pending",
        "pendingSince": clock.text(now),
        "since": clock.text(now),
        **({"country": country} if country is not None else {}),
    }


async def _linked(link: Item, *, database: Database) -> Policy:
    """Make the link, and return the policy of its person as it is then: who chooses later, finds the link."""
    people, person_id = database["people"], link["personId"]
    try:
        with suppress(Conflict):  # a repeat: the link is there
            await write_behind_gate(people, person_id, [Create(link)])
        return await load_policy(people, person_id)
    except (Erased, LookupError) as erased:
        raise Problem("claim_unknown") from erased


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
    tell = partial(tell_owner, device, "monitor_paired", "since", device["ownedSince"], database=database, now=now)
    await set_link(device, {"state": "active", "since": device["ownedSince"]}, tell, database)


def _begun(policy: Policy, *, start: datetime) -> Policy:
    """The policy, with nothing admitted from before the start."""
    windows = {
        category: tuple(replace(window, start=max(window.start, start)) for window in of_category)
        for category, of_category in policy.windows.items()
    }
    return policy if policy.start >= start else replace(policy, start=start, windows=windows)
