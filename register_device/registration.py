"""Registration: a monitor that proved its make is paired with the account behind a claim.

The order of the writes makes every step safe to repeat: a pending link, gate and marker, the device (the truth about
its ownership, under ETag), the end of the ownership before, and only then a token. The claim holds the id of the
ownership that it founds, so a repeated registration resumes where the first one was cut off.
"""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any, Final

from register_device.claims import Claim, redeem_claim
from register_device.contract.monitors import DeviceAccess, DeviceData, Registration
from shared import clock
from shared.callers import AttestedMonitor
from shared.cosmos import BatchFailed, Conflict, Create, Database, Item, Operation, Replace, Stale, declared
from shared.data_map import Category
from shared.errors import Problem
from shared.gate import (
    Erased,
    NarrowingJournal,
    Policy,
    Window,
    change_policy,
    create_gate,
    load_policy,
    write_behind_gate,
)
from shared.injection import reached
from shared.keys import DeviceToken, KeySet, issue_device_token, keyed_id
from shared.ledger import SERVICE, THE_PERSON, Step, record_about
from shared.notifications import notify

_TRIES: Final = 5
DEVICE_ITEM: Final = "device"


async def register_monitor(
    monitor: AttestedMonitor,
    registration: Registration,
    *,
    database: Database,
    keys: KeySet,
    identity_key: bytes,
    journal: NarrowingJournal,
    now: datetime,
) -> tuple[DeviceAccess, bool]:
    """Pair a monitor; return its access, and whether this began a new ownership.

    Raises:
        Problem: serial_mismatch, attestation_refused, claim_unknown, claim_expired or claim_used.
    """
    if registration.device.serial_number != monitor.serial_number:
        raise Problem("serial_mismatch", pointer="/device/serialNumber")
    device_id = keyed_id(identity_key, "device", monitor.serial_number)
    claim = await redeem_claim(registration.claim, device_id, claims=database["claims"], now=now)
    await reached("registration.claimed")
    facts = _facts(registration.device) | {"enrolmentGroup": monitor.enrolment_group, "updatedAt": clock.text(now)}
    for _ in range(_TRIES):
        device = await database["devices"].read(device_id, DEVICE_ITEM)
        _check_group(monitor, device)
        try:
            if device is not None and device["ownerPersonId"] == claim.person_id:
                device, is_new = await _refreshed(device, facts, database=database), False
            else:
                device = await _newly_owned(
                    device_id, device, claim, facts, database=database, journal=journal, now=now
                )
                is_new = True
        except (Stale, Conflict):
            continue  # another registration of the same monitor was faster
        await reached("registration.owned")
        await _finish(device, database=database, journal=journal, now=now)
        await reached("registration.finished")
        return await grant_access(device, database=database, keys=keys, now=now), is_new
    raise Problem("busy", retry_after_s=1)


async def renew_access(
    monitor: AttestedMonitor,
    *,
    database: Database,
    keys: KeySet,
    identity_key: bytes,
    journal: NarrowingJournal,
    now: datetime,
) -> DeviceAccess:
    """A fresh token, under the policy in force, for a registered monitor. It costs three point reads.

    A registration that was cut off is finished first: no token is signed while the ownership before is still open.

    Raises:
        Problem: device_not_registered or attestation_refused.
    """
    device_id = keyed_id(identity_key, "device", monitor.serial_number)
    device = await database["devices"].read(device_id, DEVICE_ITEM)
    if device is None:
        raise Problem("device_not_registered")
    _check_group(monitor, device)
    link = await database["people"].read(device["ownerPersonId"], f"link:{device['ownershipId']}")
    if link is None or link["state"] == "pending":  # without a link: its owner was erased
        await _finish(device, database=database, journal=journal, now=now)
    return await grant_access(device, database=database, keys=keys, now=now)


async def grant_access(device: Item, *, database: Database, keys: KeySet, now: datetime) -> DeviceAccess:
    """Sign a token for the present ownership of a device."""
    ownership_id = device["ownershipId"]
    policy = await load_policy(database["telemetry"], ownership_id)
    token, expires_at = issue_device_token(DeviceToken(device["deviceId"], ownership_id, policy), keys=keys, now=now)
    return DeviceAccess(
        device_id=device["deviceId"],
        ownership_id=ownership_id,
        token=token,
        token_expires_at=expires_at,
        categories=policy.open_at(now),
        server_time=now,
    )


def _check_group(monitor: AttestedMonitor, device: Item | None) -> None:
    """Refuse a monitor that was enrolled in another group: the key of one group must not speak for the others.

    A monitor that is moved to another group, as after a leak of its group's key, is changed by staff: only they can
    tell it from one that was made up with another group's key.
    """
    if device is not None and device["enrolmentGroup"] != monitor.enrolment_group:
        raise Problem("attestation_refused")


def _facts(device: DeviceData) -> dict[str, Any]:
    stated = {
        "serialNumber": device.serial_number,
        "macAddress": device.mac_address,
        "family": device.family,
        "productType": device.type,
        "subtype": device.subtype,
        "model": device.model,
        "firmwareVersion": device.firmware_version,
        "hardwareVersion": device.hardware_version,
        "region": device.region,
        "manufacturedAt": clock.text(device.manufactured_at) if device.manufactured_at else None,
    }
    return {name: value for name, value in stated.items() if value is not None}


async def _refreshed(device: Item, facts: Item, *, database: Database) -> Item:
    item = declared(device) | facts
    await database["devices"].replace(item, device["_etag"])
    return item


async def _newly_owned(
    device_id: str,
    before: Item | None,
    claim: Claim,
    facts: Item,
    *,
    database: Database,
    journal: NarrowingJournal,
    now: datetime,
) -> Item:
    """Found the claim's ownership. A claim that is older than the ownership in force founds none."""
    if before is not None and claim.bound_at < clock.moment(before["ownedSince"]):
        raise Problem("claim_used")
    if before is not None and await database["devices"].read(device_id, f"past:{claim.ownership_id}") is not None:
        raise Problem("claim_used")  # it founded one, which has ended
    try:
        await _link(claim.person_id, device_id, claim.ownership_id, database=database, now=now)
    except Erased as erased:  # the person was erased after asking for the claim
        raise Problem("claim_unknown") from erased
    await reached("registration.linked")
    policy = Policy(epoch=1, start=now, windows={Category.USAGE.value: (Window(now),)})
    policy = await create_gate(database["telemetry"], claim.ownership_id, policy)
    if policy.start < now:  # this resumes what was cut off, and until now the monitor was somebody else's
        policy = await change_policy(
            database["telemetry"], claim.ownership_id, partial(_begun, start=now), journal=journal, now=now
        )
    await reached("registration.gated")
    item = {
        **(declared(before) if before else {"firstConnectedAt": clock.text(now)}),
        **facts,
        "id": DEVICE_ITEM,
        "type": "device",
        "deviceId": device_id,
        "ownershipId": claim.ownership_id,
        "ownerPersonId": claim.person_id,
        "ownedSince": clock.text(policy.start),
    }
    if before is None:
        await database["devices"].create(item)
        return item
    past = {
        "id": f"past:{before['ownershipId']}",
        "type": "pastOwnership",
        "deviceId": device_id,
        "ownershipId": before["ownershipId"],
        "ownerPersonId": before["ownerPersonId"],
        "since": before["ownedSince"],
        "until": clock.text(policy.start),
    }
    operations: list[Operation] = [Replace(item, before["_etag"]), Create(past)]
    try:
        await database["devices"].batch(device_id, operations)
    except BatchFailed as failed:
        raise Stale("device") from failed
    return item


async def _link(person_id: str, device_id: str, ownership_id: str, *, database: Database, now: datetime) -> None:
    item = {
        "id": f"link:{ownership_id}",
        "type": "link",
        "personId": person_id,
        "deviceId": device_id,
        "ownershipId": ownership_id,
        "role": "owner",
        "state": "pending",
        "since": clock.text(now),
    }
    try:
        await write_behind_gate(database["people"], person_id, [Create(item)])
    except Conflict:
        return  # a repeat: the link is there


async def _finish(device: Item, *, database: Database, journal: NarrowingJournal, now: datetime) -> None:
    """End what came before, then let the new link count; every part may be repeated."""
    query = "SELECT * FROM c WHERE c.type = 'pastOwnership'"
    async for past in database["devices"].query(query, partition=device["deviceId"]):
        until = clock.moment(past["until"])
        await change_policy(
            database["telemetry"], past["ownershipId"], partial(_ended, end=until), journal=journal, now=now
        )
        with suppress(Erased):  # nobody is left of whom it could be told
            await record_about(
                past["ownerPersonId"],
                Step(past["ownershipId"], "ownership_ended", SERVICE, {"ownershipId": past["ownershipId"]}),
                database=database,
                now=now,
            )
        tell = partial(_tell, past, "ownership_ended", {"until": until}, database=database, now=now)
        await _set_link(past, {"state": "ended", "until": past["until"]}, tell, database)
    with suppress(Erased):
        await record_about(
            device["ownerPersonId"],
            Step(device["ownershipId"], "pairing_completed", THE_PERSON, {"ownershipId": device["ownershipId"]}),
            database=database,
            now=now,
        )
    since = clock.moment(device["ownedSince"])
    tell = partial(_tell, device, "monitor_paired", {"since": since}, database=database, now=now)
    await _set_link(device, {"state": "active", "since": device["ownedSince"]}, tell, database)


def _begun(policy: Policy, *, start: datetime) -> Policy:
    """The policy, with nothing admitted from before the start."""
    windows = {
        category: tuple(replace(window, start=max(window.start, start)) for window in of_category)
        for category, of_category in policy.windows.items()
    }
    return policy if policy.start >= start else replace(policy, start=start, windows=windows)


def _ended(policy: Policy, *, end: datetime) -> Policy:
    return policy if policy.end is not None else replace(policy, end=end)


async def _tell(
    ownership: Item, template: str, moments: Mapping[str, datetime], *, database: Database, now: datetime
) -> None:
    await notify(
        ownership["ownerPersonId"], template, ownership["ownershipId"], moments, people=database["people"], now=now
    )


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
        try:
            await tell()
            await write_behind_gate(people, person_id, [Replace(declared(link) | change, link["_etag"])])
        except Stale:
            continue  # another registration was faster: what it wrote may not be what this one has to say
        except Erased:
            return
        return
    raise Problem("busy", retry_after_s=1)
