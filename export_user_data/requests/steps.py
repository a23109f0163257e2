"""The steps before an answer: work begins, it is asked who asks, the time is extended, the person withdraws."""

from typing import Final

from export_user_data.requests import letters, rules
from export_user_data.requests.contract import (
    ExtensionBody,
    IdentityQuestion,
    RightsRequest,
    StaffRequest,
    StaffStep,
)
from export_user_data.requests.moving import Move, check_open, check_state, move
from export_user_data.requests.records import Register, course_of, day_of
from export_user_data.requests.views import request_view, staff_view
from shared import clock
from shared.callers import Role
from shared.cosmos import Item
from shared.errors import Problem
from shared.ledger import THE_PERSON, Step, staff

_BEFORE_WORK: Final = ("received",)
_AT_WORK: Final = ("received", "in_progress")


async def begin(request_id: str, asked: StaffStep, register: Register, *, staff_id: str) -> StaffRequest:
    """Say that it is worked on.

    Raises:
        Problem: request_unknown, request_closed, request_step_unfit, busy.
    """

    def decide(found: Item) -> Move | None:
        if found["state"] == "in_progress":
            return None
        check_state(found, *_BEFORE_WORK)
        step = staff_step(found, "request_begun", asked, staff_id)
        return Move(step=step, changes={"state": "in_progress"})

    return await staff_view(await move(asked.person_id, request_id, decide, register), register)


async def ask_identity(request_id: str, asked: IdentityQuestion, register: Register, *, staff_id: str) -> StaffRequest:
    """Ask who asks, once and only where there is doubt; the clock stands, when it is asked without undue delay.

    Raises:
        Problem: request_unknown, request_closed, request_step_unfit, busy.
    """

    def decide(found: Item) -> Move | None:
        if found["state"] == "identity_awaited" and found["identityQuestion"]["question"] == asked.question:
            return None
        check_state(found, *_AT_WORK)
        if "identityQuestion" in found:
            raise Problem("request_step_unfit")
        is_in_time = register.now <= clock.moment(found["receivedAt"]) + rules.ASK_WITHIN
        question: Item = {
            "question": asked.question.value,
            "askedAt": clock.text(register.now),
            "stopsTheClock": is_in_time,
        }
        step = staff_step(found, "request_identity_asked", asked, staff_id, question=asked.question.value)
        changes = {"state": "identity_awaited", "identity": "awaited", "identityQuestion": question}
        telling = "request_identity_asked" if is_in_time else "request_identity_asked_late"
        return Move(step=step, changes=changes, telling=telling)

    return await staff_view(await move(asked.person_id, request_id, decide, register), register)


async def extend(request_id: str, asked: ExtensionBody, register: Register, *, staff_id: str) -> StaffRequest:
    """Extend the time by two months, with a reason and a notice, within the first month.

    Raises:
        Problem: request_unknown; request_closed; request_step_unfit; extension_too_late; field_out_of_range, when it is
            said to be sent to an app that they have not; busy.
    """
    await letters.check_sent(asked.person_id, asked.sent, register)
    language = await letters.language_of_letter(asked.person_id, asked.language, register)

    def decide(found: Item) -> Move | None:
        if "extension" in found and found["extension"]["reason"] == asked.reason:
            return None
        check_state(found, *_AT_WORK)
        if register.now > course_of(found).first_due(register.now):
            raise Problem("extension_too_late")
        said = {"at": clock.text(register.now), "reason": asked.reason.value}
        changed = found | {"state": "extended", "extension": said}
        given = letters.given(changed, "extension", language, asked.sent, controller=register.controller)
        until = day_of(course_of(changed).due(register.now)).isoformat()
        details = {"reason": asked.reason.value, "until": until, "hash": given["sha256"]}
        step = staff_step(found, "request_extended", asked, staff_id, **details)
        changes = {"state": "extended", "extension": said | {"letter": given}}
        return Move(step=step, changes=changes, telling="request_extended")

    return await staff_view(await move(asked.person_id, request_id, decide, register), register)


async def withdraw_own(person_id: str, request_id: str, register: Register) -> RightsRequest:
    """Withdraw a request of one's own.

    Raises:
        Problem: request_unknown, request_closed, busy.
    """

    def decide(found: Item) -> Move | None:
        return _withdrawn(found, Step(request_id, "request_withdrawn", THE_PERSON, {"requestId": request_id}), register)

    return await request_view(await move(person_id, request_id, decide, register), register)


async def withdraw_for(request_id: str, asked: StaffStep, register: Register, *, staff_id: str) -> StaffRequest:
    """Keep that the person has withdrawn a request in another way than by the app.

    Raises:
        Problem: request_unknown, request_closed, busy.
    """

    def decide(found: Item) -> Move | None:
        return _withdrawn(found, staff_step(found, "request_withdrawal_entered", asked, staff_id), register)

    return await staff_view(await move(asked.person_id, request_id, decide, register), register)


def _withdrawn(found: Item, step: Step, register: Register) -> Move | None:
    if found["state"] == "withdrawn":
        return None
    check_open(found)
    changes = {"state": "withdrawn", "closedAt": clock.text(register.now)}
    return Move(step=step, changes=changes, telling="request_withdrawn")


def staff_step(found: Item, action: str, asked: StaffStep, staff_id: str, **details: str) -> Step:
    """A step of staff, as the ledger keeps it: one that says something else than one that was cut off is another."""
    request_id = found["requestId"]
    said = {"requestId": request_id, "purpose": asked.purpose.value, **details}
    return Step(request_id, action, staff(Role.PRIVACY, staff_id), said, step=":".join((action, *details.values())))
