"""Restriction of processing: what it covers is stored, marked and used for nothing, and lifted only after a word."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest
from pydantic import ValidationError

from export_user_data.restriction.holds import staff_standings
from export_user_data.restriction.office import tell_no_recipient
from export_user_data.restriction.restrictions import own_standings, restrict
from export_user_data.walk import held_about
from export_user_data.whom import Who, person_named
from ingest_telemetry.quarantine_desk import Desk as QuarantineDesk
from ingest_telemetry.statistics.counting import count_page
from ingest_telemetry.statistics.reading import usage_statistics
from register_device import fleet_figures, staff_support
from register_device.support_cases import open_case
from shared.callers import Role, Staff
from shared.contract import Purpose
from shared.errors import Problem
from shared.gate import load_policy
from shared.jobs import run_job
from shared.people import person_without_account
from shared.statistics import KIND, start_due
from tests.export_user_data.restriction.desk import STAFF, Desk, restriction_request
from tests.people import IDENTITY_KEY, SERIAL

pytestmark = pytest.mark.wire


async def counted(desk: Desk) -> int:
    """How many monitors are in the figures of yesterday, computed as they are due or were asked for."""
    day = (desk.clock().date() - timedelta(days=1)).isoformat()
    await start_due(database=desk.database, hub=desk.hub, now=desk.clock())
    query = "SELECT * FROM c WHERE c.state IN ('queued', 'running') AND c.type = 'usageFigures'"
    jobs = desk.database["jobs"]
    ids = [job["jobId"] async for job in jobs.query(query)]
    step = partial(count_page, database=desk.database, cohort=1)
    for job_id in ids:
        assert await run_job(job_id, {KIND: step}, jobs=jobs, hub=desk.hub, now=desk.clock) == "done"
    figures = await usage_statistics(day, statistics=desk.database["statistics"])
    return sum(cell.devices for cell in figures.cells)


async def test_statistics_are_without_what_is_restricted(desk: Desk) -> None:
    """The open days are computed anew without it, and with it once it is lifted; what came meanwhile then counts."""
    desk.forward(days=2)
    yesterday = desk.clock() - timedelta(days=1)
    await desk.home.store(await desk.home.event(desk.home.call(yesterday)))
    assert await counted(desk) == 1
    restriction = await desk.restrict(scope="category", category="usage", ground="objection_pending")
    assert await counted(desk) == 0
    [old] = await desk.items()
    await desk.home.store(await desk.home.event(desk.home.call(yesterday)))
    await desk.work()
    assert [item.get("storeOnly") for item in await desk.items() if item["id"] != old["id"]] == [True]
    assert await desk.kept_by() == ["restriction", "restriction"]
    assert await counted(desk) == 0
    await desk.lift(restriction)
    assert set(await desk.work()) == {"done"}
    assert [item.get("storeOnly") for item in await desk.items()] == [None, None]
    assert await counted(desk) == 1


async def test_new_readings_are_stored_marked_and_do_not_expire(desk: Desk) -> None:
    """Those in the scope, and what could not be read of that monitor; those of another category as ever."""
    await desk.restrict(scope="category", category="performance")
    await desk.home.messages(1)
    assert await desk.kept_by(item_type="performanceReadings") == ["restriction"]
    assert await desk.kept_by() == [None]
    await desk.restrict(scope="device", deviceId=desk.home.access.device_id)
    desk.forward(seconds=1)
    await desk.home.messages(1)
    event = await desk.home.event()
    await desk.home.store(replace(event, body=b"not json"))
    assert await desk.kept_by() == [None, "restriction"]
    assert await desk.kept_by(item_type="attributableMalformed") == ["restriction"]
    assert [item.get("storeOnly") for item in await desk.items()] == [None, True]


async def test_staff_see_nothing_of_it(desk: Desk) -> None:
    """Look-up, support case and its data, quarantine and the figures of the fleet; the person sees and takes all."""
    device_id, database, now = desk.home.access.device_id, desk.database, desk.clock()
    case = await open_case("maria", device_id, 7, database=database, journal=desk.journal, now=now)
    look = partial(
        staff_support.look_up, SERIAL, Purpose.COMPLAINT, staff_id=STAFF, database=database, identity_key=IDENTITY_KEY
    )
    ask = partial(
        staff_support.ask, SERIAL, 7, Purpose.COMPLAINT, staff_id=STAFF, database=database, identity_key=IDENTITY_KEY
    )
    data = partial(
        staff_support.support_data,
        device_id,
        case.case_id,
        Purpose.COMPLAINT,
        None,
        staff_id=STAFF,
        database=database,
    )
    quarantine = partial(
        QuarantineDesk.of_monitor,
        Staff(STAFF, frozenset({Role.FLEET})),
        Purpose.REPAIR,
        SERIAL,
        database=database,
        identity_key=IDENTITY_KEY,
    )
    views: list[Callable[..., Awaitable[object]]] = [look, data, quarantine, ask]
    for view in views[:-1]:
        assert await view(now=now)
    restriction = await desk.restrict(scope="device", deviceId=device_id)
    for view in views:
        with pytest.raises(Problem, match="data_restricted"):
            await view(now=now)
    [device] = [item async for item in database["devices"].query("SELECT * FROM c WHERE c.id = 'device'")]
    assert await fleet_figures._cell(device, now, database=database) is None
    held = {held.record_name async for held in held_about("maria", database=database)}
    assert {"device", "supportCase", "restriction"} <= held
    await desk.lift(restriction)
    for view in views:
        assert await view(now=now)
    assert await fleet_figures._cell(device, now, database=database) is not None


async def test_one_category_hides_no_other(desk: Desk) -> None:
    """Who restricts how the monitor is used has not restricted what it is."""
    await desk.restrict(scope="category", category="usage")
    found = await staff_support.look_up(
        SERIAL,
        Purpose.COMPLAINT,
        staff_id=STAFF,
        database=desk.database,
        identity_key=IDENTITY_KEY,
        now=desk.clock(),
    )
    assert found.device_id == desk.home.access.device_id


async def test_a_restriction_is_one_however_often_it_is_asked_for(desk: Desk) -> None:
    """Until it is lifted; then another begins. Both are in the list, and the ledger has each step once."""
    first = await desk.restrict()
    assert (await desk.restrict(ground="legal_claims")).restriction_id == first.restriction_id
    await desk.lift(first)
    assert (await desk.lift(first)).state == "lifted"
    desk.forward(seconds=1)
    second = await desk.restrict()
    assert second.restriction_id != first.restriction_id
    listed = (await own_standings("maria", desk.office)).restrictions
    assert [(one.restriction_id, one.state) for one in listed] == [
        (second.restriction_id, "active"),
        (first.restriction_id, "lifted"),
    ]
    assert await desk.told() == ["restriction_begun", "restriction_lifted", "restriction_begun"]
    assert await desk.actions() == ["restriction_begun", "restriction_lifted", "restriction_begun"]
    with pytest.raises(Problem, match="restriction_unknown"):
        await desk.lift(first.model_copy(update={"restriction_id": "0" * 32}))


async def test_two_who_restrict_at_once_make_one_restriction(desk: Desk) -> None:
    """It is named after how many there were of its scope; only one of them is told that it is new."""
    bodies = [restriction_request({"scope": "person", "ground": "unlawful"})] * 5
    made = await asyncio.gather(*(restrict("maria", body, desk.office) for body in bodies))
    assert len({restriction.restriction_id for restriction, _ in made}) == 1
    assert sum(is_new for _, is_new in made) == 1
    assert await desk.told() == ["restriction_begun"]


async def test_a_person_is_told_before_staff_lift_a_restriction(desk: Desk) -> None:
    """Three days before; saying it again does not move the day, and the person may lift it sooner."""
    restriction = await desk.restrict()
    announced = await desk.announce(restriction)
    assert (announced.state, announced.lifts_at) == ("lifting", desk.clock() + timedelta(days=3))
    assert await desk.told() == ["restriction_begun", "restriction_lifting"]
    desk.forward(days=2, hours=23)
    assert (await desk.announce(restriction)).lifts_at == announced.lifts_at
    await desk.look()
    assert (await load_policy(desk.database["telemetry"], desk.ownership_id)).store_only
    desk.forward(hours=1, seconds=1)
    await desk.look()
    assert not (await load_policy(desk.database["telemetry"], desk.ownership_id)).store_only
    [lifted] = (await own_standings("maria", desk.office)).restrictions
    assert lifted.state == "lifted"
    assert await desk.told() == ["restriction_begun", "restriction_lifting", "restriction_lifted"]
    assert await desk.actions() == ["restriction_begun", "restriction_lifting", "restriction_lifted"]


async def test_the_person_may_lift_sooner_what_staff_announced(desk: Desk) -> None:
    """It is their restriction."""
    restriction = await desk.restrict()
    await desk.announce(restriction)
    assert (await desk.lift(restriction)).state == "lifted"


async def test_who_was_given_the_data_is_told(desk: Desk) -> None:
    """Of begin and end, of which categories, and by what they know the person."""
    usage = await desk.restrict(scope="category", category="usage")
    device = await desk.restrict(scope="device", deviceId=desk.home.access.device_id)
    everything = await desk.restrict()
    await desk.lift(usage)
    assert desk.recipients_told == {
        (usage.restriction_id, "restriction"): (
            {"scope": "category", "email": "maria@resident.example"},
            ["usage"],
        ),
        (device.restriction_id, "restriction"): (
            {"scope": "device", "email": "maria@resident.example"},
            ["device", "performance", "usage"],
        ),
        (everything.restriction_id, "restriction"): (
            {"scope": "person", "email": "maria@resident.example"},
            ["app", "device", "interactions", "performance", "person", "usage"],
        ),
        (usage.restriction_id, "restriction_lifted"): (
            {"scope": "category", "email": "maria@resident.example"},
            ["usage"],
        ),
    }


async def test_a_later_ownership_begins_restricted(desk: Desk) -> None:
    """Also in the token that registration gives; what is lifted then is lifted for it too."""
    restriction = await desk.restrict(scope="category", category="usage")
    access = await desk.home.pair("maria", "VEO-000002")
    telemetry = desk.database["telemetry"]
    assert (await load_policy(telemetry, access.ownership_id)).store_only == {"usage"}
    await desk.lift(restriction)
    assert (await load_policy(telemetry, access.ownership_id)).store_only == frozenset()
    await desk.restrict(scope="device", deviceId=access.device_id)
    assert (await load_policy(telemetry, desk.ownership_id)).store_only == frozenset()
    assert "usage" in (await load_policy(telemetry, access.ownership_id)).store_only


async def test_staff_enter_a_restriction_of_who_has_no_account(desk: Desk) -> None:
    """A letter is as good as the app; the person is found by the address that they gave, and the look is recorded."""
    person_id = await person_without_account(
        "ana@personal.example", database=desk.database, identity_key=IDENTITY_KEY, now=desk.clock()
    )
    find = partial(person_named, database=desk.database, identity_key=IDENTITY_KEY)
    assert await find(Who(email="ANA@personal.example")) == person_id
    assert await find(Who(deviceId=desk.home.access.device_id)) == "maria"
    assert await find(Who(serialNumber=SERIAL)) == "maria"
    assert await find(Who(personId=person_id)) == person_id
    for nobody in ({"personId": "0"}, {"deviceId": "0"}, {"email": "0@personal.example"}, {"requestId": "0"}):
        with pytest.raises(Problem, match="person_unknown"):
            await find(Who(**nobody))
    body = restriction_request({"scope": "category", "category": "interactions", "ground": "unlawful"})
    await restrict(person_id, body, replace(desk.office, tell_recipients=tell_no_recipient))
    found = await staff_standings(person_id, Purpose.COMPLAINT, desk.office, staff_id=STAFF)
    assert [one.category for one in found.restrictions] == ["interactions"]
    assert await desk.actions() == ["restriction_begun", "standings_viewed"]


async def test_what_is_not_somebodys_cannot_be_restricted(desk: Desk) -> None:
    """The answer is the same for a device of others and for none."""
    other = await desk.home.pair("ana", "VEO-000002")
    for device_id in (other.device_id, "0" * 32):
        with pytest.raises(Problem, match="device_not_yours"):
            await desk.restrict(scope="device", deviceId=device_id)


async def test_a_person_has_so_many_restrictions_and_no_more(desk: Desk) -> None:
    """They are in the person's gate, which is bounded; and nobody fills a partition by beginning and lifting."""
    for _ in range(20):
        await desk.lift(await desk.restrict())
    with pytest.raises(Problem, match="restrictions_too_many"):
        await desk.restrict()
    desk.forward(days=1)
    await desk.restrict()


@pytest.mark.parametrize(
    "body",
    [
        {"scope": "device"},
        {"scope": "category"},
        {"scope": "category", "category": "service"},
        {"scope": "person", "category": "usage"},
        {"scope": "device", "deviceId": "0", "category": "usage"},
        {"scope": "person", "ground": "because"},
    ],
)
def test_a_scope_is_one_thing_said_fully(body: dict[str, str]) -> None:
    """And its ground is one of the law's."""
    with pytest.raises(ValidationError):
        restriction_request({"ground": "unlawful"} | body)
