"""The HTTP functions of staff: disputes, admission of monitors, and what was refused."""

from http import HTTPStatus

import azure.functions as func

from register_device import admissions, disputes
from register_device.contract.ownership import (
    Counted,
    Dispute,
    DisputeDecision,
    Disputes,
    GroupChange,
    MonitorAdmission,
    StaffAction,
)
from shared.admission import staff
from shared.callers import Role, Staff
from shared.counters import counted_on
from shared.http import Api, Call
from shared.keys import keyed_id

OK = HTTPStatus.OK


def register(api: Api, functions: func.Blueprint) -> None:
    """Add them to the app."""
    _disputes(api, functions)
    _admissions(api, functions)

    @api.operation(
        functions,
        "GET",
        "staff/counters",
        admission=staff(Role.FLEET),
        answers={OK: Counted},
        problems=("field_out_of_range",),
        query={"day": "The day, such as 2026-11-22; without it today."},
    )
    async def get_counters(call: Call[Staff, None]) -> Counted:
        """How often something was refused on one day, and why; without whom."""
        day, hours = await counted_on(
            call.query.get("day"), counters=call.services.database["counters"], now=call.services.clock()
        )
        return Counted(day=day, hours=hours)


def _disputes(api: Api, functions: func.Blueprint) -> None:
    @api.operation(
        functions, "GET", "staff/devices/{deviceId}/disputes", admission=staff(Role.SUPPORT), answers={OK: Disputes}
    )
    async def list_disputes(call: Call[Staff, None]) -> Disputes:
        """The disputes about one device; they name nobody."""
        return Disputes(disputes=await disputes.of_device(call.id("deviceId"), database=call.services.database))

    @api.operation(
        functions,
        "POST",
        "staff/devices/{deviceId}/disputes/{disputeId}/decision",
        admission=staff(Role.SUPPORT),
        body=DisputeDecision,
        answers={OK: Dispute},
        problems=("dispute_unknown", "dispute_decided", "dispute_outdated", "busy"),
    )
    async def decide_dispute(call: Call[Staff, DisputeDecision]) -> Dispute:
        """Give a monitor back to its former owner, or leave it where it is."""
        return await disputes.decide(
            call.caller,
            call.id("deviceId"),
            call.id("disputeId"),
            call.body.outcome,
            call.body.purpose.value,
            database=call.services.database,
            journal=call.services.journal,
            now=call.services.clock(),
        )


def _admissions(api: Api, functions: func.Blueprint) -> None:
    @api.operation(
        functions,
        "POST",
        "staff/revocations",
        admission=staff(Role.FLEET),
        body=StaffAction,
        answers={OK: MonitorAdmission},
        problems=("busy",),
    )
    async def revoke_monitor(call: Call[Staff, StaffAction]) -> MonitorAdmission:
        """Shut a monitor out: it is not admitted, its ownership ends, and nothing that it sends is stored."""
        return await admissions.revoke(
            call.caller,
            _device_id(call),
            call.body.serial_number,
            call.body.purpose.value,
            database=call.services.database,
            journal=call.services.journal,
            now=call.services.clock(),
        )

    @api.operation(
        functions,
        "POST",
        "staff/revocations/lift",
        admission=staff(Role.FLEET),
        body=StaffAction,
        answers={OK: MonitorAdmission},
        problems=("device_not_registered", "busy"),
    )
    async def admit_monitor_again(call: Call[Staff, StaffAction]) -> MonitorAdmission:
        """Let a monitor in again that was shut out; it may be paired anew."""
        return await admissions.admit_again(
            call.caller,
            _device_id(call),
            call.body.purpose.value,
            database=call.services.database,
            now=call.services.clock(),
        )

    @api.operation(
        functions,
        "POST",
        "staff/enrolment-groups/move",
        admission=staff(Role.FLEET),
        body=GroupChange,
        answers={OK: MonitorAdmission},
        problems=("enrolment_group_unknown", "device_not_registered", "busy"),
    )
    async def move_to_enrolment_group(call: Call[Staff, GroupChange]) -> MonitorAdmission:
        """Let a monitor prove its make by another group's key from now on."""
        return await admissions.move_to_group(
            call.caller,
            _device_id(call),
            call.body.enrolment_group,
            call.body.purpose.value,
            groups=call.services.settings.enrolment_groups.keys(),
            database=call.services.database,
            journal=call.services.journal,
            now=call.services.clock(),
        )


def _device_id(call: Call[Staff, StaffAction] | Call[Staff, GroupChange]) -> str:
    return keyed_id(call.services.settings.identity_key, "device", call.body.serial_number)
