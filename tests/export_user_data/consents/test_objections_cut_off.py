"""Objections that are killed or race a registration or each other: the end is the same."""

import asyncio

import pytest

from export_user_data.consents import settling
from shared.injection import Point, listening
from tests.export_user_data.consents.chooser import CHOICE_POINTS, Choosing, CutOff, Held, cut, second_monitor

pytestmark = pytest.mark.wire

REGISTERING: list[Point] = [
    "registration.claimed",
    "registration.linked",
    "registration.gated",
    "registration.owned",
    "registration.finished",
]


@pytest.mark.parametrize("again", ["repeated", "by the timer"])
@pytest.mark.parametrize("point", CHOICE_POINTS)
async def test_an_objection_cut_off_anywhere_takes_effect(house: Choosing, point: Point, again: str) -> None:
    """By its repeat, or by the timer: once in history, ledger and inbox, and for every monitor."""
    accesses = [await house.pair("maria"), await second_monitor(house)]
    house.clock.forward(minutes=1)
    await cut(house.object(), point)
    if again == "repeated":
        await house.object()
    else:
        assert await house.repair() == {"settled": 1}
    assert [await house.collected(access) for access in accesses] == [[], []]
    assert [entry["objected"] for entry in await house.items("objection")] == [True]
    assert await house.said() == [("objection_recorded", "person")]
    assert [template for template, _ in await house.told("maria")].count("objection_recorded") == 1
    assert await house.items("unsettledChoice") == []
    assert await house.repair() == {}


async def test_a_choice_that_is_under_way_is_left_to_its_request(house: Choosing) -> None:
    """The timer comes for what nobody has finished in two minutes."""
    await house.pair("maria")
    await cut(house.object(), "choices.recorded")
    assert await settling.repair(stores=house.stores, now=house.clock()) == {}
    [mark] = await house.items("unsettledChoice")
    [entry] = await house.items("objection")
    assert mark["entryId"] == entry["id"]


@pytest.mark.parametrize("point", REGISTERING)
async def test_an_objection_during_a_registration_holds(house: Choosing, point: Point) -> None:
    """Whatever the registration had read or written when the person objected."""
    claim = await house.claim("maria")
    held = Held(point)
    with listening(held):
        registering = asyncio.create_task(house.register(claim))
    await held.stopped.wait()
    house.clock.forward(minutes=1)
    await house.object()
    held.go.set()
    access, _ = await registering
    assert await house.collected(access) == []
    house.clock.forward(minutes=1)
    await house.withdraw()
    assert await house.collected(access) == ["usage"]


@pytest.mark.parametrize("point", REGISTERING)
async def test_a_withdrawal_during_a_registration_holds(house: Choosing, point: Point) -> None:
    """It is collected, and from the begin of the ownership on at most."""
    await house.move_in("maria")
    await house.object()
    claim = await house.claim("maria")
    held = Held(point)
    with listening(held):
        registering = asyncio.create_task(house.register(claim))
    await held.stopped.wait()
    house.clock.forward(minutes=1)
    await house.withdraw()
    held.go.set()
    access, _ = await registering
    policy = await house.policy(access)
    assert policy.open_at(house.clock()) == ["usage"]
    assert policy.windows["usage"][0].start >= policy.start


@pytest.mark.parametrize("point", REGISTERING)
async def test_a_registration_cut_off_before_an_objection_resumes_without_use(house: Choosing, point: Point) -> None:
    """The monitor shows its claim again after its owner has objected."""
    claim = await house.claim("maria")
    await cut(house.register(claim), point)
    house.clock.forward(minutes=1)
    await house.object()
    house.clock.forward(minutes=1)
    access, _ = await house.register(claim)
    assert access.categories == []
    assert await house.collected(access) == []


async def test_who_is_late_with_an_older_choice_changes_nothing(house: Choosing) -> None:
    """A worker that lets the withdrawal take effect is held, and the person objects again meanwhile."""
    access = await house.pair("maria")
    await house.object()
    house.clock.forward(minutes=1)
    held = Held("gate.read")
    seen = 0

    async def at_the_monitor(point: Point) -> None:
        nonlocal seen
        seen += point == "gate.read"
        if seen > 1:  # the first one is the person's own
            await held(point)

    with listening(at_the_monitor):
        late = asyncio.create_task(house.withdraw())
    await held.stopped.wait()
    await house.object()
    held.go.set()
    await late
    assert await house.collected(access) == []
    assert (await house.object()).objections[0].device_id is None


async def test_a_timer_goes_on_behind_a_person_whose_choice_fails(house: Choosing) -> None:
    """The fault is raised when the others have had their turn."""
    access, other = await house.pair("maria"), await house.pair("jordi", "VEO-000009")
    await cut(house.object("maria"), "choices.recorded")
    house.clock.forward(minutes=1)
    await cut(house.object("jordi"), "choices.recorded")
    failed = False

    async def fail_once(point: Point) -> None:
        nonlocal failed
        if point == "choices.gate_followed" and not failed:
            failed = True
            raise CutOff

    with listening(fail_once), pytest.raises(CutOff):
        await house.repair()
    assert [await house.collected(one) for one in (access, other)] == [[], []]
    assert await house.repair() == {"settled": 1}
