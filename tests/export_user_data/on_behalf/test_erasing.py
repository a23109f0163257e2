"""An erasure for who has asked for it on paper: the same plan, the same job, confirmed by who was shown it."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest

from export_user_data.erasure import requests
from export_user_data.restriction.holds import set_hold
from export_user_data.restriction.office import Office
from shared import clock as clocks
from shared.cosmos import Item
from shared.errors import Problem
from shared.injection import Point
from tests.export_user_data.erasure.household import Household
from tests.export_user_data.on_behalf.conftest import COLLEAGUE, REQUEST, Clerk
from tests.export_user_data.restriction.desk import hold_request
from tests.hosts import cut_off
from tests.people import IDENTITY_KEY

pytestmark = pytest.mark.wire


def counted(job: Item) -> Counter[str]:
    return Counter(job["held"])


@pytest.mark.parametrize("scope", [{"scope": "person"}, {"scope": "category", "category": "usage"}])
async def test_an_erasure_by_letter_erases_the_same(household: Household, clerk: Clerk, scope: dict[str, str]) -> None:
    """Of two people who have the same, one in the app and one by letter, the same is gone and the same is left."""
    maria = await household.live("maria", "VEO-000001")
    jordi = await household.live("jordi", "VEO-000002")
    in_app = await household.erased(maria, **scope)
    plan = await clerk.plan(jordi.person_id, **scope)
    begun = await clerk.confirm(jordi.person_id, plan.confirmation)
    by_letter = await household.until_erased(begun.erasure_id)
    ours = {"people/notification": 1} if scope["scope"] == "person" else {}
    assert counted(by_letter) == counted(in_app) + Counter(ours)
    assert by_letter.keys() == in_app.keys()
    left = [await household.mentions(one.person_id) for one in (maria, jordi)]
    assert left[0] == left[1]
    assert begun.receipt_code is not None
    receipt = await requests.erasure_by_code(
        begun.erasure_id, begun.receipt_code, jobs=clerk.database["jobs"], identity_key=IDENTITY_KEY
    )
    assert receipt.state == "erased"


async def test_the_ledger_says_who_asked_in_whose_place(clerk: Clerk) -> None:
    """And the person is told; the code for the receipt is answered to the confirmation alone."""
    lead = await clerk.lead()
    plan = await clerk.plan(lead, scope="category", category="interactions")
    begun = await clerk.confirm(lead, plan.confirmation, requestId=REQUEST)
    again = await clerk.confirm(lead, plan.confirmation, requestId=REQUEST)
    assert (again.erasure_id, again.receipt_code) == (begun.erasure_id, begun.receipt_code)
    assert await clerk.recorded(lead) == [
        ("acted_for_person", "staff:privacy"),
        ("acted_for_person", "staff:privacy"),
        ("erasure_requested", "staff:privacy"),
    ]
    rights = [entry["details"].get("right") for entry in await clerk.chain(lead)]
    assert rights == ["erasure_planned", "erasure", None]
    assert await clerk.told(lead) == ["acted_for_you"]
    assert (await requests.own_erasure(lead, begun.erasure_id, database=clerk.database)).receipt_code is None


async def test_who_was_shown_the_plan_confirms_it(clerk: Clerk) -> None:
    """Not a colleague, not the person, not for somebody else, and not later than in ten minutes."""
    lead = await clerk.lead()
    other = await clerk.lead("otto@personal.example")
    plan = await clerk.plan(lead, scope="person")
    with pytest.raises(Problem, match="confirmation_invalid"):
        await replace(clerk, staff_id=COLLEAGUE).confirm(lead, plan.confirmation)
    with pytest.raises(Problem, match="confirmation_invalid"):
        await clerk.confirm(other, plan.confirmation)
    with pytest.raises(Problem, match="confirmation_invalid"):
        await requests.confirm(
            lead,
            plan.confirmation,
            database=clerk.database,
            keys=clerk.hosts.house.keys,
            identity_key=IDENTITY_KEY,
            hub=clerk.hub,
            now=clerk.clock(),
        )
    clerk.clock.forward(minutes=10)
    with pytest.raises(Problem, match="confirmation_invalid"):
        await clerk.confirm(lead, plan.confirmation)
    assert [item async for item in clerk.database["jobs"].query("SELECT * FROM c")] == []


async def test_staff_cannot_confirm_what_the_person_was_shown(household: Household, clerk: Clerk) -> None:
    """Nobody confirms for somebody else what they have only heard of."""
    maria = await household.live("maria", "VEO-000001")
    plan = await household.planned(maria, scope="person")
    with pytest.raises(Problem, match="confirmation_invalid"):
        await clerk.confirm(maria.person_id, plan.confirmation)


async def test_a_hold_goes_before_an_erasure_by_letter(household: Household, clerk: Clerk) -> None:
    """The plan says what it will wait for, and it waits."""
    maria = await household.live("maria", "VEO-000001")
    body = {
        "who": {"personId": maria.person_id},
        "scope": "person",
        "ground": "legal_claims",
        "reference": "LH-2026-17",
        "until": clocks.text(clerk.clock() + timedelta(days=30)),
    }
    office = Office(database=clerk.database, journal=clerk.hosts.house.journal, hub=clerk.hub, now=clerk.clock())
    await set_hold(maria.person_id, hold_request(body), office, staff_id=clerk.staff_id)
    plan = await clerk.plan(maria.person_id, scope="person")
    assert plan.waits_for == "legal_hold"
    begun = await clerk.confirm(maria.person_id, plan.confirmation)
    assert await household.run(begun.erasure_id) == "waiting"
    assert (await requests.own_erasure(maria.person_id, begun.erasure_id, database=clerk.database)).state == "waiting"


@pytest.mark.parametrize("point", ["on_behalf.recorded", "on_behalf.ordered", "erasure.requested"])
async def test_a_confirmation_that_was_cut_off_can_be_repeated(clerk: Clerk, point: Point) -> None:
    """It begins one erasure, and is in the ledger once."""
    lead = await clerk.lead()
    plan = await clerk.plan(lead, scope="category", category="interactions")
    await cut_off(point, clerk.confirm(lead, plan.confirmation))
    await clerk.confirm(lead, plan.confirmation)
    assert [action for action, _ in await clerk.recorded(lead)] == [
        "acted_for_person",
        "acted_for_person",
        "erasure_requested",
    ]
    assert len(await clerk.items(lead, "erasure", "jobs")) == 1


async def test_the_code_is_answered_also_when_the_person_is_gone_by_then(household: Household, clerk: Clerk) -> None:
    """An answer that was lost on its way is asked for again; without the code nobody would get the receipt."""
    maria = await household.live("maria", "VEO-000001")
    plan = await clerk.plan(maria.person_id, scope="person")
    begun = await clerk.confirm(maria.person_id, plan.confirmation)
    await household.until_erased(begun.erasure_id)
    clerk.clock.now = plan.confirm_until - timedelta(seconds=1)
    again = await clerk.confirm(maria.person_id, plan.confirmation)
    assert again.receipt_code == begun.receipt_code
