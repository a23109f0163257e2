"""Legal holds: staff let nothing of a scope be destroyed before a time, above every restriction and erasure."""

from datetime import timedelta
from typing import Final

from export_user_data.restriction.contract import HoldRequest, StaffHold, StaffStandings
from export_user_data.restriction.effect import proceed, replaced
from export_user_data.restriction.office import Office
from export_user_data.restriction.records import check_room, new_hold, scope_fields, staff_hold_view, standings
from export_user_data.restriction.telling import note
from shared import clock
from shared.callers import Role
from shared.contract import Purpose
from shared.cosmos import Conflict, Create, Stale
from shared.errors import Problem
from shared.gate import write_behind_gate
from shared.injection import reached
from shared.ledger import Step, record_about, staff
from shared.people import new_id
from shared.standing import is_ended, records_of

LONGEST: Final = timedelta(days=5 * 365)
"""A hold has an end; what lasts longer is set again."""

_TRIES: Final = 5


async def set_hold(person_id: str, asked: HoldRequest, office: Office, *, staff_id: str) -> tuple[StaffHold, bool]:
    """Hold a scope; return the hold, and whether it is new. The same one asked for again is the same.

    Raises:
        Problem: device_not_yours, field_out_of_range, restrictions_too_many.
    """
    if not office.now < asked.until <= office.now + LONGEST:
        raise Problem("field_out_of_range", pointer="/until")
    scope = await scope_fields(person_id, asked, people=office.people)
    found = new_hold(person_id, asked, scope, staff_id=staff_id, now=office.now)
    is_new = await office.people.read(person_id, found["id"]) is None
    if is_new:
        check_room(await records_of(person_id, people=office.people), "legalHold", office.now)
        details = {"holdId": found["holdId"], "scope": found["scope"], "ground": found["ground"]}
        await note(found, Step(found["holdId"], "legal_hold_set", staff(Role.PRIVACY, staff_id), details), office)
        try:
            await write_behind_gate(office.people, person_id, [Create(found)])
        except Conflict:  # two asked at once
            is_new = False
        await reached("restriction.stored")
    return staff_hold_view(await proceed(person_id, found["id"], office)), is_new


async def end_hold(person_id: str, hold_id: str, purpose: Purpose, office: Office, *, staff_id: str) -> StaffHold:
    """End a hold before its time. Ending it again changes nothing.

    Raises:
        Problem: legal_hold_unknown, busy.
    """
    for _ in range(_TRIES):
        found = await office.people.read(person_id, f"legalHold:{hold_id}")
        if found is None:
            raise Problem("legal_hold_unknown")
        if not is_ended(found):
            details = {"holdId": hold_id, "purpose": purpose.value}
            await note(found, Step(hold_id, "legal_hold_lifted", staff(Role.PRIVACY, staff_id), details), office)
            at = clock.text(office.now)
            try:
                await replaced(found, {"until": min(at, found["until"]), "nextLookAt": at}, office)
            except Stale:
                continue
        return staff_hold_view(await proceed(person_id, found["id"], office))
    raise Problem("busy", retry_after_s=1)


async def staff_standings(person_id: str, purpose: Purpose, office: Office, *, staff_id: str) -> StaffStandings:
    """What stands for a person; the look is in their ledger before it is shown."""
    actor = staff(Role.PRIVACY, staff_id)
    step = Step(new_id(), "standings_viewed", actor, {"purpose": purpose.value})
    await record_about(person_id, step, database=office.database, now=office.now)
    found = standings(await records_of(person_id, people=office.people), untold=True)
    return StaffStandings(person_id=person_id, restrictions=found.restrictions, legal_holds=found.legal_holds)
