"""Objections to statistics: at once, for everything that is theirs, and for nobody else."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shared import statistics
from shared.cosmos import declared
from shared.errors import Problem
from shared.gate import Erased
from tests.doubles import changed
from tests.export_user_data.consents.chooser import Choosing, refused, second_monitor

pytestmark = pytest.mark.wire


async def test_an_objection_stops_collecting_at_once(house: Choosing) -> None:
    """Also what the monitor sends with the token that it has, and what it had observed before."""
    access = await house.pair("maria")
    before = await house.policy(access)
    house.clock.forward(hours=2)
    assert await house.store(await house.event(access, minutes=1)) == (1, {})
    said = await house.object()
    assert [(one.device_id, one.since) for one in said.objections] == [(None, house.clock())]
    assert said.after_objection == "not_collected"
    house.clock.forward(minutes=1)
    for minutes in (0, 30):
        late = await house.event(access, before, minutes=minutes)
        assert await house.store(late) == (0, {"category_not_open": 1})
    assert await house.collected(access) == []


async def test_open_figures_are_without_the_person_at_once(house: Choosing) -> None:
    """Those of others stay; a closed day is not touched; and taking it back brings nothing of before back."""
    house.clock.now = house.clock.now.replace(hour=1, minute=40)
    access, other = await house.pair("maria"), await house.pair("jordi", "VEO-000009")
    house.clock.forward(days=1)
    for one in (access, other):
        assert await house.store(await house.event(one, hours=20)) == (1, {})
    day = house.clock().date() - timedelta(days=1)
    await statistics.start_due(database=house.database, hub=house.hub, now=house.clock())
    await house.compute()
    assert await house.counted(day) == 2
    await house.object()
    await house.compute()
    assert await house.counted(day) == 1
    house.clock.forward(minutes=1)
    await house.withdraw()
    await house.compute()
    assert await house.counted(day) == 1


async def test_an_objection_holds_for_past_present_and_coming_monitors(house: Choosing) -> None:
    """One that was given away, one that is there, and one that is paired later; not for whoever has it now."""
    given_away, kept = await house.pair("maria"), await second_monitor(house)
    house.clock.forward(hours=1)
    await house.store(await house.event(given_away, minutes=10))
    buyer = await house.pair("jordi")
    house.clock.forward(minutes=1)
    await house.object()
    house.clock.forward(minutes=1)
    later = await house.pair("maria", "VEO-000003")
    assert later.categories == []
    assert [await house.collected(one) for one in (kept, later, buyer)] == [[], [], ["usage"]]
    assert (await house.policy(given_away)).windows == {}
    await house.withdraw()
    assert [await house.collected(one) for one in (kept, later, buyer)] == [["usage"]] * 3
    assert (await house.policy(given_away)).windows == {}


async def test_an_objection_may_be_of_one_monitor(house: Choosing) -> None:
    """The others go on; taking back the one of all takes back every one."""
    one, other = await house.pair("maria"), await second_monitor(house)
    await house.object(device_id=one.device_id)
    assert [await house.collected(access) for access in (one, other)] == [[], ["usage"]]
    house.clock.forward(minutes=1)
    await house.object()
    standing = (await house.withdraw(device_id=other.device_id)).objections
    assert [objection.device_id for objection in standing] == [None, one.device_id]
    assert await house.collected(other) == []
    house.clock.forward(minutes=1)
    assert (await house.withdraw()).objections == []
    assert [await house.collected(access) for access in (one, other)] == [["usage"], ["usage"]]


async def test_taking_it_back_collects_from_then_on(house: Choosing) -> None:
    """What was observed while it stood is refused for good."""
    access = await house.pair("maria")
    house.clock.forward(minutes=10)
    await house.object()
    house.clock.forward(minutes=10)
    await house.withdraw()
    house.clock.forward(minutes=10)
    assert await house.store(await house.event(access, minutes=15)) == (0, {"category_not_open": 1})
    assert await house.store(await house.event(access, minutes=5)) == (1, {})


async def test_the_history_is_only_added_to(house: Choosing) -> None:
    """A repeat says nothing new; every entry stays as it was written."""
    await house.pair("maria")
    seen: list[dict[str, object]] = []
    for work in (house.object, house.object, house.withdraw, house.withdraw, house.object):
        house.clock.forward(minutes=1)
        await work()
        entries = sorted(await house.items("objection"), key=lambda item: str(item["at"]))
        assert [declared(item) for item in entries][: len(seen)] == seen
        seen = [declared(item) for item in entries]
    assert [entry["objected"] for entry in seen] == [True, False, True]
    assert {(entry["by"], entry["channel"]) for entry in seen} == {("person", "app")}
    assert await house.said() == [
        ("objection_recorded", "person"),
        ("objection_withdrawn", "person"),
        ("objection_recorded", "person"),
    ]
    told = [template for template, _ in await house.told("maria")]
    assert told == ["monitor_paired", "objection_recorded", "objection_withdrawn", "objection_recorded"]
    assert await house.items("unsettledChoice") == []


async def test_somebody_elses_monitor_is_unknown(house: Choosing) -> None:
    """As one that is not there; nothing is written."""
    access = await house.pair("maria")
    await house.move_in("jordi")
    for device_id in (access.device_id, "0" * 32):
        assert await refused(house.object("jordi", device_id)) == "device_not_yours"
        assert await refused(house.withdraw("jordi", device_id)) == "device_not_yours"
    assert await house.items("objection", "jordi") == []


async def test_an_objection_is_journalled(house: Choosing) -> None:
    """The person's own choice too, so that a restored database knows it for monitors to come."""
    access = await house.pair("maria")
    await house.object()
    narrowed = {(container, partition): policy for container, partition, policy in house.journal.entries}
    assert narrowed["people", "maria"].objected == {"usage"}
    assert narrowed["telemetry", access.ownership_id].windows == {}


async def test_an_erased_person_chooses_nothing(house: Choosing) -> None:
    """There is nobody whose choice it would be."""
    await house.pair("maria")
    await changed(house.database["people"], "maria", lambda policy: replace(policy, tombstone=True))
    with pytest.raises(Erased):
        await house.object()
    with pytest.raises(Erased):
        await house.object("nobody")
    with pytest.raises(Problem, match="claim_unknown"):
        await house.pair("maria", "VEO-000004")
