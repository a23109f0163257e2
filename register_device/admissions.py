"""What staff change about a monitor's admission: shut out, let in again, moved to another enrolment group."""

from collections.abc import Container as Collection
from dataclasses import replace
from datetime import datetime
from typing import Final

from register_device.contract.ownership import MonitorAdmission
from shared import clock, ending_ownership
from shared.callers import Role, Staff
from shared.cosmos import Conflict, Database, Item, Stale, declared
from shared.ending_ownership import DEVICE_ITEM
from shared.errors import Problem
from shared.gate import NarrowingJournal, change_policy
from shared.ledger import SERVICE_SUBJECT, Step, record, staff
from shared.people import new_id

_TRIES: Final = 5


async def revoke(
    by: Staff,
    device_id: str,
    serial_number: str,
    purpose: str,
    *,
    database: Database,
    journal: NarrowingJournal,
    now: datetime,
) -> MonitorAdmission:
    """Shut a monitor out, also one that was never registered; its ownership ends.

    From the answer on nothing that it sends is stored. Its last token still opens the gateway for the rest of its life.
    """
    device = await _changed(device_id, {"revokedAt": clock.text(now)}, serial_number, database=database, now=now)
    await ending_ownership.settle(device_id, database=database, journal=journal, now=now)
    await _record(by, "monitor_revoked", device_id, purpose, database=database, now=now)
    return _view(device)


async def admit_again(
    by: Staff, device_id: str, purpose: str, *, database: Database, now: datetime
) -> MonitorAdmission:
    """Let a monitor in again: it may be paired anew.

    Raises:
        Problem: device_not_registered, busy.
    """
    device = await _changed(device_id, {"revokedAt": None}, None, database=database, now=now)
    await _record(by, "monitor_admitted", device_id, purpose, database=database, now=now)
    return _view(device)


async def move_to_group(
    by: Staff,
    device_id: str,
    group: str,
    purpose: str,
    *,
    groups: Collection[str],
    database: Database,
    journal: NarrowingJournal,
    now: datetime,
) -> MonitorAdmission:
    """Let a monitor prove its make by another group's key from now on, and by the former one's no more.

    A token that the former key has got is good for the rest of its life.

    Raises:
        Problem: enrolment_group_unknown, device_not_registered, busy.
    """
    if group not in groups:
        raise Problem("enrolment_group_unknown", pointer="/enrolmentGroup")
    device = await _changed(device_id, {"enrolmentGroup": group}, None, database=database, now=now)
    if "ownershipId" in device:
        await change_policy(
            database["telemetry"],
            device["ownershipId"],
            lambda policy: replace(policy, enrolment_group=group),
            journal=journal,
            now=now,
        )
    await _record(by, "enrolment_group_changed", device_id, purpose, database=database, now=now)
    return _view(device)


async def _changed(
    device_id: str, changes: Item, serial_number: str | None, *, database: Database, now: datetime
) -> Item:
    """The device with changes, where None takes a field away; a device that has an owner is revoked by ending that."""
    devices = database["devices"]
    for _ in range(_TRIES):
        device = await devices.read(device_id, DEVICE_ITEM)
        try:
            if device is None:
                if serial_number is None:
                    raise Problem("device_not_registered")
                made = {"id": DEVICE_ITEM, "type": "device", "deviceId": device_id, "serialNumber": serial_number}
                await devices.create(made | changes)
                return made | changes
            written = {name: value for name, value in (declared(device) | changes).items() if value is not None}
            if written == declared(device) or (changes.get("revokedAt") and "revokedAt" in device):
                return device
            if changes.get("revokedAt") and "ownershipId" in device:
                await ending_ownership.end(device, "revoked", changes=changes, database=database, now=now)
            else:
                await devices.replace(written, device["_etag"])
        except (Stale, Conflict):
            continue
        return written
    raise Problem("busy", retry_after_s=1)


async def _record(by: Staff, action: str, device_id: str, purpose: str, *, database: Database, now: datetime) -> None:
    step = Step(new_id(), action, staff(Role.FLEET, by.staff_id), {"deviceId": device_id, "purpose": purpose})
    await record(SERVICE_SUBJECT, step, ledger=database["ledger"], now=now)


def _view(device: Item) -> MonitorAdmission:
    return MonitorAdmission(
        device_id=device["deviceId"],
        enrolment_group=device.get("enrolmentGroup"),
        revoked_at=clock.moment(device["revokedAt"]) if "revokedAt" in device else None,
    )
