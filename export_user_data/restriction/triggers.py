"""The functions of restrictions and legal holds: of residents, of privacy staff, and the timer."""

import logging
from functools import partial
from http import HTTPStatus

import azure.functions as func

from export_user_data.recipients import tell_recipients
from export_user_data.restriction import due, holds, keeping, restrictions
from export_user_data.restriction.contract import (
    HoldRequest,
    Restriction,
    RestrictionRequest,
    StaffFinds,
    StaffHold,
    StaffLifts,
    StaffRestriction,
    StaffStandings,
    Standings,
)
from export_user_data.restriction.office import Office
from export_user_data.whom import Who, person_named
from shared.admission import RESIDENT, staff
from shared.callers import Resident, Role, Staff
from shared.contract import Nothing
from shared.http import Answer, Api, Call
from shared.jobs import Kind, Lease, Stepped
from shared.services import Services

CREATED, OK = HTTPStatus.CREATED, HTTPStatus.OK
PRIVACY = staff(Role.PRIVACY)

_log = logging.getLogger("blue.restrictions")


def register(api: Api, functions: func.Blueprint) -> None:
    """Add them to the app."""
    api.job_kinds[keeping.KIND] = Kind(_keep)
    _residents(api, functions)
    _restrictions(api, functions)
    _holds(api, functions)
    _timer(api, functions)


def _office(services: Services) -> Office:
    database, now = services.database, services.clock()
    return Office(
        database=database,
        journal=services.journal,
        hub=services.hubs.jobs,
        now=now,
        tell_recipients=partial(tell_recipients, database=database, webhooks=services.webhooks, now=now),
    )


async def _person(who: Who, services: Services) -> str:
    return await person_named(who, database=services.database, identity_key=services.settings.identity_key)


async def _keep(services: Services, lease: Lease) -> Stepped:
    return await keeping.keep_some(lease, database=services.database, hub=services.hubs.jobs)


def _residents(api: Api, functions: func.Blueprint) -> None:
    @api.operation(functions, "GET", "me/restrictions", admission=RESIDENT, answers={OK: Standings})
    async def list_restrictions(call: Call[Resident, None]) -> Standings:
        """The caller's restrictions of processing, and legal holds on their data with ground and end."""
        return await restrictions.own_standings(call.caller.person_id, _office(call.services))

    @api.operation(
        functions,
        "POST",
        "me/restrictions",
        admission=RESIDENT,
        body=RestrictionRequest,
        answers={CREATED: Restriction, OK: Restriction},
        problems=("device_not_yours", "restrictions_too_many", "person_erased", "busy"),
    )
    async def restrict_processing(call: Call[Resident, RestrictionRequest]) -> Answer:
        """Let all data, that of a device or that of a category be stored and used for nothing else."""
        found, is_new = await restrictions.restrict(call.caller.person_id, call.body, _office(call.services))
        return Answer(found, CREATED if is_new else OK)

    @api.operation(
        functions,
        "POST",
        "me/restrictions/{restrictionId}/lift",
        admission=RESIDENT,
        body=Nothing,
        answers={OK: Restriction},
        problems=("restriction_unknown", "person_erased", "busy"),
    )
    async def lift_restriction(call: Call[Resident, Nothing]) -> Restriction:
        """Lift a restriction of one's own at once."""
        return await restrictions.lift_own(call.caller.person_id, call.id("restrictionId"), _office(call.services))


def _restrictions(api: Api, functions: func.Blueprint) -> None:
    @api.operation(
        functions,
        "POST",
        "staff/restrictions/find",
        admission=PRIVACY,
        body=StaffFinds,
        answers={OK: StaffStandings},
        problems=("person_unknown", "person_erased", "busy"),
    )
    async def find_restrictions(call: Call[Staff, StaffFinds]) -> StaffStandings:
        """What stands for a person; the look is in their ledger."""
        person_id = await _person(call.body.who, call.services)
        office = _office(call.services)
        return await holds.staff_standings(person_id, call.body.purpose, office, staff_id=call.caller.staff_id)

    @api.operation(
        functions,
        "POST",
        "staff/restrictions",
        admission=PRIVACY,
        body=StaffRestriction,
        answers={CREATED: Restriction, OK: Restriction},
        problems=("person_unknown", "device_not_yours", "restrictions_too_many", "person_erased", "busy"),
    )
    async def enter_restriction(call: Call[Staff, StaffRestriction]) -> Answer:
        """Restrict processing for a person who has asked for it in another way than by the app."""
        person_id = await _person(call.body.who, call.services)
        office = _office(call.services)
        found, is_new = await restrictions.restrict(person_id, call.body, office, staff_id=call.caller.staff_id)
        return Answer(found, CREATED if is_new else OK)

    @api.operation(
        functions,
        "POST",
        "staff/restrictions/{restrictionId}/lift",
        admission=PRIVACY,
        body=StaffLifts,
        answers={OK: Restriction},
        problems=("restriction_unknown", "person_erased", "busy"),
    )
    async def announce_lifting(call: Call[Staff, StaffLifts]) -> Restriction:
        """Tell the person that a restriction is lifted in three days; then it is."""
        return await restrictions.lift_by_staff(
            call.body.person_id,
            call.id("restrictionId"),
            call.body.purpose,
            _office(call.services),
            staff_id=call.caller.staff_id,
        )


def _holds(api: Api, functions: func.Blueprint) -> None:
    @api.operation(
        functions,
        "POST",
        "staff/legal-holds",
        admission=PRIVACY,
        body=HoldRequest,
        answers={CREATED: StaffHold, OK: StaffHold},
        problems=("person_unknown", "device_not_yours", "restrictions_too_many", "person_erased", "busy"),
    )
    async def set_legal_hold(call: Call[Staff, HoldRequest]) -> Answer:
        """Let nothing of a scope be destroyed before a time; the person is told, unless that is forbidden."""
        person_id = await _person(call.body.who, call.services)
        office = _office(call.services)
        found, is_new = await holds.set_hold(person_id, call.body, office, staff_id=call.caller.staff_id)
        return Answer(found, CREATED if is_new else OK)

    @api.operation(
        functions,
        "POST",
        "staff/legal-holds/{holdId}/end",
        admission=PRIVACY,
        body=StaffLifts,
        answers={OK: StaffHold},
        problems=("legal_hold_unknown", "person_erased", "busy"),
    )
    async def end_legal_hold(call: Call[Staff, StaffLifts]) -> StaffHold:
        """End a legal hold before its time."""
        return await holds.end_hold(
            call.body.person_id,
            call.id("holdId"),
            call.body.purpose,
            _office(call.services),
            staff_id=call.caller.staff_id,
        )


def _timer(api: Api, functions: func.Blueprint) -> None:
    @functions.function_name("look_at_restrictions")
    @functions.timer_trigger("timer", "0 2/5 * * * *")
    async def look_at_restrictions(timer: func.TimerRequest) -> None:  # noqa: ARG001 - the host passes it
        """End restrictions and holds whose time has come, and go on with what was cut off."""
        looked_at = await due.look_at_due(_office(await api.services()))
        _log.info("%d restrictions and holds looked at", looked_at)
