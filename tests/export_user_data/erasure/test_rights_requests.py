"""Open requests and erasures: what was asked for before comes before, and the rest is answered by the erasure."""

import json
from typing import Any

import pytest

from export_user_data.erasure import requests
from export_user_data.erasure.steps import WAIT
from export_user_data.requests import filing, steps, views
from export_user_data.requests.contract import RequestBody, RightsRequest
from export_user_data.requests.records import Register
from shared.callers import Resident
from shared.ledger import subject_of
from shared.vault.blocking import about_part, case_key
from shared.vault.sealing import opened, unpacked
from tests.export_user_data.documents.written import INSTALLATION
from tests.export_user_data.erasure.household import Household
from tests.people import IDENTITY_KEY
from tests.vaults import killed_at

pytestmark = pytest.mark.wire


@pytest.fixture
async def maria(household: Household) -> Resident:
    return await household.live("maria", "VEO-000001")


def register(household: Household) -> Register:
    return Register(
        database=household.database,
        identity_key=IDENTITY_KEY,
        controller=INSTALLATION.controller,
        now=household.hosts.clock(),
    )


async def filed(household: Household, maria: Resident, right: str) -> RightsRequest:
    asked = RequestBody.model_validate_json(json.dumps({"right": right}))
    return (await filing.file_own(maria.person_id, asked, register(household)))[0]


async def blocked(household: Household) -> list[dict[str, Any]]:
    """The requests that lie in the vault."""
    vault, found = household.tools.vault, []
    async for case in vault.cases.query("SELECT * FROM c WHERE c.type = 'vaultCase'"):
        month_key = await vault.month_key(case["keyMonth"])
        assert month_key is not None
        for part in case["parts"]:
            body = await vault.body(case["keyMonth"], case["caseId"], part)
            found += unpacked(opened(case_key(case, month_key), body, about_part(case["caseId"], part)))
    items = [json.loads(line)["item"] for line in found]
    return [item for item in items if item["type"] == "rightsRequest"]


@pytest.mark.parametrize(
    ("right", "reason"),
    [
        ("access", "access_request"),
        ("portability", "access_request"),
        ("restriction", "restriction"),
        ("complaint", "complaint"),
        ("automated_decision", "automated_decision"),
    ],
)
async def test_what_was_asked_for_before_comes_before(
    household: Household, maria: Resident, right: str, reason: str
) -> None:
    """Whether it was carried out or not: the erasure waits, the plan says so, and so does a request for it."""
    before = await filed(household, maria, right)
    wanted = await filed(household, maria, "erasure")
    assert (before.waits_for, wanted.waits_for) == (None, reason)
    assert (await household.planned(maria, scope="person")).waits_for == reason
    asked = await household.asked(maria, scope="person")
    assert await household.run(asked.erasure_id) == "waiting"
    [seen] = (await requests.erasures(maria.person_id, database=household.database)).erasures
    assert (seen.state, seen.waits_for) == ("waiting", reason)
    await steps.withdraw_own(maria.person_id, before.request_id, register(household))
    seen_again = await views.own_request(maria.person_id, wanted.request_id, register(household))
    assert seen_again.waits_for is None
    household.hosts.clock.forward(seconds=WAIT.total_seconds())
    await household.until_erased(asked.erasure_id)


async def test_an_erasure_answers_what_is_open(household: Household, maria: Resident) -> None:
    """Nothing of it stays with the service but in the vault, and in a chain that is nobody's."""
    wanted, other = await filed(household, maria, "erasure"), await filed(household, maria, "objection")
    subject = await subject_of(maria.person_id, people=household.database["people"])
    item = await household.erased(maria, scope="person")
    assert item["held"]["people/rightsRequest"] == 2
    assert ("people", "rightsRequest") not in await household.stored()
    kept = await blocked(household)
    assert {one["requestId"] for one in kept} == {wanted.request_id, other.request_id}
    outcomes = {one["right"]: one["decision"]["outcome"] for one in kept}
    assert outcomes == {"erasure": "granted", "objection": "closed_by_erasure"}
    for one in kept:
        assert (one["state"], one["decision"]["erasureId"], one["decision"]["by"]) == (
            "answered",
            item["jobId"],
            "service",
        )
    query = "SELECT * FROM c WHERE c.type = 'ledgerEntry' AND c.action = 'request_erased'"
    entries = [one async for one in household.database["ledger"].query(query, partition=subject)]
    assert {one["details"]["requestId"] for one in entries} == {wanted.request_id, other.request_id}
    assert await household.mentions(maria.person_id) <= {"people/gate", "claims/claim"}


async def test_an_erasure_that_is_cut_off_answers_the_rest_later(household: Household, maria: Resident) -> None:
    """Each of them once."""
    for right in ("erasure", "objection"):
        await filed(household, maria, right)
    subject = await subject_of(maria.person_id, people=household.database["people"])
    asked = await household.asked(maria, scope="person")
    await household.run_one(asked.erasure_id)
    household.hosts.clock.forward(seconds=30)
    assert await killed_at("requests.recorded", lambda: household.run_one(asked.erasure_id))
    await household.until_erased(asked.erasure_id)
    assert [one["state"] for one in await blocked(household)] == ["answered"] * 2
    query = "SELECT * FROM c WHERE c.type = 'ledgerEntry' AND c.action = 'request_erased'"
    assert len([one async for one in household.database["ledger"].query(query, partition=subject)]) == 2


async def test_an_erasure_of_a_part_answers_nothing(household: Household, maria: Resident) -> None:
    """The person stays, and so does what they asked for."""
    wanted = await filed(household, maria, "objection")
    await household.erased(maria, scope="category", category="usage")
    seen = await views.own_request(maria.person_id, wanted.request_id, register(household))
    assert seen.state == "received"


async def test_what_became_of_a_request_is_told_with_its_erasure(household: Household, maria: Resident) -> None:
    """As long as there is somebody to tell: between the closed gate and the purge."""
    wanted = await filed(household, maria, "erasure")
    asked = await household.asked(maria, scope="person")
    while (await household.job(asked.erasure_id))["cursor"].get("phase") != "count":
        await household.run_one(asked.erasure_id)
        household.hosts.clock.forward(seconds=30)
    seen = await views.own_request(maria.person_id, wanted.request_id, register(household))
    assert seen.decision is not None
    assert (seen.state, seen.decision.erasure_id, seen.decision.letter) == ("answered", asked.erasure_id, None)
