"""The HTTP functions of an owner's support cases."""

from http import HTTPStatus

import azure.functions as func

from register_device import support_cases
from register_device.contract.support import OpenSupportCase, SupportCase, SupportCases
from shared.admission import RESIDENT
from shared.callers import Resident
from shared.contract import Nothing
from shared.http import Api, Call

CREATED, OK = HTTPStatus.CREATED, HTTPStatus.OK


def register(api: Api, functions: func.Blueprint) -> None:
    """Add them to the app."""

    @api.operation(
        functions,
        "POST",
        "me/devices/{deviceId}/support-cases",
        admission=RESIDENT,
        body=OpenSupportCase,
        answers={CREATED: SupportCase},
        problems=("device_not_yours", "support_cases_too_many", "busy"),
    )
    async def open_support_case(call: Call[Resident, OpenSupportCase]) -> SupportCase:
        """Open a support case: performance data of the device is collected until it closes."""
        return await support_cases.open_case(
            call.caller.person_id,
            call.id("deviceId"),
            call.body.days,
            log=call.body.log,
            request_id=call.body.request_id,
            database=call.services.database,
            journal=call.services.journal,
            now=call.services.clock(),
        )

    @api.operation(
        functions,
        "GET",
        "me/devices/{deviceId}/support-cases",
        admission=RESIDENT,
        answers={OK: SupportCases},
        problems=("device_not_yours",),
    )
    async def list_support_cases(call: Call[Resident, None]) -> SupportCases:
        """The support cases of one's own device, and the questions for one."""
        found = await support_cases.list_cases(
            call.caller.person_id, call.id("deviceId"), database=call.services.database, now=call.services.clock()
        )
        return SupportCases(support_cases=found)

    @api.operation(
        functions,
        "POST",
        "me/devices/{deviceId}/support-cases/{caseId}/agree",
        admission=RESIDENT,
        body=Nothing,
        answers={OK: SupportCase},
        problems=(
            "device_not_yours",
            "support_case_unknown",
            "support_case_answered",
            "support_cases_too_many",
            "busy",
        ),
    )
    async def agree_to_support_case(call: Call[Resident, Nothing]) -> SupportCase:
        """Agree to a support case that support staff asked for: its days count from now."""
        return await support_cases.agree(
            call.caller.person_id,
            call.id("deviceId"),
            call.id("caseId"),
            database=call.services.database,
            journal=call.services.journal,
            now=call.services.clock(),
        )

    @api.operation(
        functions,
        "POST",
        "me/devices/{deviceId}/support-cases/{caseId}/decline",
        admission=RESIDENT,
        body=Nothing,
        answers={OK: SupportCase},
        problems=("device_not_yours", "support_case_unknown", "support_case_answered"),
    )
    async def decline_support_case(call: Call[Resident, Nothing]) -> SupportCase:
        """Decline a support case that support staff asked for: nothing is collected."""
        return await support_cases.decline(
            call.caller.person_id,
            call.id("deviceId"),
            call.id("caseId"),
            database=call.services.database,
            now=call.services.clock(),
        )

    @api.operation(
        functions,
        "POST",
        "me/devices/{deviceId}/support-cases/{caseId}/close",
        admission=RESIDENT,
        body=Nothing,
        answers={OK: SupportCase},
        problems=("device_not_yours", "support_case_unknown"),
    )
    async def close_support_case(call: Call[Resident, Nothing]) -> SupportCase:
        """Close a support case: nothing more is collected under it."""
        return await support_cases.close_case(
            call.caller.person_id,
            call.id("deviceId"),
            call.id("caseId"),
            database=call.services.database,
            journal=call.services.journal,
            now=call.services.clock(),
        )
