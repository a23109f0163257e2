"""Nothing that is restricted or held expires, and nothing outlives its time by more than a day afterwards."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any, get_args

import pytest

from export_user_data.restriction import keeping
from export_user_data.restriction.holds import staff_standings
from export_user_data.restriction.restrictions import own_standings
from export_user_data.walk import held_about, shown
from ingest_telemetry.quarantine_desk import Desk as QuarantineDesk
from register_device import disputes
from register_device.support_cases import close_case, open_case
from shared import clock as clocks
from shared.callers import Role, Staff
from shared.contract import Purpose
from shared.cosmos import Item
from shared.data_map import CONTAINERS
from shared.errors import Problem
from shared.expiry import MARGIN, expiring
from shared.gate import load_policy
from shared.injection import Point
from shared.jobs import ATTEMPTS_LIMIT, LEASE
from shared.notifications import change
from shared.retention import re_date
from tests.doubles import changed
from tests.export_user_data.restriction.desk import STAFF, Desk, Killed, killed_at
from tests.people import IDENTITY_KEY, SERIAL

pytestmark = pytest.mark.wire

YEARS = {"days": 731}


async def messages_over_days(desk: Desk, number: int) -> None:
    for _ in range(number):
        await desk.home.messages(1)
        desk.forward(days=1)


def test_whatever_expires_of_a_person_can_be_kept() -> None:
    """Each of their records with a time says what keeps it.

    But places for guests, which stand for a day, and what tells of the vault: it goes with what it tells of.
    """
    unkept = {
        (container, name)
        for container in ("people", "telemetry", "devices")
        for name, record in CONTAINERS[container].records.items()
        if "expiresAt" in record.fields and "keptBy" not in record.fields
    }
    assert unkept == {("devices", "guest"), ("people", "blockedData")}


KEEPABLE = [
    (container, name)
    for container in ("people", "telemetry", "devices")
    for name, record in CONTAINERS[container].records.items()
    if "keptBy" in record.fields
]


@pytest.mark.parametrize(("container", "name"), KEEPABLE)
async def test_every_kind_of_item_is_kept(desk: Desk, container: str, name: str) -> None:
    """Whatever expires of a person, when all of them is restricted; and is let go again with its time as it was."""
    dated_from = CONTAINERS[container].records[name].dated_from
    partition = {"people": "maria", "telemetry": desk.ownership_id, "devices": desk.home.access.device_id}[container]
    item = {
        CONTAINERS[container].partition_key: partition,
        "ownershipId": desk.ownership_id,
        "id": "an item",
        "type": name,
        str(dated_from): clocks.text(desk.clock()),
        **expiring(container, name, since=desk.clock(), now=desk.clock()),
    }
    declared_fields = {*CONTAINERS[container].records[name].fields, "id", "type", "ttl"}
    await desk.database[container].create({key: value for key, value in item.items() if key in declared_fields})
    restriction = await desk.restrict()
    await desk.work()
    assert set(await desk.kept_by(container, name)) == {"restriction"}
    await desk.lift(restriction)
    await desk.work()
    let_go = {one["id"]: one for one in await desk.items(container, name)}["an item"]
    assert (let_go["expiresAt"], let_go.get("keptBy")) == (item["expiresAt"], None)
    await desk.restrict(ground="legal_claims")
    await desk.work()
    assert set(await desk.kept_by(container, name)) == {"restriction"}


async def test_what_is_restricted_outlives_its_time_and_goes_when_it_is_lifted(desk: Desk) -> None:
    """Readings of both kinds, two years and more; they are gone when the work of the lifting is done."""
    await desk.home.messages(3)
    restriction = await desk.restrict()
    assert await desk.work() == ["done"]
    assert await desk.kept_by() == ["restriction"] * 3
    expires_at = {item["expiresAt"] for item in await desk.items()}
    desk.forward(**YEARS)
    assert {item["expiresAt"] for item in await desk.items()} == expires_at
    assert len(await desk.items(item_type="performanceReadings")) == 3
    await desk.lift(restriction)
    await desk.work()
    assert await desk.items() == []
    assert await desk.items(item_type="performanceReadings") == []


async def test_what_has_time_left_expires_as_if_nothing_had_been(desk: Desk) -> None:
    """Its TTL counts from the last write: what remains of its time is given back, and no more."""
    await desk.home.messages(1)
    [before] = await desk.items()
    restriction = await desk.restrict()
    await desk.work()
    desk.forward(days=100)
    await desk.lift(restriction)
    await desk.work()
    [after] = await desk.items()
    assert after["expiresAt"] == before["expiresAt"]
    left = (clocks.moment(before["expiresAt"]) - desk.clock()).total_seconds()
    assert left <= after["ttl"] <= left + keeping.SETTLED_AFTER.total_seconds()
    desk.forward(seconds=left + 60)
    assert await desk.items() == []


async def test_what_its_category_blocks_is_left_to_be_moved(desk: Desk) -> None:
    """The firmware history of a device is not destroyed when its restriction is lifted, but left for the vault."""
    restriction = await desk.restrict(scope="device", deviceId=desk.home.access.device_id)
    await desk.work()
    assert await desk.kept_by("devices", "firmwareVersion") == ["restriction"]
    desk.forward(**YEARS)
    await desk.lift(restriction)
    await desk.work()
    [past] = await desk.items("devices", "firmwareVersion")
    assert past["ttl"] == MARGIN.total_seconds()
    assert "keptBy" not in past
    desk.forward(days=7, minutes=1)
    assert await desk.items("devices", "firmwareVersion") == []


async def test_what_expires_first_is_kept_first(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker is killed after every batch: what it has kept by then is what had the least time left."""
    monkeypatch.setattr(keeping, "AT_ONCE", 2)
    await messages_over_days(desk, 5)
    desk.forward(days=180 - 5.5)
    await desk.restrict()
    kept_at: list[int] = []
    for _ in range(20):
        try:
            with killed_at("restriction.kept"):
                await desk.work()
                break
        except Killed:
            desk.forward(seconds=LEASE.total_seconds() + 1)
        items = [*await desk.items(), *await desk.items(item_type="performanceReadings")]
        kept = ["keptBy" in item for item in sorted(items, key=lambda item: str(item["expiresAt"]))]
        assert kept == sorted(kept, reverse=True)
        kept_at.append(sum(kept))
    assert kept_at[0] == 2  # before anything of the device, which has years left
    assert kept_at[-1] == 10


@pytest.mark.parametrize("point", [point for point in get_args(Point) if point.startswith("restriction.")])
async def test_whoever_is_killed_is_followed_by_the_timer(desk: Desk, point: Point) -> None:
    """At every named point of a restriction and of its lifting: the end is the same, and each step is told once."""
    await messages_over_days(desk, 2)
    kills = 0
    restriction = None
    try:
        with killed_at(point) as reached:
            restriction = await desk.restrict()
            await desk.work()
    except Killed:
        kills += 1
    desk.forward(minutes=5)
    await desk.look()
    await desk.work()
    assert await desk.kept_by() == ["restriction"] * 2
    restriction = restriction or await desk.restrict()
    assert await desk.told() == ["restriction_begun"]
    desk.forward(**YEARS)
    try:
        with killed_at(point) as reached:
            await desk.lift(restriction)
            await desk.work()
    except Killed:
        kills += 1
    desk.forward(minutes=5)
    await desk.look()
    await desk.work()
    assert await desk.items() == []
    assert not (await load_policy(desk.database["people"], "maria")).store_only
    assert await desk.told() == ["restriction_lifted"]  # the word of its begin was a year old, and was let go
    assert await desk.actions() == ["restriction_begun", "restriction_lifted"]
    assert kills
    assert reached() <= 1


async def test_a_hold_stands_above_a_restriction(desk: Desk) -> None:
    """Lifting the restriction lets nothing go that is held; what is held alone is used as before."""
    await desk.home.messages(2)
    restriction = await desk.restrict()
    held = await desk.hold(scope="category", category="usage")
    await desk.work()
    assert await desk.kept_by() == ["legal_hold"] * 2
    assert await desk.kept_by(item_type="performanceReadings") == ["restriction"] * 2
    assert (await desk.stands()).keeps(desk.ownership_id, "usage") == "legal_hold"
    await desk.lift(restriction)
    await desk.work()
    assert await desk.kept_by() == ["legal_hold"] * 2
    assert await desk.kept_by(item_type="performanceReadings") == [None] * 2
    policy = await load_policy(desk.database["telemetry"], desk.ownership_id)
    assert policy.held == {"usage"}
    assert policy.store_only == frozenset()
    await desk.home.messages(1)
    assert await desk.kept_by() == ["legal_hold"] * 3
    assert [item.get("storeOnly") for item in await desk.items()] == [None] * 3
    await desk.restrict()
    await desk.end(held)
    await desk.work()
    assert await desk.kept_by() == ["restriction"] * 3


async def test_a_hold_ends_with_its_time(desk: Desk) -> None:
    """By the timer, and the person is told of begin and end, with the ground; what is past its time goes then."""
    await desk.home.messages(1)
    held = await desk.hold(days=800)
    assert (await desk.hold(days=800)).hold_id == held.hold_id
    longer = await desk.hold(days=801)
    await desk.work()
    assert await desk.told() == ["legal_hold_claims"] * 2
    desk.forward(days=800, seconds=1)
    await desk.look()
    await desk.work()
    assert await desk.kept_by() == ["legal_hold"]
    assert (await desk.hold(days=1, reference="LH-2026-18")).told
    assert (await desk.end(longer)).ended_at == desk.clock()
    desk.forward(days=1)
    await desk.look()
    await desk.work()
    assert await desk.items() == []
    assert (await desk.told()).count("legal_hold_ended") == 3
    assert (await desk.actions()).count("legal_hold_ended") == 3


async def test_what_was_stored_meanwhile_is_kept_within_a_day(desk: Desk) -> None:
    """Notifications, cases and logs are written without asking: they have longer than a day, and are found daily."""
    await desk.restrict()
    await desk.work()
    device_id, database = desk.home.access.device_id, desk.database
    case = await open_case(
        "maria", device_id, 7, log="a line", database=database, journal=desk.journal, now=desk.clock()
    )
    assert "restriction" not in await desk.kept_by("devices", "supportLog")
    desk.forward(days=1)
    await desk.look()
    await desk.work()
    for container, record in (("devices", "supportCase"), ("devices", "supportLog"), ("people", "notification")):
        assert set(await desk.kept_by(container, record)) == {"restriction"}
    # And whoever writes one of them anew lets it stay so.
    await close_case("maria", device_id, case.case_id, database=database, journal=desk.journal, now=desk.clock())
    assert await desk.kept_by("devices", "supportCase") == ["restriction"]
    notification = (await desk.items("people", "notification"))[0]
    await change(notification, people=database["people"], now=desk.clock(), readAt=clocks.text(desk.clock()))
    assert (await desk.kept_by("people", "notification"))[0] == "restriction"
    desk.forward(**YEARS)
    assert len(await desk.items("devices", "supportLog")) == 1


async def test_a_changed_retention_lets_what_is_kept_stay(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its time is brought to the new period; that is counted when nothing keeps it any more."""
    await desk.home.messages(1)
    restriction = await desk.restrict()
    await desk.work()
    records = CONTAINERS["telemetry"].records
    shorter = replace(records["usageReadings"], retention=timedelta(days=30))
    monkeypatch.setitem(records, "usageReadings", shorter)
    desk.forward(days=31)
    outcomes = [one async for one in re_date(desk.database, now=desk.clock())]
    assert [one.redated for one in outcomes if one.record == "usageReadings"] == [1]
    assert await desk.kept_by() == ["restriction"]
    await desk.lift(restriction)
    await desk.work()
    assert await desk.items() == []


async def test_an_event_that_staff_mark_stays_kept(desk: Desk) -> None:
    """A hold does not hide it from those who see to it; what they write does not let it expire."""
    event = await desk.home.event()
    await desk.home.store(replace(event, body=b"not json"))
    await desk.hold()
    await desk.work()
    [item] = await desk.items(item_type="attributableMalformed")
    seen = await QuarantineDesk.of_monitor(
        Staff(STAFF, frozenset({Role.FLEET})),
        Purpose.REPAIR,
        SERIAL,
        database=desk.database,
        identity_key=IDENTITY_KEY,
        now=desk.clock(),
    )
    await seen.release(item["id"])
    assert await desk.kept_by(item_type="attributableMalformed") == ["legal_hold"]


async def test_a_job_that_looked_before_a_hold_lets_nothing_go_after_it(desk: Desk) -> None:
    """The hold came between the job's look and its batch: the batch fails, and the job begins anew."""
    await desk.home.messages(1)
    restriction = await desk.restrict()
    await desk.work()
    desk.forward(**YEARS)
    await desk.lift(restriction)
    read = desk.database["people"].query
    is_held = False

    async def holding(*args: Any, **more: Any) -> AsyncIterator[Item]:
        nonlocal is_held
        async for item in read(*args, **more):
            yield item
        if not is_held and "restriction" in str(args[0]):
            is_held = True
            await desk.hold()

    desk.database["people"].query = holding  # type: ignore[method-assign]
    await desk.work()
    desk.database["people"].query = read  # type: ignore[method-assign]
    assert is_held
    await desk.work()
    assert await desk.kept_by() == ["legal_hold"]


async def test_a_hold_that_may_not_be_told_is_nowhere_in_what_the_person_reads(desk: Desk) -> None:
    """Not in the list, the inbox, the export or their ledger; the service's own ledger and staff have it."""
    held = await desk.hold(ground="authority_order", tellPerson=False)
    await desk.home.messages(1)
    await desk.work()
    await desk.end(held)
    assert (await own_standings("maria", desk.office)).legal_holds == []
    assert await desk.told() == []
    shown_items = [str(shown(one)) async for one in held_about("maria", database=desk.database)]
    assert not [one for one in shown_items if held.hold_id in one or "legal_hold" in one or "held" in one]
    seen = await staff_standings("maria", Purpose.COMPLAINT, desk.office, staff_id=STAFF)
    assert [one.hold_id for one in seen.legal_holds] == [held.hold_id]
    assert sorted(await desk.actions()) == [
        "legal_hold_ended",
        "legal_hold_lifted",
        "legal_hold_set",
        "standings_viewed",
    ]


async def test_a_hold_has_an_end_within_bounds(desk: Desk) -> None:
    """In the future, and in five years at most."""
    for days in (0, -1, 5 * 365 + 1):
        with pytest.raises(Problem, match="field_out_of_range"):
            await desk.hold(days=days)
    with pytest.raises(Problem, match="legal_hold_unknown"):
        await desk.end((await desk.hold()).model_copy(update={"hold_id": "0" * 32}))


async def test_what_was_erased_is_not_written_again(desk: Desk) -> None:
    """An erasure closes the gate: the work passes by, and makes no item anew."""
    await desk.home.messages(1)
    await desk.restrict()
    await changed(desk.database["telemetry"], desk.ownership_id, lambda policy: replace(policy, tombstone=True))
    await desk.work()
    assert await desk.kept_by() == [None]


async def test_a_dispute_is_kept_with_the_period_that_it_is_about(desk: Desk) -> None:
    """It is the former owner's; what the device is now is somebody else's, and expires as ever."""
    desk.forward(seconds=1)
    await desk.home.pair("ana")
    device_id, database = desk.home.access.device_id, desk.database
    await disputes.open_dispute("maria", device_id, database=database, now=desk.clock())
    held = await desk.hold(scope="device", deviceId=device_id)
    await desk.work()
    assert held.device_id == device_id
    assert await desk.kept_by("devices", "dispute") == ["legal_hold"]
    firmware = await desk.items("devices", "firmwareVersion")
    assert {item["ownershipId"] == desk.ownership_id: item.get("keptBy") for item in firmware} == {
        True: "legal_hold",
        False: None,
    }


async def test_work_that_fails_is_done_the_next_day(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is tried again, parked with an alarm, and started anew when the restriction is looked at next."""

    async def away(*_: Any, **__: Any) -> None:
        raise ConnectionError

    await desk.home.messages(1)
    await desk.restrict()
    with monkeypatch.context() as outage:
        outage.setattr(desk.database["telemetry"], "batch", away)
        for _ in range(ATTEMPTS_LIMIT):
            await desk.work()
            desk.forward(minutes=10)
    assert await desk.work() == []
    assert await desk.kept_by() == [None]
    desk.forward(days=1)
    await desk.look()
    assert await desk.work() == ["done"]
    assert await desk.kept_by() == ["restriction"]


async def test_the_daily_look_tells_nothing_again(desk: Desk) -> None:
    """Nor does it compute figures anew: what it does is to keep what came since, however long it lasts."""
    await desk.restrict(scope="category", category="usage")
    for _ in range(3):
        await desk.work()
        desk.forward(days=200)
        assert await desk.look() == 1
    assert await desk.told() == []  # the word of its begin was kept for a year
    assert await desk.actions() == ["restriction_begun"]
