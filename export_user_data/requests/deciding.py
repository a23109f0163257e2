"""Deciding a request: it is answered or refused, with the letter that says so, and nothing is charged for it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from export_user_data.requests import letters
from export_user_data.requests.contract import AnswerBody, RefusalBody, Sent, StaffRequest
from export_user_data.requests.moving import Move, check_open, check_state, move
from export_user_data.requests.records import Register, course_of, is_open, replaced, requests_of
from export_user_data.requests.rules import CLOSED_BY_ERASURE, GROUNDS, IDENTITY_WAIT, Ground, Outcome, Right
from export_user_data.requests.steps import staff_step
from export_user_data.requests.views import staff_view
from shared import clock
from shared.callers import Role
from shared.contract import Purpose
from shared.cosmos import Database, Item
from shared.errors import Problem
from shared.injection import reached
from shared.ledger import SERVICE, Step, record_about

KNOWN: Final = ("received", "in_progress", "extended")
"""States in which it is known who asks, and nothing is decided."""


async def answer(request_id: str, asked: AnswerBody, register: Register, *, staff_id: str) -> StaffRequest:
    """Answer a request: of access also what is blocked, why and until when (GDPR 15 after 17).

    Raises:
        Problem: request_unknown; request_closed; request_step_unfit while who asks is not known; ground_unfit, of what
            is granted in part; field_out_of_range, when it is said to be sent to an app that they have not; busy.
    """
    await letters.check_sent(asked.person_id, asked.sent, register)
    language = await letters.language_of_letter(asked.person_id, asked.language, register)
    blocked = await letters.blocked_of(asked.person_id, people=register.people)

    def decide(found: Item) -> Move | None:
        if found.get("decision", {}).get("outcome") == asked.outcome:
            return None
        check_state(found, *KNOWN)
        if asked.ground is not None and not _admits(found, asked.ground, register.now):
            raise Problem("ground_unfit")
        links = {name: value for name, value in asked.links.model_dump(by_alias=True).items() if value is not None}
        said = _said(found, asked.outcome, asked.text, register.now) | links
        said |= {"ground": asked.ground.value} if asked.ground is not None else {}
        said |= {"blocked": blocked} if found["right"] == Right.ACCESS else {}
        given = letters.given(
            found | {"decision": said}, "answer", language, asked.sent, controller=register.controller
        )
        details = {"outcome": asked.outcome.value, "hash": given["sha256"], "sent": asked.sent}
        step = staff_step(found, "request_answered", asked, staff_id, **details)
        return _closing(step, "answered", said | {"letter": given}, register)

    return await staff_view(await move(asked.person_id, request_id, decide, register), register)


async def refuse(request_id: str, asked: RefusalBody, register: Register, *, staff_id: str) -> StaffRequest:
    """Refuse a request on a ground of the law, with the reason and whom to complain to.

    Raises:
        Problem: request_unknown; request_closed; ground_unfit; field_out_of_range, as `answer`; busy.
    """
    await letters.check_sent(asked.person_id, asked.sent, register)
    language = await letters.language_of_letter(asked.person_id, asked.language, register)

    def decide(found: Item) -> Move | None:
        decided = found.get("decision", {})
        if (decided.get("outcome"), decided.get("ground")) == ("refused", asked.ground):
            return None
        check_open(found)
        if not _admits(found, asked.ground, register.now):
            raise Problem("ground_unfit")
        said = _said(found, "refused", asked.reason, register.now) | {"ground": asked.ground.value}
        given = letters.given(
            found | {"decision": said}, "refusal", language, asked.sent, controller=register.controller
        )
        details = {"ground": asked.ground.value, "hash": given["sha256"], "sent": asked.sent}
        step = staff_step(found, "request_refused", asked, staff_id, **details)
        return _closing(step, "refused", said | {"letter": given}, register)

    return await staff_view(await move(asked.person_id, request_id, decide, register), register)


def _admits(found: Item, ground: Ground, now: datetime) -> bool:
    """Each ground is one of some rights; who was asked who they are has time to say it; only what repeats repeats."""
    if found["right"] not in GROUNDS[ground].articles:
        return False
    if ground is Ground.NOT_IDENTIFIED:
        is_awaited = found["state"] == "identity_awaited"
        return is_awaited and now >= clock.moment(found["identityQuestion"]["askedAt"]) + IDENTITY_WAIT
    return ground is not Ground.REPETITIVE or bool(found["repeats"])


def _said(found: Item, outcome: str, text: str | None, now: datetime) -> Item:
    said: Item = {
        "outcome": str(outcome),
        "at": clock.text(now),
        "by": f"staff:{Role.PRIVACY.value}",
        "isLate": course_of(found).is_overdue(now),
    }
    return said | ({"text": text} if text is not None else {})


def _closing(step: Step, state: str, decision: Item, register: Register) -> Move:
    changes: Item = {"state": state, "decision": decision, "closedAt": clock.text(register.now)}
    return Move(step=step, changes=changes, telling=f"request_{state}")


async def answered_by(
    person_id: str,
    request_id: str,
    links: Mapping[str, str],
    register: Register,
    *,
    purpose: Purpose,
    sent: Sent,
    staff_id: str,
) -> StaffRequest:
    """Close a request as granted by what staff carried out for the person: `exportId`, `erasureId` and so on.

    A repeat changes nothing.

    Raises:
        Problem: as `answer`.
    """
    said = {"personId": person_id, "purpose": purpose, "outcome": Outcome.GRANTED, "sent": sent, "links": dict(links)}
    return await answer(request_id, AnswerBody.model_validate(said), register, staff_id=staff_id)


async def close_by_erasure(person_id: str, erasure_id: str, *, database: Database, now: datetime) -> None:
    """Let an erasure of everything about a person answer what they have open; nothing can be added any more.

    What an erasure does not do goes before it; what came too late for that is closed, and not said to be granted.

    Raises:
        Stale: a timer has just looked at one; who is cut off comes again, and closes the rest.
    """
    people = database["people"]
    for found in await requests_of(person_id, people=people):
        if is_open(found):
            request_id = found["requestId"]
            step = Step(request_id, "request_erased", SERVICE, {"requestId": request_id, "erasureId": erasure_id})
            await record_about(person_id, step, database=database, now=now)
            await reached("requests.recorded")
            outcome = Outcome.GRANTED if found["right"] == Right.ERASURE else CLOSED_BY_ERASURE
            said = _said(found, outcome, None, now) | {"by": "service", "erasureId": erasure_id}
            changes: Item = {"state": "answered", "decision": said, "closedAt": clock.text(now)}
            await replaced(found, changes, people=people, now=now, without=("telling", "nextWarnAt"))
