"""What is told of a request: to its person, and to staff."""

from datetime import datetime
from typing import Any

from export_user_data.erasure.finding import held_or_asked
from export_user_data.requests import rules
from export_user_data.requests.contract import (
    BoardEntry,
    Decision,
    Extension,
    Question,
    RightsRequest,
    RightsRequests,
    StaffRequest,
)
from export_user_data.requests.records import SHOWN, Register, course_of, is_open, read, requests_of
from export_user_data.requests.rules import Ground, Right, article
from shared import clock
from shared.cosmos import Item
from shared.notifications import language_for
from shared.templates import Language


async def own_requests(person_id: str, register: Register) -> RightsRequests:
    """What the person asked for."""
    found = await requests_of(person_id, people=register.people)
    return RightsRequests(requests=[await request_view(item, register) for item in found[:SHOWN]])


async def own_request(person_id: str, request_id: str, register: Register) -> RightsRequest:
    """One of them.

    Raises:
        Problem: request_unknown, also when it is somebody else's.
    """
    return await request_view(await read(person_id, request_id, people=register.people), register)


async def request_view(item: Item, register: Register) -> RightsRequest:
    """A request as its person is told it."""
    return RightsRequest(**await _told(item, register))


async def staff_view(item: Item, register: Register) -> StaffRequest:
    """A request as staff are told it."""
    course, now = course_of(item), _as_of(item, register)
    return StaffRequest(
        **await _told(item, register),
        person_id=item["personId"],
        percent=course.percent(now),
        overdue=is_open(item) and course.is_overdue(now),
    )


def board_entry(item: Item, register: Register) -> BoardEntry:
    """An open request on the board."""
    course = course_of(item)
    return BoardEntry(
        request_id=item["requestId"],
        person_id=item["personId"],
        right=item["right"],
        channel=item["channel"],
        state=item["state"],
        received_at=clock.moment(item["receivedAt"]),
        due_at=course.due(register.now),
        percent=course.percent(register.now),
        warned=item["warned"],
        overdue=course.is_overdue(register.now),
    )


def _as_of(item: Item, register: Register) -> datetime:
    """Its clock is looked at now, or as it was when it was closed."""
    return register.now if is_open(item) else clock.moment(item["closedAt"])


async def _told(item: Item, register: Register) -> dict[str, Any]:
    return {
        "request_id": item["requestId"],
        "reference": item.get("reference"),
        "right": item["right"],
        "text": item.get("text"),
        "channel": item["channel"],
        "state": item["state"],
        "identity": item["identity"],
        "identity_question": Question.model_validate(item["identityQuestion"]) if "identityQuestion" in item else None,
        "received_at": clock.moment(item["receivedAt"]),
        "due_at": course_of(item).due(_as_of(item, register)),
        "extension": Extension.model_validate(item["extension"]) if "extension" in item else None,
        "waits_for": await _waits_for(item, register),
        "repeats": item["repeats"],
        "decision": await _decision(item, register) if "decision" in item else None,
        "closed_at": clock.moment(item["closedAt"]) if "closedAt" in item else None,
    }


async def _waits_for(item: Item, register: Register) -> str | None:
    """What goes before an open request of erasure, as an erasure itself waits for it."""
    if item["right"] != Right.ERASURE or not is_open(item):
        return None
    everything = {"personId": item["personId"], "scope": "person"}
    return await held_or_asked(everything, database=register.database, now=register.now)


async def _decision(item: Item, register: Register) -> Decision:
    decided = item["decision"]
    given = decided.get("letter")
    own = await language_for(item["personId"], people=register.people) if given is None else Language(given["language"])
    return Decision.model_validate(
        {
            **decided,
            "article": article(Ground(decided["ground"]), item["right"], own) if "ground" in decided else None,
            "complaintRoute": list(rules.COMPLAINT_ROUTE[own]),
        }
    )
