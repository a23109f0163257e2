"""Repairs: what was cut off and nobody repeats."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from register_device import ownership, repairs
from register_device.repairs import REPAIRED_AFTER, repair
from shared.cosmos import Item
from shared.errors import Problem
from shared.gate import load_policy
from shared.injection import Point
from tests.people import House
from tests.register_device.ownership_steps import CUTS, check_history, cut, owner, released, renewed, revoked

pytestmark = pytest.mark.wire


@pytest.mark.parametrize("point", ["ownership.ended", "ownership.gate_ended", "ownership.link_ended"])
@pytest.mark.parametrize("ending", [released, revoked], ids=["released", "revoked"])
async def test_an_end_that_was_cut_off_and_that_nobody_repeats_is_settled(
    house: House, point: Point, ending: Callable[[House], Awaitable[None]]
) -> None:
    """By the timer: from then on the last token renews nothing, and nothing that the monitor sends is stored."""
    access = await house.pair("maria")
    house.clock.forward(days=1)
    assert await cut(ending(house), point)
    house.clock.now += REPAIRED_AFTER
    ends = await repair(database=house.database, journal=house.journal, now=house.clock())
    assert ends == {"settled": 1}
    with pytest.raises(Problem, match=r"attestation_refused|device_not_registered"):
        await renewed(house, token=access.token)
    assert (await load_policy(house.database["telemetry"], access.ownership_id)).end is not None
    await check_history(house)
    assert not await repair(database=house.database, journal=house.journal, now=house.clock())


async def test_one_that_cannot_be_repaired_does_not_keep_the_others(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its fault is raised when the others have had their turn."""
    for number in range(3):
        assert await cut(
            house.register(await house.claim(f"person-{number}"), f"VEO-00000{number}"), "registration.owned"
        )
    house.clock.now += REPAIRED_AFTER
    finish, seen = ownership.finish, []

    async def fails_once(device: Item, **rest: Any) -> None:
        seen.append(device)
        if len(seen) == 1:
            raise ConnectionError
        await finish(device, **rest)

    monkeypatch.setattr(ownership, "finish", fails_once)
    with pytest.raises(ConnectionError):
        await repair(database=house.database, journal=house.journal, now=house.clock())
    assert len(seen) == 3
    assert await repair(database=house.database, journal=house.journal, now=house.clock()) == {"completed": 1}


async def test_what_only_waits_does_not_keep_the_others(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is put behind them."""
    monkeypatch.setattr(repairs, "AT_ONCE", 2)
    for number in range(4):
        assert await cut(
            house.register(await house.claim(f"person-{number}"), f"VEO-00000{number}"), "registration.gated"
        )
        house.clock.forward(seconds=1)
    house.clock.now += REPAIRED_AFTER
    assert await cut(house.register(await house.claim("maria")), "registration.owned")
    for expected in ({"waited for": 2}, {"waited for": 2}):
        house.clock.forward(minutes=1)
        assert await repair(database=house.database, journal=house.journal, now=house.clock()) == expected
    house.clock.now += REPAIRED_AFTER
    ends = [await repair(database=house.database, journal=house.journal, now=house.clock()) for _ in range(3)]
    assert sum(end["completed"] for end in ends) == 1


@pytest.mark.parametrize("point", CUTS)
async def test_a_registration_that_nobody_repeats_is_repaired(house: House, point: Point) -> None:
    """Completed where the device has its new owner; otherwise taken back once its claim is no longer kept."""
    await house.pair("maria")
    house.clock.forward(days=1)
    assert await cut(house.register(await house.claim("jordi")), point)
    for wait in ({"minutes": 6}, {"days": 1, "hours": 1}):
        house.clock.forward(**wait)
        await repair(database=house.database, journal=house.journal, now=house.clock())
    is_owned = point not in {"registration.claimed", "registration.linked", "registration.gated"}
    assert await owner(house) == ("jordi" if is_owned else "maria")
    query = "SELECT * FROM c WHERE c.type = 'link'"
    states = [link["state"] async for link in house.database["people"].query(query, partition="jordi")]
    assert states == (["active"] if is_owned else [])
    await check_history(house)


async def test_a_registration_under_way_is_left_alone(house: House) -> None:
    """And so is one whose claim may still be shown again: it resumes after a repair has looked at it."""
    claim = await house.claim("maria")
    assert await cut(house.register(claim), "registration.gated")
    ends = await repair(database=house.database, journal=house.journal, now=house.clock())
    assert not ends
    house.clock.now += REPAIRED_AFTER
    ends = await repair(database=house.database, journal=house.journal, now=house.clock())
    assert ends == {"waited for": 1}
    await house.register(claim)
    assert await owner(house) == "maria"
    await check_history(house)


async def test_a_link_that_is_taken_back_leaves_a_closed_gate(house: House) -> None:
    """Nothing can be stored under an ownership that never was."""
    assert await cut(house.register(await house.claim("maria")), "registration.gated")
    [gate] = [item async for item in house.database["telemetry"].query("SELECT * FROM c WHERE c.type = 'gate'")]
    house.clock.forward(days=2)
    assert await repair(database=house.database, journal=house.journal, now=house.clock()) == {"removed": 1}
    policy = await load_policy(house.database["telemetry"], gate["ownershipId"])
    assert policy.refusal("usage", policy.start, house.clock()) == "outside_ownership"
