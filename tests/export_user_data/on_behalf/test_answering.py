"""Acts under a request with a legal clock: once done they answer it, and where it is unfit they are not done."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from export_user_data.erasure.steps import WAIT
from export_user_data.requests import steps
from export_user_data.requests.contract import IdentityQuestion, StaffRequest
from shared.blobs import Blobs
from shared.errors import Problem
from shared.injection import Point
from tests.export_user_data.erasure.household import Household
from tests.export_user_data.on_behalf.conftest import Clerk, said
from tests.export_user_data.on_behalf.test_copies import made
from tests.hosts import cut_off

pytestmark = pytest.mark.wire

type Doing = Callable[[Clerk, str, str], Awaitable[Any]]

ACTS: dict[str, Doing] = {
    "objection": lambda clerk, lead, request: clerk.object(lead, requestId=request),
    "consent_withdrawal": lambda clerk, lead, request: clerk.consent(lead, given=False, requestId=request),
    "rectification": lambda clerk, lead, request: clerk.correct(
        lead, field="email", email="ana@new.example", requestId=request
    ),
}
POINTS: list[Point] = [
    "on_behalf.recorded",
    "on_behalf.ordered",
    "requests.recorded",
    "requests.stored",
    "requests.told",
]


async def asked_who(clerk: Clerk, request: StaffRequest) -> None:
    body = {"personId": request.person_id, "purpose": "rights_request", "question": "contradictory"}
    asked = said(IdentityQuestion, body)
    await steps.ask_identity(request.request_id, asked, clerk.register, staff_id=clerk.staff_id)


@pytest.mark.parametrize("right", ACTS)
async def test_what_is_done_under_a_request_answers_it(clerk: Clerk, right: str) -> None:
    """As granted, in the way in which it was asked for, with what carried it out; and one for another right is open."""
    lead = await clerk.lead()
    request, other = await clerk.entered(lead, right), await clerk.entered(lead, "access")
    await ACTS[right](clerk, lead, request.request_id)
    answered = await clerk.request(request)
    assert answered.state == "answered"
    assert answered.decision is not None
    assert answered.decision.letter is not None
    assert (answered.decision.outcome, answered.decision.letter.sent) == ("granted", "post")
    assert (answered.decision.rectification_id is not None) is (right == "rectification")
    await clerk.object(lead, requestId=other.request_id)
    assert (await clerk.request(other)).state == "received"


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("right", ACTS)
async def test_what_was_cut_off_is_answered_once(clerk: Clerk, right: str, point: Point) -> None:
    """By saying it again, as often as one likes."""
    lead = await clerk.lead()
    request = await clerk.entered(lead, right)
    await cut_off(point, ACTS[right](clerk, lead, request.request_id))
    for _ in range(2):
        await ACTS[right](clerk, lead, request.request_id)
    assert (await clerk.request(request)).state == "answered"
    actions = [action for action, _ in await clerk.recorded(lead)]
    assert (actions.count("acted_for_person"), actions.count("request_answered")) == (1, 1)
    told = await clerk.told(lead)
    assert (told.count("acted_for_you"), told.count("request_answered")) == (1, 1)


async def test_nothing_is_done_while_it_is_not_known_who_asks(clerk: Clerk, blobs: Blobs) -> None:
    """Whatever it is, it is refused before it is in the ledger, and nothing is told."""
    lead = await clerk.lead()
    copy = await clerk.order(lead)
    await made(clerk, copy.export_id)
    plan = await clerk.plan(lead, scope="person")
    request = await clerk.entered(lead, "access")
    await asked_who(clerk, request)
    before = await clerk.recorded(lead), await clerk.told(lead)
    under = {"requestId": request.request_id}
    doings: list[Callable[[], Awaitable[Any]]] = [
        *(lambda act=act: act(clerk, lead, request.request_id) for act in ACTS.values()),
        lambda: clerk.order(lead, **under),
        lambda: clerk.hand_over(lead, copy.export_id, blobs, **under),
        lambda: clerk.plan(lead, scope="person", **under),
        lambda: clerk.confirm(lead, plan.confirmation, **under),
    ]
    for doing in doings:
        with pytest.raises(Problem, match="request_step_unfit"):
            await doing()
    assert (await clerk.recorded(lead), await clerk.told(lead)) == before


@pytest.mark.parametrize("scope", ["access", "portability"])
async def test_a_copy_answers_when_it_is_handed_over(clerk: Clerk, blobs: Blobs, scope: str) -> None:
    """Neither when it is ordered nor when it is made, for nobody has it then; and it answers what it is a copy for."""
    lead = await clerk.lead()
    request = await clerk.entered(lead, scope)
    other = await clerk.entered(lead, "portability" if scope == "access" else "access")
    copy = await clerk.order(lead, scope=scope, requestId=request.request_id)
    await made(clerk, copy.export_id)
    await clerk.hand_over(lead, copy.export_id, blobs, requestId=other.request_id)
    assert (await clerk.request(request)).state == (await clerk.request(other)).state == "received"
    await cut_off("requests.recorded", clerk.hand_over(lead, copy.export_id, blobs, requestId=request.request_id))
    for _ in range(2):
        await clerk.hand_over(lead, copy.export_id, blobs, requestId=request.request_id)
    answered = await clerk.request(request)
    assert answered.state == "answered"
    assert answered.decision is not None
    assert answered.decision.export_id == copy.export_id
    assert [action for action, _ in await clerk.recorded(lead)].count("request_answered") == 1


async def test_an_erasure_by_letter_waits_for_the_copy_and_answers_the_rest(
    household: Household, clerk: Clerk, blobs: Blobs
) -> None:
    """Who asks for both gets the copy first; the erasure itself closes the request for it."""
    maria = (await household.live("maria", "VEO-000001")).person_id
    access, erasure = await clerk.entered(maria, "access"), await clerk.entered(maria, "erasure")
    under = {"requestId": erasure.request_id}
    plan = await clerk.plan(maria, scope="person", **under)
    assert plan.waits_for == "access_request"
    begun = await clerk.confirm(maria, plan.confirmation, **under)
    assert await household.run(begun.erasure_id) == "waiting"
    assert (await clerk.request(erasure)).state == "received"
    copy = await clerk.order(maria, requestId=access.request_id)
    await made(clerk, copy.export_id)
    await clerk.hand_over(maria, copy.export_id, blobs, requestId=access.request_id)
    household.hosts.clock.forward(seconds=WAIT.total_seconds())
    item = await household.until_erased(begun.erasure_id)
    assert item["held"]["people/rightsRequest"] == 2
    with pytest.raises(Problem, match="request_unknown"):
        await clerk.request(erasure)


async def test_the_id_of_a_request_finds_whose_it_is(clerk: Clerk) -> None:
    """As it stands on the letter that confirmed its receipt."""
    lead = await clerk.lead()
    request = await clerk.entered(lead, "access")
    [found] = (await clerk.find(requestId=request.request_id)).people
    assert found.person_id == lead
