"""Support staff: what a device is, a question to its owner, and the data of a case that the owner agreed to.

Nothing here says whose a device is. Before anything is shown it is in the ledger of the person whose it is, as often as
it is looked at.
"""

import hashlib
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import Final

from register_device.contract.support import (
    CaseReference,
    CaseState,
    DeviceFound,
    DeviceRecord,
    PerformanceReadings,
    RegistrationState,
    SupportCase,
    SupportData,
)
from register_device.support_cases import cases_of, close
from register_device.support_limits import TRIES, check_asking, check_day, store_counted, stored_cases
from register_device.support_readings import place, readings_page
from register_device.support_record import case_details, new_case, state_of, view, window_of
from shared.callers import Role
from shared.contract import Purpose
from shared.cosmos import Create, Database, Item, Stale
from shared.data_map import Category
from shared.ending_ownership import DEVICE_ITEM
from shared.errors import Problem
from shared.gate import Erased, NarrowingJournal
from shared.injection import reached
from shared.keys import keyed_id
from shared.ledger import Actor, Step, record_about, staff
from shared.notifications import notify
from shared.people import new_id
from shared.standing import refuse_restricted

_SHOWN: Final = (Category.DEVICE, Category.PERFORMANCE)
"""The categories of what staff see under a case."""

_LIVE: Final = {CaseState.ASKED, CaseState.OPEN}


async def look_up(
    serial_number: str, purpose: Purpose, *, staff_id: str, database: Database, identity_key: bytes, now: datetime
) -> DeviceFound:
    """What a device is, whether it belongs to somebody, and its support cases that are open or asked for.

    Raises:
        Problem: data_restricted.
    """
    device = await _device(keyed_id(identity_key, "device", serial_number), database=database)
    if device is None:
        return DeviceFound(registration=RegistrationState.NEVER_REGISTERED)
    live: list[CaseReference] = []
    if _is_owned(device):
        await refuse_restricted(device["ownershipId"], Category.DEVICE, telemetry=database["telemetry"])
        details = {"ownershipId": device["ownershipId"], "purpose": purpose.value}
        with suppress(Erased):  # nobody is left whose device it would be
            await _record_view(device, device["ownershipId"], "device_looked_up", details, staff_id, database, now)
        cases = [(case["caseId"], state_of(case, now)) for case in await cases_of(device, database=database)]
        live = [CaseReference(case_id=case_id, state=state) for case_id, state in cases if state in _LIVE]
    return DeviceFound(
        registration=_registration(device),
        device_id=device["deviceId"],
        family=device.get("family"),
        type=device.get("productType"),
        subtype=device.get("subtype"),
        model=device.get("model"),
        firmware_version=device.get("firmwareVersion"),
        hardware_version=device.get("hardwareVersion"),
        region=device.get("region"),
        support_cases=live,
    )


async def ask(
    serial_number: str,
    days: int,
    purpose: Purpose,
    *,
    staff_id: str,
    database: Database,
    identity_key: bytes,
    now: datetime,
) -> tuple[SupportCase, bool]:
    """Ask the owner of a device for a support case; return it, and whether the question is new.

    Nothing is collected before the owner agrees. While a question waits for its answer, it is the one.

    Raises:
        Problem: device_not_registered, data_restricted, support_case_declined_lately, support_cases_too_many or busy.
    """
    devices = database["devices"]
    for _ in range(TRIES):
        device = await _device(keyed_id(identity_key, "device", serial_number), database=database)
        if device is None or not _is_owned(device):
            raise Problem("device_not_registered")
        await refuse_restricted(device["ownershipId"], *_SHOWN, telemetry=database["telemetry"])
        cases = await stored_cases(device["deviceId"], devices=devices)
        asked = [case for case in cases if case["askedBy"] == "support" and _is_present(case, device)]
        waiting = next((case for case in asked if state_of(case, now) is CaseState.ASKED), None)
        if waiting is None:
            check_asking(asked, now)
            check_day(cases, now)
        # Two who ask at once ask one question: it is named after the one before.
        before = asked[-1]["caseId"] if asked else now.date().isoformat()
        name = f"{device['ownershipId']}\nasked after\n{before}"
        case_id = waiting["caseId"] if waiting else hashlib.sha256(name.encode()).hexdigest()[:32]
        case = waiting or new_case(device, case_id, days=days, asked_by="support", now=now) | {"purpose": purpose.value}
        details = case_details(case, days=case["days"], purpose=case["purpose"])
        step = Step(case_id, "support_case_asked", staff(Role.SUPPORT, staff_id), details)
        await record_about(device["ownerPersonId"], step, database=database, now=now)
        await reached("support.recorded")
        if waiting is None:
            try:
                await store_counted(device, [Create(case)], devices=devices)
            except Stale:  # somebody else asked, or a case was opened
                continue
        await reached("support.asked")
        until = {"until": view(case, now=now).answer_by or now}
        people = database["people"]
        await notify(device["ownerPersonId"], "support_case_asked", case_id, until, people=people, now=now)
        return view(case, now=now), waiting is None
    raise Problem("busy", retry_after_s=1)


async def close_for_staff(
    device_id: str, case_id: str, *, staff_id: str, database: Database, journal: NarrowingJournal, now: datetime
) -> SupportCase:
    """Close a case, or withdraw a question. Closing it again changes nothing.

    Raises:
        Problem: support_case_unknown; support_case_not_open, when it belongs to an owner before.
    """
    device = await _device(device_id, database=database)
    case = await _case(device_id, case_id, database=database)
    if device is None or not _is_present(case, device):
        raise Problem("support_case_not_open")
    actor = staff(Role.SUPPORT, staff_id)
    return await close(device["ownerPersonId"], case, actor, database=database, journal=journal, now=now)


async def support_data(
    device_id: str,
    case_id: str,
    purpose: Purpose,
    cursor: str | None,
    *,
    staff_id: str,
    database: Database,
    now: datetime,
) -> SupportData:
    """A page of what the owner lets support staff see while a case is open: device, log, performance readings.

    Raises:
        Problem: support_case_unknown, support_case_not_open, data_restricted or cursor_invalid.
    """
    after = place(cursor)
    device = await _device(device_id, database=database)
    case = await _case(device_id, case_id, database=database)
    if device is None or not _is_present(case, device) or state_of(case, now) is not CaseState.OPEN:
        raise Problem("support_case_not_open")
    await refuse_restricted(case["ownershipId"], *_SHOWN, telemetry=database["telemetry"])
    details = case_details(case, purpose=purpose.value)
    await _record_view(device, case_id, "support_data_viewed", details, staff_id, database, now)
    items, more = await readings_page(case["ownershipId"], window_of(case), after, telemetry=database["telemetry"])
    log = await database["devices"].read(device_id, f"log:{case_id}") if cursor is None else None
    return SupportData(
        device=_record(device) if cursor is None else None,
        log=log["text"] if log else None,
        readings=[
            PerformanceReadings(received_at=item["receivedAt"], clock_offset_s=item["clockOffsetS"], columns=columns)
            for item, columns in items
        ],
        cursor=more,
    )


async def _device(device_id: str, *, database: Database) -> Item | None:
    return await database["devices"].read(device_id, DEVICE_ITEM)


async def _case(device_id: str, case_id: str, *, database: Database) -> Item:
    case = await database["devices"].read(device_id, f"case:{case_id}")
    if case is None:
        raise Problem("support_case_unknown")
    return case


def _registration(device: Item) -> RegistrationState:
    if "revokedAt" in device:
        return RegistrationState.REVOKED
    return RegistrationState.REGISTERED if _is_owned(device) else RegistrationState.NOT_REGISTERED


def _is_owned(device: Item) -> bool:
    return "ownershipId" in device and "ownerPersonId" in device


def _is_present(case: Item, device: Item) -> bool:
    """Whether the case belongs to the present ownership of its device."""
    return _is_owned(device) and bool(case["ownershipId"] == device["ownershipId"])


async def _record_view(
    device: Item,
    request_id: str,
    action: str,
    details: Mapping[str, str | int],
    staff_id: str,
    database: Database,
    now: datetime,
) -> None:
    """Tell the owner's ledger; every time anew, for each is another look."""
    actor: Actor = staff(Role.SUPPORT, staff_id)
    step = Step(request_id, action, actor, details, step=f"{action}:{new_id()}")
    await record_about(device["ownerPersonId"], step, database=database, now=now)


def _record(device: Item) -> DeviceRecord:
    return DeviceRecord(
        serial_number=device["serialNumber"],
        family=device.get("family"),
        type=device.get("productType"),
        subtype=device.get("subtype"),
        model=device.get("model"),
        firmware_version=device.get("firmwareVersion"),
        hardware_version=device.get("hardwareVersion"),
        mac_address=device.get("macAddress"),
        region=device.get("region"),
        technical=device.get("technical"),
        manufactured_at=device.get("manufacturedAt"),
        first_connected_at=device["firstConnectedAt"],
    )
