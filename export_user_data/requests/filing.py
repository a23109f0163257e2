"""Filing a request: by its person in the app, or by staff for what came by letter, call, e-mail or at the counter."""

from typing import Any

from export_user_data.requests import rules
from export_user_data.requests.contract import RequestBody, RightsRequest, StaffRequest, StaffRequestBody
from export_user_data.requests.looking import proceed
from export_user_data.requests.people import requester
from export_user_data.requests.records import (
    Register,
    check_room,
    day_of,
    is_open,
    item_id,
    named,
    new_request,
    requests_of,
)
from export_user_data.requests.rules import Right
from export_user_data.requests.views import request_view, staff_view
from shared import clock
from shared.callers import Role
from shared.cosmos import Conflict, Create, Item
from shared.errors import Problem
from shared.gate import write_behind_gate
from shared.injection import reached
from shared.ledger import THE_PERSON, Step, record_about, staff


async def file_own(person_id: str, asked: RequestBody, register: Register) -> tuple[RightsRequest, bool]:
    """File a request of the caller's; return it, and whether it is new.

    While one for the same right is open, that is it, unless this one says something else.

    Raises:
        Problem: requests_too_many.
    """
    before = await requests_of(person_id, people=register.people)
    same = [one for one in before if one["right"] == asked.right]
    alike = (one for one in same if is_open(one) and asked.text in {None, one.get("text")})
    known = next((one["requestId"] for one in alike), None)
    is_new = known is None
    # Named after what it says and those before for the same right, so that two who ask the same at once make one.
    newest = same[0]["receivedAt"] if same else str(register.now.year)
    words = () if asked.text is None else (asked.text,)
    request_id = known or named(person_id, asked.right, str(len(same)), newest, *words)
    if is_new:
        check_room(before, lately_too=True, now=register.now)
        at = clock.text(register.now)
        said = {"receivedAt": at, "filedAt": at, "channel": "app", "identity": "session", "text": asked.text}
        details: dict[str, str | int] = {"requestId": request_id, "right": asked.right.value, "channel": "app"}
        step = Step(request_id, "request_filed", THE_PERSON, details)
        is_new = await _filed(person_id, asked.right, before, step, said, register)
    return await request_view(await proceed(person_id, request_id, register), register), is_new


async def enter(asked: StaffRequestBody, register: Register, *, staff_id: str) -> tuple[StaffRequest, bool]:
    """Enter what came in another way than by the app; return the request, and whether it is new.

    The same right of the same person under the same file of the office is the same request.

    Raises:
        Problem: field_out_of_range, for a time to come or long past; person_unknown; requests_too_many.
    """
    if not register.now - rules.INTAKE_REACHES_BACK <= asked.received_at <= register.now:
        raise Problem("field_out_of_range", pointer="/receivedAt")
    person_id, identity = await requester(asked.who, asked.reference, register, received_at=asked.received_at)
    request_id = named(person_id, asked.right, asked.reference)
    is_new = await register.people.read(person_id, item_id(request_id)) is None
    if is_new:
        before = await requests_of(person_id, people=register.people)
        check_room(before, lately_too=False, now=register.now)
        said = {
            "receivedAt": clock.text(asked.received_at),
            "filedAt": clock.text(register.now),
            "channel": asked.channel.value,
            "identity": identity,
            "reference": asked.reference,
            "enteredBy": staff_id,
        }
        step = _entered(request_id, asked, staff_id)
        is_new = await _filed(person_id, asked.right, before, step, said, register)
    return await staff_view(await proceed(person_id, request_id, register), register), is_new


def _entered(request_id: str, asked: StaffRequestBody, staff_id: str) -> Step:
    details: dict[str, str | int] = {
        "requestId": request_id,
        "right": asked.right.value,
        "channel": asked.channel.value,
        "received": day_of(asked.received_at).isoformat(),
        "purpose": asked.purpose.value,
    }
    return Step(request_id, "request_entered", staff(Role.PRIVACY, staff_id), details)


async def _filed(
    person_id: str, right: Right, before: list[Item], step: Step, said: dict[str, Any], register: Register
) -> bool:
    """Record it, then store it; whether nobody had done so at the same time."""
    await record_about(person_id, step, database=register.database, now=register.now)
    await reached("requests.recorded")
    item = new_request(person_id, step.request_id, right, before, **said)
    try:
        await write_behind_gate(register.people, person_id, [Create(item)])
    except Conflict:  # two asked at once
        return False
    await reached("requests.stored")
    return True
