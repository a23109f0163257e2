"""Restrictions of processing: begun by a person or by staff for them, and lifted only after the person was told."""

from datetime import timedelta
from typing import Final

from export_user_data.restriction.contract import Restriction, RestrictionRequest, StaffRestriction, Standings
from export_user_data.restriction.effect import proceed, replaced
from export_user_data.restriction.office import Office
from export_user_data.restriction.records import check_room, new_restriction, restriction_view, scope_fields, standings
from shared import clock
from shared.callers import Role
from shared.contract import Purpose
from shared.cosmos import Conflict, Create, Item, Stale
from shared.errors import Problem
from shared.gate import write_behind_gate
from shared.injection import reached
from shared.ledger import THE_PERSON, Actor, Step, record_about, staff
from shared.standing import is_ended, records_of, scope_of

NOTICE: Final = timedelta(days=3)
"""From the word that staff lift a restriction to when it ends (GDPR 18(3))."""

_TRIES: Final = 5


async def restrict(
    person_id: str, asked: RestrictionRequest, office: Office, *, staff_id: str | None = None
) -> tuple[Restriction, bool]:
    """Restrict the processing of a scope; return the restriction, and whether it is new.

    While one of the same scope stands, that is it.

    Raises:
        Problem: device_not_yours, restrictions_too_many.
    """
    scope = await scope_fields(person_id, asked, people=office.people)
    records = await records_of(person_id, people=office.people)
    standing = [one for one in records if one["type"] == "restriction" and not is_ended(one)]
    found = next((one for one in standing if scope_of(one) == scope_of(scope)), None)
    is_new = found is None
    if found is None:
        check_room(records, "restriction", office.now)
        by = "person" if staff_id is None else "staff"
        found = new_restriction(person_id, asked, scope, records, by=by, now=office.now)
        await _record_begun(found, asked, staff_id, office)
        try:
            await write_behind_gate(office.people, person_id, [Create(found)])
        except Conflict:  # two asked at once
            is_new = False
        await reached("restriction.stored")
    return restriction_view(await proceed(person_id, found["id"], office)), is_new


async def _record_begun(found: Item, asked: RestrictionRequest, staff_id: str | None, office: Office) -> None:
    details: dict[str, str | int] = {
        "restrictionId": found["restrictionId"],
        "scope": found["scope"],
        "ground": found["ground"],
    }
    action, actor = "restriction_begun", THE_PERSON
    if isinstance(asked, StaffRestriction) and staff_id is not None:
        action, actor = "restriction_entered", staff(Role.PRIVACY, staff_id)
        details["purpose"] = asked.purpose.value
    step = Step(found["restrictionId"], action, actor, details)
    await record_about(found["personId"], step, database=office.database, now=office.now)


async def lift_own(person_id: str, restriction_id: str, office: Office) -> Restriction:
    """End one's own restriction: the person is told, and it is lifted. Lifting it again changes nothing.

    Raises:
        Problem: restriction_unknown, busy.
    """
    return await _lift(person_id, restriction_id, {"liftsAt": clock.text(office.now), "liftedBy": "person"}, office)


async def lift_by_staff(
    person_id: str, restriction_id: str, purpose: Purpose, office: Office, *, staff_id: str
) -> Restriction:
    """Tell the person that a restriction is lifted in three days. Saying so again does not move the day.

    Raises:
        Problem: restriction_unknown, busy.
    """
    found = await _read(person_id, restriction_id, office)
    if "liftsAt" not in found:
        actor: Actor = staff(Role.PRIVACY, staff_id)
        details: dict[str, str | int] = {"restrictionId": restriction_id, "purpose": purpose.value}
        step = Step(restriction_id, "restriction_lifting", actor, details)
        await record_about(person_id, step, database=office.database, now=office.now)
    announced = {"liftsAt": clock.text(office.now + NOTICE), "liftedBy": "staff"}
    return await _lift(person_id, restriction_id, announced, office)


async def _lift(person_id: str, restriction_id: str, changes: Item, office: Office) -> Restriction:
    for _ in range(_TRIES):
        found = await _read(person_id, restriction_id, office)
        is_sooner = changes["liftsAt"] < found.get("liftsAt", "9999")
        if not is_ended(found) and is_sooner:
            try:
                look_at = min(found["nextLookAt"], clock.text(office.now))
                await replaced(found, changes | {"state": "lifting", "nextLookAt": look_at}, office)
            except Stale:
                continue
            await reached("restriction.lifting")
        return restriction_view(await proceed(person_id, found["id"], office))
    raise Problem("busy", retry_after_s=1)


async def _read(person_id: str, restriction_id: str, office: Office) -> Item:
    found = await office.people.read(person_id, f"restriction:{restriction_id}")
    if found is None:
        raise Problem("restriction_unknown")
    return found


async def own_standings(person_id: str, office: Office) -> Standings:
    """The person's restrictions, and the holds that they may be told of."""
    return standings(await records_of(person_id, people=office.people), untold=False)
