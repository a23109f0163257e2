"""Registration: a monitor that proved its make is paired with the account behind a claim, and gets its access.

The order of the writes makes every step safe to repeat: a pending link, gate and marker, the device (the truth about
its ownership, under ETag), the end of the ownership before, and only then a token. The claim holds the id of the
ownership that it founds, so a repeated registration resumes where the first one was cut off.
"""

import hashlib
import json
from datetime import datetime
from typing import Any, Final

from register_device import ownership
from register_device.attestation import refused
from register_device.claims import Claim, redeem_claim
from register_device.contract.monitors import DeviceAccess, DeviceData, Registration, Renewal
from shared import clock
from shared.callers import AttestedMonitor
from shared.cosmos import BatchFailed, Database, Item, Replace, Stale, declared
from shared.ending_ownership import DEVICE_ITEM
from shared.errors import Problem
from shared.gate import NarrowingJournal, load_policy
from shared.injection import reached
from shared.keys import DeviceToken, KeySet, issue_device_token, keyed_id, read_stale_device_token
from shared.policy import Policy

_TRIES: Final = 5


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
        Problem: serial_mismatch, attestation_refused, busy, or as `redeem_claim`.
    """
    if registration.device.serial_number != monitor.serial_number:
        raise Problem("serial_mismatch", pointer="/device/serialNumber")
    device_id = keyed_id(identity_key, "device", monitor.serial_number)
    # A monitor that is not let in neither spends a claim nor uses up the tries of the right one.
    _check_admitted(monitor, await database["devices"].read(device_id, DEVICE_ITEM))
    claim = await redeem_claim(
        registration.claim, device_id, claims=database["claims"], identity_key=identity_key, now=now
    )
    await reached("registration.claimed")
    facts = _facts(registration.device)
    for _ in range(_TRIES):
        device = await database["devices"].read(device_id, DEVICE_ITEM)
        _check_admitted(monitor, device)
        stored = _with_region(facts, claim, device) | {
            "enrolmentGroup": monitor.enrolment_group,
            "updatedAt": clock.text(now),
        }
        try:
            if device is not None and device.get("ownerPersonId") == claim.person_id:
                device, is_new = await _refreshed(device, stored, database=database, now=now), False
            else:
                device = await ownership.begin(
                    device_id, device, claim, stored, reason="taken_over", database=database, journal=journal, now=now
                )
                is_new = True
        except Stale:
            continue  # another registration of the same monitor was faster
        await reached("registration.owned")
        await ownership.finish(device, database=database, journal=journal, now=now)
        await reached("registration.finished")
        policy = await load_policy(database["telemetry"], device["ownershipId"])
        token = DeviceToken(
            device_id,
            device["ownershipId"],
            policy,
            monitor.enrolment_group,
            _fingerprint(registration.device),
            _product(device),
        )
        access = grant_access(token, keys=keys, now=now)
        return access.model_copy(update={"ignored_fields": registration.device.ignored_fields}), is_new
    raise Problem("busy", retry_after_s=1)


async def renew_access(
    monitor: AttestedMonitor,
    renewal: Renewal,
    *,
    database: Database,
    keys: KeySet,
    identity_key: bytes,
    journal: NarrowingJournal,
    now: datetime,
) -> DeviceAccess:
    """A fresh token, under the policy in force, for a registered monitor.

    With the last token it costs one point read: that token was given after its ownership was founded completely, and
    the gate says whether the ownership goes on. Without it, or when the device data is new, the device is read.

    Raises:
        Problem: device_not_registered, attestation_refused, busy, or serial_mismatch.
    """
    if renewal.device is not None and renewal.device.serial_number != monitor.serial_number:
        raise Problem("serial_mismatch", pointer="/device/serialNumber")
    device_id = keyed_id(identity_key, "device", monitor.serial_number)
    last = read_stale_device_token(renewal.token, keys=keys) if renewal.token else None
    facts = _fingerprint(renewal.device) if renewal.device else (last.facts if last else "")
    if last is not None and (last.device_id, last.group, last.facts) == (device_id, monitor.enrolment_group, facts):
        policy = await _policy_of_open_ownership(last.ownership_id, database=database)
        if policy is not None and policy.enrolment_group in {None, monitor.enrolment_group}:
            token = DeviceToken(device_id, last.ownership_id, policy, last.group, facts, last.product)
            return grant_access(token, keys=keys, now=now)
    device = await _device_of(monitor, device_id, renewal.device, database=database, now=now)
    link = await database["people"].read(device["ownerPersonId"], f"link:{device['ownershipId']}")
    if link is None or link["state"] == "pending":  # without a link: its owner was erased
        await ownership.finish(device, database=database, journal=journal, now=now)
    policy = await load_policy(database["telemetry"], device["ownershipId"])
    token = DeviceToken(device_id, device["ownershipId"], policy, monitor.enrolment_group, facts, _product(device))
    return grant_access(token, keys=keys, now=now)


async def _policy_of_open_ownership(ownership_id: str, *, database: Database) -> Policy | None:
    try:
        policy = await load_policy(database["telemetry"], ownership_id)
    except LookupError:
        return None
    return policy if policy.end is None and not policy.tombstone else None


async def _device_of(
    monitor: AttestedMonitor, device_id: str, said: DeviceData | None, *, database: Database, now: datetime
) -> Item:
    """The registered device of a monitor, with what it has just said of itself."""
    for _ in range(_TRIES):
        device = await database["devices"].read(device_id, DEVICE_ITEM)
        _check_admitted(monitor, device)
        if device is None or "ownershipId" not in device:
            raise Problem("device_not_registered")
        if said is None:
            return device
        facts = _with_region(_facts(said), None, device)
        if facts.items() <= device.items():
            return device
        try:
            return await _refreshed(device, facts | {"updatedAt": clock.text(now)}, database=database, now=now)
        except Stale:
            continue
    raise Problem("busy", retry_after_s=1)


def grant_access(token: DeviceToken, *, keys: KeySet, now: datetime) -> DeviceAccess:
    """Sign a token for the present ownership of a device."""
    signed, expires_at = issue_device_token(token, keys=keys, now=now)
    return DeviceAccess(
        device_id=token.device_id,
        ownership_id=token.ownership_id,
        token=signed,
        token_expires_at=expires_at,
        categories=token.policy.open_at(now),
        owned_since=token.policy.start,
        server_time=now,
    )


def _check_admitted(monitor: AttestedMonitor, device: Item | None) -> None:
    """Refuse a monitor that was shut out, or enrolled in another group: one group's key must not speak for the others.

    A monitor that is moved to another group, as after a leak of its group's key, is changed by staff: only they can
    tell it from one that was made up with another group's key.
    """
    if device is None:
        return
    if "revokedAt" in device:
        raise refused("attestation.revoked")
    if device.get("enrolmentGroup", monitor.enrolment_group) != monitor.enrolment_group:
        raise refused("attestation.other_group")


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
        "regionSource": "monitor" if device.region is not None else None,
        "manufacturedAt": clock.text(device.manufactured_at) if device.manufactured_at else None,
        "technical": device.technical,
    }
    return {name: value for name, value in stated.items() if value is not None}


def _fingerprint(device: DeviceData) -> str:
    """What tells whether a monitor says the same of itself as before; the token carries it."""
    written = json.dumps(_facts(device), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(written.encode()).hexdigest()[:16]


def _product(device: Item) -> dict[str, str]:
    """What statistics tell monitors apart by; a monitor that names no model goes by family, type and subtype."""
    kind = " ".join(device[name] for name in ("family", "productType", "subtype") if name in device)
    known = {
        "model": device.get("model") or kind,
        "firmware": device.get("firmwareVersion", ""),
        "region": device.get("region", ""),
    }
    return {name: value for name, value in known.items() if value}


def _with_region(facts: Item, claim: Claim | None, known: Item | None) -> Item:
    """The facts, with the country of the app where the monitor has never said its region.

    What the owner has corrected stays, whatever monitor and app say, as long as it is theirs.
    """
    is_theirs = known is not None and (claim is None or known.get("ownerPersonId") == claim.person_id)
    if is_theirs and known is not None and known.get("regionSource") == "person":
        return {name: value for name, value in facts.items() if name not in {"region", "regionSource"}}
    if "region" in facts or claim is None or claim.country is None:
        return facts
    if known is not None and known.get("regionSource") == "monitor":
        return facts
    return facts | {"region": claim.country, "regionSource": "app"}


async def _refreshed(device: Item, facts: Item, *, database: Database, now: datetime) -> Item:
    item = declared(device) | facts
    is_new_firmware = item.get("firmwareVersion") != device.get("firmwareVersion")
    seen = ownership.firmware_seen(item, now=now) if is_new_firmware else []
    try:
        await database["devices"].batch(item["deviceId"], [Replace(item, device["_etag"]), *seen])
    except BatchFailed as failed:
        raise Stale("device") from failed
    return item
