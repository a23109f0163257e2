"""What goes before an erasure: a legal hold, a restriction, an access that is under way; and who may ask at all."""

from datetime import timedelta
from typing import Any

import pytest

from export_user_data.erasure import requests
from export_user_data.erasure.steps import WAIT
from shared import clock as clocks
from shared import jobs
from shared.callers import Resident
from shared.errors import Problem
from tests.doubles import RecordingHub
from tests.export_user_data.erasure.household import Household

pytestmark = pytest.mark.wire


@pytest.fixture
async def maria(household: Household) -> Resident:
    return await household.live("maria", "VEO-000001")


async def put(household: Household, maria: Resident, kind: str, **fields: Any) -> dict[str, Any]:
    """A hold or a restriction of everything, as it is stored."""
    now = clocks.text(household.hosts.clock())
    item = {"id": f"{kind}:1", "type": kind, "personId": maria.person_id, "scope": "person", "since": now, **fields}
    await household.database["people"].create(item)
    return item


def hold(household: Household, **fields: Any) -> dict[str, Any]:
    until = clocks.text(household.hosts.clock() + timedelta(days=30))
    return {"holdId": "1" * 32, "ground": "court_order", "until": until, **fields}


async def ended(household: Household, item: dict[str, Any], name: str) -> None:
    stored = await household.database["people"].read(item["personId"], item["id"])
    assert stored is not None
    await household.database["people"].replace(item | {name: clocks.text(household.hosts.clock())}, stored["_etag"])


@pytest.mark.parametrize("kind", ["legalHold", "restriction"])
async def test_it_waits_for_what_must_stay(household: Household, maria: Resident, kind: str) -> None:
    """Nothing is touched; the person sees what it waits for; when that is over it goes on by itself."""
    restricted = {"restrictionId": "2" * 32, "ground": "legal_claims", "state": "active", "by": "person"}
    item = await put(household, maria, kind, **(hold(household) if kind == "legalHold" else restricted))
    reason = {"legalHold": "legal_hold", "restriction": "restriction"}[kind]
    assert (await household.planned(maria, scope="person")).waits_for == reason
    before = await household.stored()
    asked = await household.asked(maria, scope="person")
    assert await household.run(asked.erasure_id) == "waiting"
    [seen] = (await requests.erasures(maria.person_id, database=household.database)).erasures
    assert (seen.state, seen.waits_for) == ("waiting", reason)
    after = await household.stored()
    assert {record: len(items) for record, items in after.items() if record[0] not in {"jobs", "ledger"}} == {
        record: len(items) for record, items in before.items() if record[0] not in {"jobs", "ledger"}
    } | {("people", "erasureRequest"): 1}
    await ended(household, item, "endedAt" if kind == "legalHold" else "liftedAt")
    household.hosts.clock.forward(seconds=WAIT.total_seconds())
    assert (await household.until_erased(asked.erasure_id))["held"]["people/person"] == 1


async def test_a_hold_that_nobody_may_be_told_of_is_not_told(household: Household, maria: Resident) -> None:
    """The plan and the state say that it is looked at, and not by whom."""
    await put(household, maria, "legalHold", **hold(household, untold=True))
    assert (await household.planned(maria, scope="person")).waits_for == "under_review"
    asked = await household.asked(maria, scope="person")
    assert await household.run(asked.erasure_id) == "waiting"
    assert (await household.job(asked.erasure_id))["waitsFor"] == "under_review"


async def test_a_hold_that_comes_while_it_is_under_way_stops_the_purge(household: Household, maria: Resident) -> None:
    """What is narrowed stays narrowed; nothing is deleted until the hold is over."""
    asked = await household.asked(maria, scope="person")
    while (await household.job(asked.erasure_id))["cursor"].get("phase") != "count":
        await household.run_one(asked.erasure_id)
    item = await put(household, maria, "legalHold", **hold(household))
    household.hosts.clock.forward(minutes=1)
    assert await household.run(asked.erasure_id) == "waiting"
    assert ("telemetry", "usageReadings") in await household.stored()
    await ended(household, item, "endedAt")
    household.hosts.clock.forward(seconds=WAIT.total_seconds())
    await household.until_erased(asked.erasure_id)


async def test_a_copy_that_is_being_made_comes_first(household: Household, maria: Resident) -> None:
    """Who asked for an export and then for an erasure gets both."""
    now = household.hosts.clock()
    queue = household.database["jobs"]
    export = await jobs.start_job(
        "export", maria.person_id, {"scope": "access"}, jobs=queue, hub=RecordingHub(), now=now
    )
    asked = await household.asked(maria, scope="person")
    assert await household.run(asked.erasure_id) == "waiting"
    assert (await household.job(asked.erasure_id))["waitsFor"] == "access_request"
    stored = await queue.read(export["jobId"], export["jobId"])
    assert stored is not None
    await queue.replace(export | {"state": "done"}, stored["_etag"])
    household.hosts.clock.forward(seconds=WAIT.total_seconds())
    await household.until_erased(asked.erasure_id)


async def test_nothing_happens_without_a_confirmation(household: Household, maria: Resident) -> None:
    """A plan stores nothing; a confirmation is the person's own, whole, and ten minutes old at most."""
    jordi = await household.hosts.sign_in("jordi")
    before = await household.stored()
    plan = await household.planned(maria, scope="person")
    assert await household.stored() == before
    for caller, word in ((jordi, plan.confirmation), (maria, plan.confirmation[:-2]), (maria, "x")):
        with pytest.raises(Problem) as refused:
            await household.confirmed(caller, word)
        assert refused.value.code == "confirmation_invalid"
    household.hosts.clock.forward(minutes=10, seconds=1)
    with pytest.raises(Problem) as refused:
        await household.confirmed(maria, plan.confirmation)
    assert refused.value.code == "confirmation_invalid"


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ({"scope": "category"}, "field_missing"),
        ({"scope": "device"}, "field_missing"),
        ({"scope": "person", "deviceId": "0" * 32}, "field_unknown"),
        ({"scope": "person", "category": "usage"}, "field_unknown"),
        ({"scope": "category", "category": "person"}, "category_not_erasable"),
        ({"scope": "category", "category": "app", "deviceId": "0" * 32}, "field_unknown"),
        ({"scope": "device", "deviceId": "0" * 32}, "device_not_yours"),
    ],
)
async def test_what_cannot_be_erased_is_refused(
    household: Household, maria: Resident, request_: dict[str, Any], code: str
) -> None:
    """With the reason, before anything is confirmed."""
    with pytest.raises(Problem) as refused:
        await household.planned(maria, **request_)
    assert refused.value.code == code


async def test_an_erasure_is_its_persons(household: Household, maria: Resident) -> None:
    """Nobody else's, whoever knows its id."""
    jordi = await household.live("jordi", "VEO-000002")
    asked = await household.asked(maria, scope="category", category="usage")
    own = await requests.own_erasure(maria.person_id, asked.erasure_id, database=household.database)
    assert own.state == "running"
    with pytest.raises(Problem) as refused:
        await requests.own_erasure(jordi.person_id, asked.erasure_id, database=household.database)
    assert refused.value.code == "erasure_unknown"
    assert (await requests.erasures(jordi.person_id, database=household.database)).erasures == []
