"""The HTTP functions of support staff. Serial numbers are sent in bodies: a URL is written down on its way."""

from http import HTTPStatus

import azure.functions as func

from register_device import staff_support
from register_device.contract.support import (
    AskForSupportCase,
    DeviceFound,
    LookUpDevice,
    SupportCase,
    SupportData,
    ViewSupportData,
)
from shared.admission import staff
from shared.callers import Role, Staff
from shared.contract import Nothing
from shared.http import Answer, Api, Call

CREATED, OK = HTTPStatus.CREATED, HTTPStatus.OK
SUPPORT = staff(Role.SUPPORT)


def register(api: Api, functions: func.Blueprint) -> None:
    """Add them to the app."""

    @api.operation(
        functions,
        "POST",
        "staff/devices/lookup",
        admission=SUPPORT,
        body=LookUpDevice,
        answers={OK: DeviceFound},
    )
    async def look_up_device(call: Call[Staff, LookUpDevice]) -> DeviceFound:
        """Look up what a device is by its serial number, and nothing of whose it is."""
        services = call.services
        return await staff_support.look_up(
            call.body.serial_number,
            call.body.purpose,
            staff_id=call.caller.staff_id,
            database=services.database,
            identity_key=services.settings.identity_key,
            now=services.clock(),
        )

    @api.operation(
        functions,
        "POST",
        "staff/support-cases",
        admission=SUPPORT,
        body=AskForSupportCase,
        answers={CREATED: SupportCase, OK: SupportCase},
        problems=(
            "device_not_registered",
            "data_restricted",
            "support_case_declined_lately",
            "support_cases_too_many",
            "person_erased",
            "busy",
        ),
    )
    async def ask_for_support_case(call: Call[Staff, AskForSupportCase]) -> Answer:
        """Ask the owner of a device for a support case; nothing is collected before they agree."""
        services = call.services
        case, is_new = await staff_support.ask(
            call.body.serial_number,
            call.body.days,
            call.body.purpose,
            staff_id=call.caller.staff_id,
            database=services.database,
            identity_key=services.settings.identity_key,
            now=services.clock(),
        )
        return Answer(case, CREATED if is_new else OK)

    @api.operation(
        functions,
        "POST",
        "staff/support-cases/{deviceId}/{caseId}/close",
        admission=SUPPORT,
        body=Nothing,
        answers={OK: SupportCase},
        problems=("support_case_unknown", "support_case_not_open", "person_erased"),
    )
    async def close_support_case_for_staff(call: Call[Staff, Nothing]) -> SupportCase:
        """Close a support case, or withdraw the question for one."""
        return await staff_support.close_for_staff(
            call.id("deviceId"),
            call.id("caseId"),
            staff_id=call.caller.staff_id,
            database=call.services.database,
            journal=call.services.journal,
            now=call.services.clock(),
        )

    @api.operation(
        functions,
        "POST",
        "staff/devices/{deviceId}/support-cases/{caseId}/data",
        admission=SUPPORT,
        body=ViewSupportData,
        answers={OK: SupportData},
        problems=(
            "support_case_unknown",
            "support_case_not_open",
            "data_restricted",
            "cursor_invalid",
            "person_erased",
        ),
    )
    async def view_support_data(call: Call[Staff, ViewSupportData]) -> SupportData:
        """See the data of an open support case: device, log and performance readings, a page at a time."""
        return await staff_support.support_data(
            call.id("deviceId"),
            call.id("caseId"),
            call.body.purpose,
            call.body.cursor,
            staff_id=call.caller.staff_id,
            database=call.services.database,
            now=call.services.clock(),
        )
