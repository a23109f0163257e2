"""The functions of requests: of residents, of privacy staff, and the timer that warns of what becomes due."""

import logging
from http import HTTPStatus

import azure.functions as func

from export_user_data.requests import deciding, due, filing, finding, identifying, letters, looks, steps, views
from export_user_data.requests.contract import (
    AnswerBody,
    Board,
    ExtensionBody,
    FindRequests,
    IdentityAnswer,
    IdentityQuestion,
    Letter,
    LetterBody,
    RefusalBody,
    RequestBody,
    RightsRequest,
    RightsRequests,
    StaffRequest,
    StaffRequestBody,
    StaffRequests,
    StaffStep,
)
from export_user_data.requests.records import Register
from shared.admission import RESIDENT, staff
from shared.callers import Resident, Role, Staff
from shared.contract import Nothing
from shared.http import Answer, Api, Call

CREATED, OK = HTTPStatus.CREATED, HTTPStatus.OK
PRIVACY = staff(Role.PRIVACY)
MOVED = ("request_unknown", "request_closed", "person_erased", "busy")

_log = logging.getLogger("blue.requests")


def register(api: Api, functions: func.Blueprint) -> None:
    """Add them to the app."""
    _residents(api, functions)
    _console(api, functions)
    _steps(api, functions)
    _decisions(api, functions)
    _timer(api, functions)


def _residents(api: Api, functions: func.Blueprint) -> None:
    @api.operation(functions, "GET", "me/requests", admission=RESIDENT, answers={OK: RightsRequests})
    async def list_requests(call: Call[Resident, None]) -> RightsRequests:
        """What the caller asked for, with the day by which each is answered."""
        return await views.own_requests(call.caller.person_id, Register.of(call.services))

    @api.operation(
        functions,
        "POST",
        "me/requests",
        admission=RESIDENT,
        body=RequestBody,
        answers={CREATED: RightsRequest, OK: RightsRequest},
        problems=("requests_too_many", "person_erased", "busy"),
    )
    async def file_request(call: Call[Resident, RequestBody]) -> Answer:
        """Exercise a right; the clock runs from now."""
        found, is_new = await filing.file_own(call.caller.person_id, call.body, Register.of(call.services))
        return Answer(found, CREATED if is_new else OK)

    @api.operation(
        functions,
        "GET",
        "me/requests/{requestId}",
        admission=RESIDENT,
        answers={OK: RightsRequest},
        problems=("request_unknown",),
    )
    async def get_request(call: Call[Resident, None]) -> RightsRequest:
        """How far a request is."""
        return await views.own_request(call.caller.person_id, call.id("requestId"), Register.of(call.services))

    @api.operation(
        functions,
        "POST",
        "me/requests/{requestId}/withdraw",
        admission=RESIDENT,
        body=Nothing,
        answers={OK: RightsRequest},
        problems=MOVED,
    )
    async def withdraw_request(call: Call[Resident, Nothing]) -> RightsRequest:
        """Withdraw a request of one's own."""
        return await steps.withdraw_own(call.caller.person_id, call.id("requestId"), Register.of(call.services))


def _console(api: Api, functions: func.Blueprint) -> None:
    @api.operation(
        functions,
        "POST",
        "staff/requests",
        admission=PRIVACY,
        body=StaffRequestBody,
        answers={CREATED: StaffRequest, OK: StaffRequest},
        problems=("person_unknown", "requests_too_many", "person_erased", "busy"),
    )
    async def enter_request(call: Call[Staff, StaffRequestBody]) -> Answer:
        """Enter what came by letter, call, e-mail or at the counter; the clock runs from when it came."""
        found, is_new = await filing.enter(call.body, Register.of(call.services), staff_id=call.caller.staff_id)
        return Answer(found, CREATED if is_new else OK)

    @api.operation(
        functions,
        "GET",
        "staff/requests",
        admission=PRIVACY,
        answers={OK: Board},
        problems=("cursor_invalid", "field_out_of_range"),
        query={
            "state": "Only open requests of this state.",
            "cursor": "The cursor of the page before; without it the most urgent are answered.",
        },
    )
    async def show_deadlines(call: Call[Staff, None]) -> Board:
        """Open requests, the most urgent first; what is overdue comes before all others."""
        return await finding.board(call.query.get("state"), call.query.get("cursor"), Register.of(call.services))

    @api.operation(
        functions,
        "POST",
        "staff/requests/find",
        admission=PRIVACY,
        body=FindRequests,
        answers={OK: StaffRequests},
        problems=("person_unknown", "person_erased", "busy"),
    )
    async def find_requests(call: Call[Staff, FindRequests]) -> StaffRequests:
        """Requests of somebody or of a file of the office; each person finds the look in their ledger."""
        return await looks.find(call.body, Register.of(call.services), staff_id=call.caller.staff_id)

    @api.operation(
        functions,
        "POST",
        "staff/requests/{requestId}/letter",
        admission=PRIVACY,
        body=LetterBody,
        answers={OK: Letter},
        problems=("request_unknown", "letter_not_ready", "person_erased", "busy"),
    )
    async def write_letter(call: Call[Staff, LetterBody]) -> Letter:
        """Write a letter about a request, to print or to mail; it is not kept."""
        register = Register.of(call.services)
        return await letters.write(call.id("requestId"), call.body, register, staff_id=call.caller.staff_id)


def _steps(api: Api, functions: func.Blueprint) -> None:
    @api.operation(
        functions,
        "POST",
        "staff/requests/{requestId}/begin",
        admission=PRIVACY,
        body=StaffStep,
        answers={OK: StaffRequest},
        problems=(*MOVED, "request_step_unfit"),
    )
    async def begin_request(call: Call[Staff, StaffStep]) -> StaffRequest:
        """Say that a request is worked on."""
        register = Register.of(call.services)
        return await steps.begin(call.id("requestId"), call.body, register, staff_id=call.caller.staff_id)

    @api.operation(
        functions,
        "POST",
        "staff/requests/{requestId}/identity-question",
        admission=PRIVACY,
        body=IdentityQuestion,
        answers={OK: StaffRequest},
        problems=(*MOVED, "request_step_unfit"),
    )
    async def ask_identity(call: Call[Staff, IdentityQuestion]) -> StaffRequest:
        """Ask who asks, with the reason for the doubt; the clock stands until that is known."""
        register = Register.of(call.services)
        return await steps.ask_identity(call.id("requestId"), call.body, register, staff_id=call.caller.staff_id)

    @api.operation(
        functions,
        "POST",
        "staff/requests/{requestId}/identified",
        admission=PRIVACY,
        body=IdentityAnswer,
        answers={OK: StaffRequest},
        problems=(*MOVED, "request_step_unfit", "person_unknown"),
    )
    async def note_identity(call: Call[Staff, IdentityAnswer]) -> StaffRequest:
        """Keep by what it is known who asks, and who it is where nobody was known; the clock goes on."""
        register = Register.of(call.services)
        return await identifying.identified(call.id("requestId"), call.body, register, staff_id=call.caller.staff_id)

    @api.operation(
        functions,
        "POST",
        "staff/requests/{requestId}/extend",
        admission=PRIVACY,
        body=ExtensionBody,
        answers={OK: StaffRequest},
        problems=(*MOVED, "request_step_unfit", "extension_too_late"),
    )
    async def extend_request(call: Call[Staff, ExtensionBody]) -> StaffRequest:
        """Extend the time by two months, within the first one, with a reason and a notice."""
        register = Register.of(call.services)
        return await steps.extend(call.id("requestId"), call.body, register, staff_id=call.caller.staff_id)

    @api.operation(
        functions,
        "POST",
        "staff/requests/{requestId}/withdraw",
        admission=PRIVACY,
        body=StaffStep,
        answers={OK: StaffRequest},
        problems=MOVED,
    )
    async def enter_withdrawal(call: Call[Staff, StaffStep]) -> StaffRequest:
        """Keep that the person withdrew a request in another way than by the app."""
        register = Register.of(call.services)
        return await steps.withdraw_for(call.id("requestId"), call.body, register, staff_id=call.caller.staff_id)


def _decisions(api: Api, functions: func.Blueprint) -> None:
    @api.operation(
        functions,
        "POST",
        "staff/requests/{requestId}/answer",
        admission=PRIVACY,
        body=AnswerBody,
        answers={OK: StaffRequest},
        problems=(*MOVED, "request_step_unfit", "ground_unfit"),
    )
    async def answer_request(call: Call[Staff, AnswerBody]) -> StaffRequest:
        """Answer a request, and keep which letter said so."""
        register = Register.of(call.services)
        return await deciding.answer(call.id("requestId"), call.body, register, staff_id=call.caller.staff_id)

    @api.operation(
        functions,
        "POST",
        "staff/requests/{requestId}/refuse",
        admission=PRIVACY,
        body=RefusalBody,
        answers={OK: StaffRequest},
        problems=(*MOVED, "ground_unfit"),
    )
    async def refuse_request(call: Call[Staff, RefusalBody]) -> StaffRequest:
        """Refuse a request on a ground of the law, with the reason and whom to complain to."""
        register = Register.of(call.services)
        return await deciding.refuse(call.id("requestId"), call.body, register, staff_id=call.caller.staff_id)


def _timer(api: Api, functions: func.Blueprint) -> None:
    @functions.function_name("look_at_requests")
    @functions.timer_trigger("timer", "0 3/5 * * * *")
    async def look_at_requests(timer: func.TimerRequest) -> None:  # noqa: ARG001 - the host passes it
        """Warn of requests that become due, and go on with what was cut off."""
        looked_at = await due.look_at_due(Register.of(await api.services()))
        _log.info("%d requests looked at", looked_at)
