"""Ownership: how a monitor is given up, and what of it each owner sees."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from datetime import date
from typing import get_args

import pytest

from register_device.devices import list_devices, note_invoice, one_device, owned_device, release_device
from register_device.repairs import repair
from shared.errors import Problem
from shared.injection import Point, listening
from shared.rectifying import Means
from tests.people import SERIAL, House
from tests.register_device.ownership_steps import (
    CUTS,
    DEVICE_ID,
    CutOff,
    check_history,
    cut,
    owner,
    register_as_new,
    released,
    renewed,
)

pytestmark = pytest.mark.wire


async def test_a_released_monitor_belongs_to_nobody(house: House) -> None:
    """Its owner keeps their period; the monitor gets no token; whoever pairs it next begins anew."""
    access = await house.pair("maria")
    house.clock.forward(days=1)
    await released(house)
    assert await owner(house) is None
    [link] = await list_devices("maria", database=house.database, now=house.clock())
    assert (link.until, link.serial_number) == (house.clock(), None)
    for token in (None, access.token):
        with pytest.raises(Problem, match="device_not_registered"):
            await renewed(house, token=token)
    house.clock.forward(days=1)
    new = await house.pair("jordi")
    assert new.ownership_id != access.ownership_id
    assert (await house.told("maria"))[-1] == ("monitor_released", access.ownership_id)
    await check_history(house)


async def test_the_same_owner_may_pair_a_released_monitor_again(house: House) -> None:
    """It is a new period; the date first connected stays."""
    before = await house.pair("maria")
    device = await owned_device("maria", DEVICE_ID, database=house.database)
    house.clock.forward(days=1)
    await released(house)
    house.clock.forward(days=1)
    after = await house.pair("maria")
    assert after.ownership_id != before.ownership_id
    again = await owned_device("maria", DEVICE_ID, database=house.database)
    assert again["firstConnectedAt"] == device["firstConnectedAt"]
    await check_history(house)


async def test_releasing_again_answers_as_before(house: House) -> None:
    """The answer was lost on the way."""
    await house.pair("maria")
    house.clock.forward(days=1)
    first = await release_device("maria", DEVICE_ID, database=house.database, journal=house.journal, now=house.clock())
    house.clock.forward(days=1)
    again = await release_device("maria", DEVICE_ID, database=house.database, journal=house.journal, now=house.clock())
    assert again == first
    assert [told for told, _ in await house.told("maria")].count("monitor_released") == 1


async def test_nobody_releases_what_is_not_theirs(house: House) -> None:
    """Neither a stranger's nor one that is not there."""
    with pytest.raises(Problem, match="device_not_yours"):
        await released(house)
    await house.pair("maria")
    with pytest.raises(Problem, match="device_not_yours"):
        await released(house, "jordi")


@pytest.mark.parametrize("point", ["ownership.ended", "ownership.gate_ended", "ownership.link_ended"])
async def test_a_release_that_was_cut_off_is_finished_by_its_repeat(house: House, point: Point) -> None:
    """And by whatever comes first: here nothing but the repeat."""
    await house.pair("maria")
    house.clock.forward(days=1)
    assert await cut(released(house), point)
    await released(house)
    await check_history(house)
    assert [told for told, _ in await house.told("maria")].count("monitor_released") == 1


async def test_a_claim_from_before_a_release_pairs_nothing(house: House) -> None:
    """Whoever kept an old claim of theirs does not get a monitor that was let go."""
    claim = await house.claim("jordi")
    await house.register(claim, "VEO-000002")
    await house.pair("maria")
    repair = await house.claim("maria")
    await house.register(repair)
    house.clock.forward(minutes=1)
    await released(house)
    with pytest.raises(Problem, match="claim_used"):
        await house.register(repair)


async def test_a_new_owner_sees_nothing_that_was_said_in_the_former_ones_time(house: House) -> None:
    """But what the device is whoever owns it."""
    claim = await house.claim("maria", country="FR")
    await house.register(claim, model="VEO-XS", technical={"divertService": "sip:maria"})
    house.clock.forward(days=1)
    await register_as_new(house)
    device = await one_device("jordi", DEVICE_ID, database=house.database, now=house.clock())
    assert (device.region, device.technical, device.firmware_version) == (None, {}, None)
    assert (device.model, device.serial_number) == ("VEO-XS", SERIAL)


def interleaving(seed: int) -> Callable[[Point], Awaitable[None]]:
    """Waits at every point for a random while, and dies at one point in twenty."""
    chance = random.Random(seed)  # noqa: S311 - shuffles a test

    async def wait(_point: Point) -> None:
        for _ in range(chance.randrange(6)):
            await asyncio.sleep(0)
        if chance.random() < 0.05:
            raise CutOff

    return wait


async def test_a_hundred_registrations_by_two_accounts_end_in_one_owner(house: House) -> None:
    """Interleaved and cut off at every point; then the timer repairs: one owner and a consistent history."""
    reached: set[Point] = set()
    wait = interleaving(20261122)

    async def listener(point: Point) -> None:
        reached.add(point)
        await wait(point)

    claims = [await house.claim(person) for person in ("maria", "jordi") * 50]
    limit = asyncio.Semaphore(12)

    async def one(number: int, claim: str) -> None:
        async with limit:
            house.clock.forward(seconds=1)
            if number % 10 == 9:
                await released(house, "maria" if number % 20 == 9 else "jordi")
            await house.register(claim)

    with listening(listener):
        results = await asyncio.gather(
            *(one(number, claim) for number, claim in enumerate(claims)), return_exceptions=True
        )
    faults = [result for result in results if result is not None]
    assert {type(fault) for fault in faults} <= {Problem, CutOff}
    codes = {fault.code for fault in faults if isinstance(fault, Problem)}
    assert codes <= {"busy", "claim_used", "claim_expired", "device_not_yours"}
    assert any(isinstance(fault, CutOff) for fault in faults)
    assert set(CUTS) <= reached <= set(get_args(Point))
    for _ in range(2):
        house.clock.forward(days=1, minutes=10)
        await repair(database=house.database, journal=house.journal, now=house.clock())
    if await owner(house) is not None:
        await renewed(house)
    await check_history(house)


async def test_each_owner_sees_the_firmware_of_their_own_time(house: House) -> None:
    """A history per period, with what the monitor had when it began."""
    await house.pair("maria")
    house.clock.forward(days=1)
    await house.pair("maria", firmwareVersion="3.3.0", technical={"build": "9"})
    detail = await one_device("maria", DEVICE_ID, database=house.database, now=house.clock())
    assert [seen.version for seen in detail.firmware_history] == ["3.2.1", "3.3.0"]
    assert detail.technical == {"build": "9"}
    house.clock.forward(days=1)
    await house.pair("jordi", firmwareVersion="3.3.0")
    detail = await one_device("jordi", DEVICE_ID, database=house.database, now=house.clock())
    assert [(seen.version, seen.first_seen_at) for seen in detail.firmware_history] == [("3.3.0", house.clock())]
    with pytest.raises(Problem, match="device_not_yours"):
        await one_device("maria", DEVICE_ID, database=house.database, now=house.clock())


@pytest.mark.parametrize(("said", "shown"), [({}, ("ES", "app")), ({"region": "EU"}, ("EU", "monitor"))])
async def test_a_region_says_where_it_came_from(house: House, said: dict[str, str], shown: tuple[str, str]) -> None:
    """The monitor's word counts before the app's, also when the monitor says it later."""
    await house.register(await house.claim("maria", country="ES"), **said)
    device = await owned_device("maria", DEVICE_ID, database=house.database)
    assert (device["region"], device["regionSource"]) == shown
    await house.register(await house.claim("maria", country="PT"), region="EU")
    await house.register(await house.claim("maria", country="PT"))
    device = await owned_device("maria", DEVICE_ID, database=house.database)
    assert (device["region"], device["regionSource"]) == ("EU", "monitor")


async def test_an_invoice_is_the_owners_own(house: House, means: Means) -> None:
    """The next owner does not see it; it can be taken back; a date that cannot be is refused."""
    await house.pair("maria")
    noted = await note_invoice("maria", DEVICE_ID, date(2026, 1, 2), means=means, now=house.clock())
    assert noted.warranty is not None
    assert (noted.warranty.basis, noted.warranty.ends_on) == ("invoice", date(2029, 1, 2))
    for impossible in (date(1999, 12, 31), house.clock().date().replace(year=2100)):
        with pytest.raises(Problem, match="field_out_of_range"):
            await note_invoice("maria", DEVICE_ID, impossible, means=means, now=house.clock())
    taken_back = await note_invoice("maria", DEVICE_ID, None, means=means, now=house.clock())
    assert taken_back.warranty is not None
    assert taken_back.warranty.basis == "first_connected"
    await note_invoice("maria", DEVICE_ID, date(2026, 1, 2), means=means, now=house.clock())
    await house.pair("jordi")
    [of_jordi] = await list_devices("jordi", database=house.database, now=house.clock())
    assert of_jordi.warranty is not None
    assert of_jordi.warranty.basis == "first_connected"
