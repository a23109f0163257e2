"""Support cases: while one is open, the device's performance data is collected, and at no other time.

An owner opens one, or agrees to one that support staff ask for.
Opening stores the agreement first, then tells, then collects, and closing goes the other way round; every step may be
repeated, so that whoever asks again finishes what was cut off.
"""

import hashlib
from datetime import datetime
from typing import Final
from uuid import UUID

from register_device.contract.support import CaseState, SupportCase
from register_device.devices import owned_device
from register_device.support_limits import TRIES, check_day, check_room, opened, store_counted, stored_cases
from register_device.support_record import case_details, dated, log_of, new_case, state_of, view, window_of
from shared import clock
from shared.cosmos import Create, Database, Item, Replace, Stale, declared
from shared.data_map import Category
from shared.errors import Problem
from shared.gate import NarrowingJournal, change_policy
from shared.injection import reached
from shared.ledger import THE_PERSON, Actor, Step, record_about
from shared.notifications import notify
from shared.people import new_id
from shared.policy import WINDOWS_KEPT, Policy

_TRIES: Final = 5


class _NoRoom(Exception):
    """The policy has as many windows of cases that have not ended as it may have."""


async def open_case(
    person_id: str,
    device_id: str,
    days: int,
    *,
    log: str | None = None,
    request_id: UUID | None = None,
    database: Database,
    journal: NarrowingJournal,
    now: datetime,
) -> SupportCase:
    """Open a case on one's own device. The monitor learns of it when it next renews its token.

    A request that was named before is answered with the case that it opened, and finishes what was cut off.

    Raises:
        Problem: device_not_yours, support_cases_too_many or busy.
    """
    devices, random_id = database["devices"], new_id()
    for _ in range(TRIES):
        device = await owned_device(person_id, device_id, database=database)
        case_id = _named(device["ownershipId"], request_id) if request_id else random_id
        cases = await stored_cases(device_id, devices=devices)
        case = next((one for one in cases if one["caseId"] == case_id), None)
        if case is None:
            check_day(cases, now)
            own = _of(device, cases)
            check_room(own, now)
            case = new_case(device, case_id, days=days, asked_by="owner", now=now) | opened(days, own, now)
            kept = [log_of(case, log, now=now)] if log is not None else []
            try:
                # The ground, and the word to its owner, come before what it allows.
                await store_counted(device, [Create(case), *map(Create, kept)], devices=devices)
            except Stale:
                continue
        if state_of(case, now) is CaseState.OPEN:
            await _take_effect(person_id, case, database=database, journal=journal, now=now)
        stored_log = await devices.read(device_id, f"log:{case_id}") if log is not None else None
        return view(case, now=now, taken_out=stored_log["takenOut"] if stored_log else None)
    raise Problem("busy", retry_after_s=1)


async def agree(
    person_id: str, device_id: str, case_id: str, *, database: Database, journal: NarrowingJournal, now: datetime
) -> SupportCase:
    """Agree to a case that support staff asked for: its days count from now. Agreeing again changes nothing.

    Raises:
        Problem: device_not_yours, support_case_unknown, support_case_answered, support_cases_too_many or busy.
    """
    for _ in range(TRIES):
        device = await owned_device(person_id, device_id, database=database)
        cases = await cases_of(device, database=database)
        case = next((one for one in cases if one["caseId"] == case_id), None)
        if case is None:
            raise Problem("support_case_unknown")
        state = state_of(case, now)
        if state is CaseState.ASKED:
            check_room(cases, now)
            agreed = dated(declared(case) | opened(case["days"], cases, now), now)
            try:
                await store_counted(device, [Replace(agreed, case["_etag"])], devices=database["devices"])
            except Stale:  # answered twice at once, or another case was opened
                continue
            case, state = agreed, CaseState.OPEN
        elif "openedAt" not in case:
            raise Problem("support_case_answered")
        if state is CaseState.OPEN:
            await _take_effect(person_id, case, database=database, journal=journal, now=now)
        return view(case, now=now)
    raise Problem("busy", retry_after_s=1)


async def decline(person_id: str, device_id: str, case_id: str, *, database: Database, now: datetime) -> SupportCase:
    """Decline a case that support staff asked for. Declining it again changes nothing.

    Raises:
        Problem: device_not_yours, support_case_unknown or support_case_answered.
    """
    for _ in range(_TRIES):
        case = await _own_case(person_id, device_id, case_id, database=database)
        if state_of(case, now) is CaseState.ASKED:
            declined = dated(declared(case) | {"declinedAt": clock.text(now)}, now)
            try:
                await database["devices"].replace(declined, case["_etag"])
            except Stale:  # answered twice at once
                continue
            case = declined
            await reached("support.declined")
        elif "declinedAt" not in case:
            raise Problem("support_case_answered")
        step = Step(case_id, "support_case_declined", THE_PERSON, case_details(case))
        await record_about(person_id, step, database=database, now=now)
        return view(case, now=now)
    raise Problem("busy", retry_after_s=1)


async def close_case(
    person_id: str, device_id: str, case_id: str, *, database: Database, journal: NarrowingJournal, now: datetime
) -> SupportCase:
    """Close a case of one's own. Closing it again changes nothing.

    Raises:
        Problem: device_not_yours or support_case_unknown.
    """
    case = await _own_case(person_id, device_id, case_id, database=database)
    return await close(person_id, case, THE_PERSON, database=database, journal=journal, now=now)


async def close(
    owner_id: str, case: Item, actor: Actor, *, database: Database, journal: NarrowingJournal, now: datetime
) -> SupportCase:
    """Close a case; a question is withdrawn.

    Whatever is decided after the answer stores nothing under the case: not what the monitor still sends with the token
    that it has, nor what lies in the hub, since the gate refuses both. A write that was decided before may still end
    within the 5 s that the server gives a batch.
    """
    for _ in range(_TRIES):
        state = state_of(case, now)
        if state in {CaseState.CLOSED, CaseState.DECLINED, CaseState.LAPSED}:
            break
        await _stop_collecting(case, database=database, journal=journal, now=now)
        await reached("support.narrowed")
        step = Step(case["caseId"], "support_case_closed", actor, case_details(case))
        await record_about(owner_id, step, database=database, now=now)
        template = "support_case_withdrawn" if state is CaseState.ASKED else "support_case_closed"
        await notify(owner_id, template, case["caseId"], {"until": now}, people=database["people"], now=now)
        closed = dated(declared(case) | {"closedAt": clock.text(now)}, now)
        try:
            await database["devices"].replace(closed, case["_etag"])
        except Stale:  # closed or answered at the same time
            case = await _case(case["deviceId"], case["caseId"], database=database)
            continue
        case = closed
        break
    else:
        raise Problem("busy", retry_after_s=1)
    # An agreement that was under way may have let it begin meanwhile: what is closed collects nothing.
    await _stop_collecting(case, database=database, journal=journal, now=now)
    return view(case, now=now)


async def list_cases(person_id: str, device_id: str, *, database: Database, now: datetime) -> list[SupportCase]:
    """The owner's cases of one device, newest first; not those of an owner before.

    Raises:
        Problem: device_not_yours.
    """
    device = await owned_device(person_id, device_id, database=database)
    cases = await cases_of(device, database=database)
    return [view(case, now=now) for case in reversed(cases)]


async def cases_of(device: Item, *, database: Database) -> list[Item]:
    """The cases of the present ownership of a device, oldest first."""
    return _of(device, await stored_cases(device["deviceId"], devices=database["devices"]))


def _of(device: Item, cases: list[Item]) -> list[Item]:
    return [case for case in cases if case["ownershipId"] == device["ownershipId"]]


def _named(ownership_id: str, request_id: UUID) -> str:
    """The id of the case that a request opens, so that a repeat finds it."""
    return hashlib.sha256(f"{ownership_id}\nrequested by\n{request_id}".encode()).hexdigest()[:32]


async def _own_case(person_id: str, device_id: str, case_id: str, *, database: Database) -> Item:
    device = await owned_device(person_id, device_id, database=database)
    case = await _case(device_id, case_id, database=database)
    if case["ownershipId"] != device["ownershipId"]:
        raise Problem("support_case_unknown")
    return case


async def _case(device_id: str, case_id: str, *, database: Database) -> Item:
    case = await database["devices"].read(device_id, f"case:{case_id}")
    if case is None:
        raise Problem("support_case_unknown")
    return case


async def _take_effect(
    person_id: str, case: Item, *, database: Database, journal: NarrowingJournal, now: datetime
) -> None:
    await reached("support.granted")
    window = window_of(case)
    action = "support_case_opened" if case["askedBy"] == "owner" else "support_case_agreed"
    step = Step(case["caseId"], action, THE_PERSON, case_details(case, days=case["days"]))
    await record_about(person_id, step, database=database, now=now)
    moments = {"since": window.start, "until": clock.moment(case["caseExpiresAt"])}
    await notify(person_id, "support_case_opened", case["caseId"], moments, people=database["people"], now=now)
    await reached("support.told")

    try:
        await _collect(case, database=database, journal=journal, now=now)
    except _NoRoom:
        # The case counts among those that may be open: the room is taken by one that was closed while it was opened.
        for other in await stored_cases(case["deviceId"], devices=database["devices"]):
            if other["ownershipId"] == case["ownershipId"] and "closedAt" in other:
                await _stop_collecting(other, database=database, journal=journal, now=now)
    else:
        return
    try:
        await _collect(case, database=database, journal=journal, now=now)
    except _NoRoom:
        raise Problem("busy", retry_after_s=1) from None


async def _collect(case: Item, *, database: Database, journal: NarrowingJournal, now: datetime) -> None:
    """Add the window of a case that was opened, unless it was closed meanwhile.

    Raises:
        _NoRoom: one more window would end another.
    """
    window, performance = window_of(case), Category.PERFORMANCE.value

    def begun(policy: Policy) -> Policy:
        windows = policy.windows.get(performance, ())
        if window in windows:
            return policy
        if sum(one.end is None or now < one.end for one in windows) >= WINDOWS_KEPT:
            raise _NoRoom
        return policy.with_window(performance, window)

    if "closedAt" in await _case(case["deviceId"], case["caseId"], database=database):
        return
    await change_policy(database["telemetry"], case["ownershipId"], begun, journal=journal, now=now)
    present = await _case(case["deviceId"], case["caseId"], database=database)
    if "closedAt" in present:  # while it was being opened
        await _stop_collecting(present, database=database, journal=journal, now=now)


async def _stop_collecting(case: Item, *, database: Database, journal: NarrowingJournal, now: datetime) -> None:
    if "openedAt" not in case:
        return
    performance, window = Category.PERFORMANCE.value, window_of(case)
    await change_policy(
        database["telemetry"],
        case["ownershipId"],
        lambda policy: policy.without_window(performance, window),
        journal=journal,
        now=now,
    )
