"""The fleet in figures: which monitors run what, and when they were last seen."""

from collections import Counter
from datetime import timedelta
from functools import partial

import pytest

from ingest_telemetry.storing import store_events
from register_device import fleet_figures
from register_device.contract.fleet import FleetFigures
from register_device.fleet import fleet_figures as figures_of
from register_device.fleet_figures import KIND, bounded, count_page, seen, start_counting
from shared.cosmos import Database, declared
from shared.errors import Problem
from shared.jobs import ATTEMPTS_LIMIT, Cursor, Lease, Step, run_job
from shared.keys import KeySet
from tests.conftest import SettableClock
from tests.doubles import RecordingHub
from tests.owned import Owned
from tests.people import House

pytestmark = pytest.mark.wire


class Fleet(House):
    """Monitors, and the job that counts them."""

    async def count(self, page_size: int = 3, step: Step | None = None) -> str:
        job = await start_counting(database=self.database, hub=RecordingHub(), now=self.clock())
        return await run_job(
            job["jobId"],
            {KIND: step or partial(count_page, database=self.database, page_size=page_size)},
            jobs=self.database["jobs"],
            hub=RecordingHub(),
            now=self.clock,
        )

    async def figures(self, day: str | None = None, **wanted: str) -> FleetFigures:
        return await figures_of(day, wanted, statistics=self.database["statistics"])

    async def monitors(self, number: int, **device: str) -> None:
        first = sum([1 async for _ in self.database["devices"].query("SELECT c.id FROM c")])
        for serial in range(first, first + number):
            await self.pair("maria", f"VEO-{serial:06}", **device)


@pytest.fixture
def fleet(database: Database, device_keys: KeySet, clock: SettableClock) -> Fleet:
    return Fleet(database, device_keys, clock)


async def test_before_the_first_count_there_are_no_figures(fleet: Fleet) -> None:
    """Which is an answer, and so is a day that was not counted."""
    for day in (None, "2020-02-29"):
        none = await fleet.figures(day)
        assert (none.date, none.devices, none.other, none.cells) == (None, 0, 0, [])


@pytest.mark.parametrize("page_size", [1, 3, 100])
async def test_every_monitor_is_counted_once(fleet: Fleet, page_size: int) -> None:
    """However many pages it takes, the last of which may be empty."""
    await fleet.monitors(3, model="VEO", firmwareVersion="3.2.1", region="ES")
    await fleet.monitors(2, model="VEO", firmwareVersion="3.3.0", region="ES")
    await fleet.monitors(1, firmwareVersion="3.3.0")
    assert await fleet.count(page_size) == "done"
    counted = await fleet.figures()
    assert (counted.date, counted.devices, counted.other) == (fleet.clock().date().isoformat(), 6, 0)
    assert [(cell.model, cell.firmware_version, cell.region, cell.devices) for cell in counted.cells] == [
        ("VEO", "3.2.1", "ES", 3),
        ("VEO", "3.3.0", "ES", 2),
        (None, "3.3.0", None, 1),
    ]
    assert {(cell.registration, cell.last_seen) for cell in counted.cells} == {("owned", "never")}


async def test_figures_can_be_narrowed(fleet: Fleet) -> None:
    """To a model, a firmware, a region, or all of them."""
    await fleet.monitors(1, model="VEO", firmwareVersion="3.2.1", region="ES")
    await fleet.monitors(1, model="VEO", firmwareVersion="3.3.0", region="FR")
    await fleet.monitors(1, model="DUOX", firmwareVersion="3.3.0", region="ES")
    await fleet.count()
    assert (await fleet.figures(model="VEO")).devices == 2
    assert (await fleet.figures(firmware="3.3.0")).devices == 2
    assert (await fleet.figures(region="ES")).devices == 2
    assert (await fleet.figures(model="VEO", firmware="3.3.0", region="ES")).devices == 0


async def test_a_monitor_that_sent_readings_was_seen(fleet: Fleet) -> None:
    """By its newest reading, of the present period of ownership."""
    access = await fleet.pair("maria", model="VEO")
    owned = Owned(fleet.database, fleet.clock, access.ownership_id)
    await store_events([owned.event()], database=fleet.database)
    for days, word in ((0, "today"), (2, "week"), (10, "month"), (30, "older")):
        fleet.clock.forward(days=days)
        await fleet.count()
        [cell] = (await fleet.figures()).cells
        assert (cell.last_seen, cell.devices) == (word, 1)


async def test_a_monitor_without_an_owner_is_counted_as_such(fleet: Fleet) -> None:
    """It was released: there is no period in which it could have been seen."""
    access = await fleet.pair("maria", model="VEO")
    device = await fleet.database["devices"].read(access.device_id, "device")
    assert device is not None
    released = {name: value for name, value in declared(device).items() if not name.startswith("own")}
    await fleet.database["devices"].replace(released, device["_etag"])
    await fleet.count()
    [cell] = (await fleet.figures()).cells
    assert (cell.registration, cell.last_seen, cell.devices) == ("unowned", "never", 1)


async def test_a_day_is_counted_once(fleet: Fleet) -> None:
    """However often the timer runs, and a step that runs twice stores the same day once."""
    await fleet.monitors(1)
    hub = RecordingHub()
    first = await start_counting(database=fleet.database, hub=hub, now=fleet.clock())
    again = await start_counting(database=fleet.database, hub=hub, now=fleet.clock())
    assert (first["jobId"], len(hub.sent)) == (again["jobId"], 1)

    async def twice(lease: Lease) -> Cursor | None:
        await count_page(lease, database=fleet.database)
        return await count_page(lease, database=fleet.database)

    assert await fleet.count(step=twice) == "done"
    assert await fleet.count() == "nothing to do"
    assert (await fleet.figures()).devices == 1


async def test_each_day_is_kept(fleet: Fleet) -> None:
    """The newest is what is answered without a date."""
    await fleet.monitors(1)
    yesterday = fleet.clock().date().isoformat()
    await fleet.count()
    fleet.clock.forward(days=1)
    await fleet.monitors(1)
    await fleet.count()
    assert (await fleet.figures()).devices == 2
    assert (await fleet.figures(yesterday)).devices == 1


async def test_a_count_that_was_killed_goes_on_where_it_was(fleet: Fleet) -> None:
    """Pages that were counted are not counted again."""
    await fleet.monitors(4, model="VEO")
    steps: list[str] = []

    async def killed_at_the_third(lease: Lease) -> Cursor | None:
        steps.append(lease.cursor.get("after", ""))
        if len(steps) == 3:
            raise KeyboardInterrupt
        return await count_page(lease, database=fleet.database, page_size=1)

    with pytest.raises(KeyboardInterrupt):
        await fleet.count(step=killed_at_the_third)
    fleet.clock.forward(minutes=2)
    assert await fleet.count(step=killed_at_the_third) == "done"
    assert steps[2] == steps[3] != ""
    assert [cell.devices for cell in (await fleet.figures()).cells] == [4]


async def test_a_count_that_fails_is_tried_again(fleet: Fleet) -> None:
    """And parked when it keeps failing."""

    async def broken(_lease: Lease) -> Cursor | None:
        raise ConnectionError

    ends = []
    for _ in range(ATTEMPTS_LIMIT):
        ends.append(await fleet.count(step=broken))
        fleet.clock.forward(minutes=5)
    assert ends == ["failed, to be tried again"] * (ATTEMPTS_LIMIT - 1) + ["parked"]


@pytest.mark.parametrize("day", ["yesterday", "2026-13-01", ""])
async def test_what_is_no_date_is_refused(fleet: Fleet, day: str) -> None:
    """Instead of being a day without figures."""
    with pytest.raises(Problem, match="date_invalid"):
        await fleet.figures(day)


def test_the_smallest_cells_are_merged() -> None:
    """So that one item can hold the figures, however long makers' values are; nobody is lost from the sum."""
    counted: Counter[fleet_figures.Cell] = Counter({("VEO", version, "ES", "owned", "week"): n for version, n in WORN})
    cells, other = bounded(counted, cells_limit=2)
    assert ([cell[-1] for cell in cells], other) == ([50, 30], 25)
    cells, other = bounded(counted, bytes_limit=100)
    assert ([cell[-1] for cell in cells], other) == ([50, 30], 25)
    assert bounded(counted)[1] == 0


WORN = [("3.0", 20), ("3.1", 50), ("3.2", 30), ("3.3", 5)]


@pytest.mark.parametrize(
    ("ago", "word"),
    [
        (timedelta(hours=-1), "today"),
        (timedelta(hours=23), "today"),
        (timedelta(days=1), "week"),
        (timedelta(days=7), "month"),
        (timedelta(days=30), "older"),
        (None, "never"),
    ],
)
def test_last_seen_is_told_in_words(clock: SettableClock, ago: timedelta | None, word: str) -> None:
    """Each begins where the one before ends; who was seen while the count went on was seen today."""
    assert seen(None if ago is None else clock() - ago, clock()) == word
