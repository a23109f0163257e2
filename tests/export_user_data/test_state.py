"""The last-known state of a device: what was observed last, whatever arrived last."""

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from export_user_data.contract import DeviceState
from export_user_data.state import device_state
from shared.cosmos import Database
from shared.errors import Problem
from shared.keys import KeySet
from tests.conftest import SettableClock
from tests.doubles import changed
from tests.export_user_data.owned import Home
from tests.people import House

pytestmark = pytest.mark.wire


@pytest.fixture
async def home(database: Database, device_keys: KeySet, clock: SettableClock) -> Home:
    return await Home.paired(House(database, device_keys, clock))


async def state(home: Home, person_id: str = "maria", **bounds: int) -> DeviceState:
    return await device_state(person_id, home.access.device_id, database=home.database, **bounds)


def values(found: DeviceState) -> dict[str, dict[str, Any]]:
    return {reading.kind: reading.values for reading in found.readings}


async def test_a_monitor_that_sent_nothing_has_a_state(home: Home) -> None:
    """Which is empty, and an answer."""
    found = await state(home)
    assert (found.readings, found.not_lately) == ([], [])


async def test_each_kind_is_told_with_its_times(home: Home) -> None:
    """Of one message that holds several kinds, and with the time by the service's clock."""
    an_hour = timedelta(hours=1)
    by_the_monitor = home.clock() - an_hour
    await home.store(
        await home.event(home.call(by_the_monitor, durationS=3), home.opening(by_the_monitor), offset=an_hour)
    )
    call, opening = (await state(home)).readings
    assert (call.kind, opening.kind) == ("call", "door_opening")
    assert (call.category, call.values) == ("usage", {"outcome": "answered", "durationS": 3})
    assert (call.observed_at, call.received_at) == (home.clock(), home.clock())
    assert call.time_quality == "corrected"


@pytest.mark.parametrize("seed", range(4))
async def test_late_and_repeated_messages_move_nothing_back(home: Home, seed: int) -> None:
    """Whatever the order in which they are stored, and however often: each kind only gets newer, until it is newest."""
    chance = random.Random(seed)  # noqa: S311 - a test that can be repeated
    begun = home.clock()
    events = []
    newest: dict[str, datetime] = {}
    makers: list[Callable[[datetime], dict[str, Any]]] = [home.call, home.opening, home.health]
    for number in range(25):
        home.clock.forward(minutes=1)
        readings, offset = [], timedelta(minutes=chance.choice([0, 0, 20, -20]))
        for make in chance.sample(makers, k=chance.randint(1, 3)):
            for _ in range(chance.randint(1, 3)):
                observed_at = begun - timedelta(minutes=chance.randrange(10_000), seconds=number)
                reading = make(observed_at - offset)
                readings.append(reading)
                newest[reading["kind"]] = max(newest.get(reading["kind"], observed_at), observed_at)
        events.append(await home.event(*readings, offset=offset))
    deliveries = events + chance.choices(events, k=10)
    chance.shuffle(deliveries)
    before: dict[str, Any] = {}
    while deliveries:
        batch = [deliveries.pop() for _ in range(min(chance.randint(1, 8), len(deliveries)))]
        await home.store(*batch)
        present = {reading.kind: reading.observed_at for reading in (await state(home)).readings}
        assert all(present[kind] >= moment for kind, moment in before.items())
        before = present
    assert before == newest


async def test_what_was_not_looked_at_is_not_stated(home: Home) -> None:
    """A page of the newest messages decides; a kind that they do not settle is named instead of being guessed."""
    now = home.clock()
    await home.store(await home.event(home.call(now - timedelta(hours=5)), home.opening(now - timedelta(days=9))))
    for minutes in range(3):
        await home.store(await home.event(home.call(now - timedelta(minutes=minutes), durationS=minutes)))
    found = await state(home, looked_at=3)
    assert values(found)["call"]["durationS"] == 0
    assert (list(values(found)), found.not_lately) == (["call"], ["door_opening", "feature_use"])
    assert list(values(await state(home))) == ["call", "door_opening"]


async def test_what_an_erasure_reaches_is_not_shown(home: Home) -> None:
    """From the moment at which the gate says so, before it is purged."""
    await home.store(await home.event(home.call()), await home.event(home.health()))
    telemetry, ownership_id, now = home.database["telemetry"], home.access.ownership_id, home.clock()
    await changed(telemetry, ownership_id, lambda policy: replace(policy, erased_through={"usage": now}))
    assert list(values(await state(home))) == ["system_health"]


async def test_only_the_owner_sees_it(home: Home) -> None:
    """Not a stranger, not who owned the monitor before, and nobody for a device that there is not."""
    await home.store(await home.event())
    await home.move_in("juan")
    with pytest.raises(Problem, match="device_not_yours"):
        await state(home, "juan")
    home.clock.forward(days=1)
    await home.pair("juan")
    with pytest.raises(Problem, match="device_not_yours"):
        await state(home)
    assert (await state(home, "juan")).readings == []
    with pytest.raises(Problem, match="device_not_yours"):
        await device_state("maria", "0" * 32, database=home.database)
