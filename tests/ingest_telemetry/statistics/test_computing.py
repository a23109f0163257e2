"""The figures of a day as the job computes them: from what is stored and under the gate, whatever happens meanwhile."""

import random
from collections import Counter
from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any
from uuid import uuid4

import pytest

from ingest_telemetry.messages import HubEvent, Message, event_of
from ingest_telemetry.statistics.contract import UsageStatistics
from ingest_telemetry.statistics.counting import count_page
from ingest_telemetry.statistics.reading import usage_statistics
from ingest_telemetry.storing import store_events
from shared.clock import text
from shared.cosmos import Container, Database
from shared.errors import Problem
from shared.gate import create_gate, load_policy
from shared.jobs import ATTEMPTS_LIMIT, Cursor, Lease, Step, run_job
from shared.policy import Policy, Window
from shared.statistics import COMPUTED_AFTER, KIND, recompute_open, start_due
from tests.conftest import SettableClock
from tests.doubles import RecordingHub, changed

pytestmark = pytest.mark.wire


class Fleet:
    """Monitors with their owners, messages and figures."""

    def __init__(self, database: Database, clock: SettableClock) -> None:
        self.database = database
        self.clock = clock
        self.clock.now = clock.now.replace(hour=1, minute=40)
        self.day = clock.now.date() - timedelta(days=1)
        self.begun = clock.now - timedelta(days=60)
        self.events: list[HubEvent] = []

    @property
    def telemetry(self) -> Container:
        return self.database["telemetry"]

    async def monitor(self, name: str) -> str:
        """A monitor with an owner; the id of the ownership."""
        ownership_id = f"ownership-{name}"
        policy = Policy(epoch=1, start=self.begun, windows={"usage": (Window(self.begun),)})
        await create_gate(self.telemetry, ownership_id, policy)
        await self.database["devices"].create(
            {
                "id": "device",
                "type": "device",
                "deviceId": f"device-{name}",
                "ownershipId": ownership_id,
                "ownerPersonId": f"person-{name}",
                "ownedSince": text(self.begun),
            }
        )
        return ownership_id

    async def sends(
        self, ownership_id: str, *readings: dict[str, Any], model: str = "VEO", region: str = "ES", firmware: str = "3"
    ) -> None:
        policy = await load_policy(self.telemetry, ownership_id)
        body, properties = event_of(
            Message(
                ownership_id=ownership_id,
                policy=policy,
                message_id=str(uuid4()),
                schema_version=1,
                sent_at=self.clock(),
                received_at=self.clock(),
                readings=list(readings) or [self.call()],
                product={"model": model, "firmware": firmware, "region": region},
            )
        )
        event = HubEvent(
            body=body, properties=properties, partition="0", sequence_number=len(self.events), enqueued_at=self.clock()
        )
        self.events.append(event)
        await store_events([event], database=self.database, now=self.clock)

    def moment(self, hour: float = 12, day: date | None = None) -> datetime:
        midnight = self.clock().replace(hour=0, minute=0, second=0)
        return midnight + ((day or self.day) - midnight.date()) + timedelta(hours=hour)

    def call(self, outcome: str = "answered", at: datetime | None = None, **fields: Any) -> dict[str, Any]:
        return {"kind": "call", "observedAt": text(at or self.moment()), "outcome": outcome, **fields}

    async def start(self) -> list[str]:
        return await start_due(database=self.database, hub=RecordingHub(), now=self.clock())

    async def objected(self, ownership_id: str, ground: str = "objection-1") -> list[str]:
        return await recompute_open(ownership_id, ground, database=self.database, hub=RecordingHub(), now=self.clock())

    async def run(self, *, cohort: int = 1, page_size: int = 3, step: Step | None = None) -> list[str]:
        """Do the jobs of the day that are queued."""
        query = "SELECT * FROM c WHERE c.state IN ('queued', 'running') AND c.date = @day"
        queued = self.database["jobs"].query(query, {"day": self.day.isoformat()})
        ids = [job["jobId"] async for job in queued]
        count = partial(count_page, database=self.database, cohort=cohort, page_size=page_size)
        return [
            await run_job(job_id, {KIND: step or count}, jobs=self.database["jobs"], hub=RecordingHub(), now=self.clock)
            for job_id in ids
        ]

    async def computed(self, **options: Any) -> UsageStatistics:
        await self.start()
        await self.run(**options)
        return await self.figures()

    async def figures(self, day: date | None = None) -> UsageStatistics:
        return await usage_statistics((day or self.day).isoformat(), statistics=self.database["statistics"])

    async def devices(self) -> int:
        return sum(cell.devices for cell in (await self.figures()).cells)

    async def again(self, ownership_id: str, ground: str = "objection-1") -> int:
        """Compute anew at once, and how many monitors are left."""
        assert await self.objected(ownership_id, ground) == [self.day.isoformat()]
        await self.run()
        return await self.devices()


@pytest.fixture
def fleet(database: Database, clock: SettableClock) -> Fleet:
    return Fleet(database, clock)


async def test_a_day_without_figures_is_an_answer(fleet: Fleet) -> None:
    """With the formulas, and so is a service that has not computed any."""
    for day in (None, "2020-02-29"):
        none = await usage_statistics(day, statistics=fleet.database["statistics"])
        assert (none.date, none.cells, none.cohort) == (None, [], 10)
        assert none.formulas
    assert (await fleet.computed()).cells == []
    with pytest.raises(Problem, match="date_invalid"):
        await usage_statistics("yesterday", statistics=fleet.database["statistics"])


class Tally:
    """What was sent, counted in the plainest way."""

    def __init__(self, fleet: Fleet, chance: random.Random) -> None:
        self.fleet = fleet
        self.chance = chance
        self.counts: dict[tuple[str, str], Counter[str]] = {}
        self.durations: dict[tuple[str, str], list[float]] = {}

    def reading(self) -> dict[str, Any]:
        chance, fleet = self.chance, self.fleet
        at = fleet.moment(chance.uniform(0, 23.9), fleet.day - timedelta(days=chance.choice([0, 0, 1])))
        if chance.random() < 0.5:
            timed = {"durationS": round(chance.uniform(0, 99), 3)} if chance.random() < 0.7 else {}
            return fleet.call(chance.choice(["answered", "missed", "auto_on"]), at, **timed)
        door = {"accessType": chance.choice(["GENERAL", "ZERO", "ONE"])} if chance.random() < 0.7 else {}
        return {"kind": "door_opening", "observedAt": text(at), **door}

    async def monitor(self, name: str) -> None:
        ownership_id = await self.fleet.monitor(name)
        product = self.chance.choice(["VEO", "DUOX"]), self.chance.choice(["3", "4"])
        of_day = []
        for _ in range(self.chance.randint(0, 3)):
            readings = [self.reading() for _ in range(self.chance.randint(1, 5))]
            await self.fleet.sends(ownership_id, *readings, model=product[0], firmware=product[1])
            of_day += [one for one in readings if one["observedAt"].startswith(self.fleet.day.isoformat())]
        if of_day:
            counts = self.counts.setdefault(product, Counter())
            counts["devices"] += 1
            counts.update(one.get("outcome") or one.get("accessType") or "unspecified" for one in of_day)
            timed = [one["durationS"] for one in of_day if "durationS" in one]
            self.durations.setdefault(product, []).extend(timed)


@pytest.mark.parametrize("seed", range(3))
async def test_figures_are_what_was_sent(fleet: Fleet, seed: int) -> None:
    """Random messages, of which some hold readings of other days."""
    tally = Tally(fleet, random.Random(seed))  # noqa: S311 - a test that can be repeated
    for number in range(8):
        await tally.monitor(f"{number:02}")
    found = await fleet.computed(page_size=tally.chance.randint(1, 9))
    assert {(cell.model, cell.firmware_version) for cell in found.cells} == set(tally.counts)
    for cell in found.cells:
        counts = tally.counts[cell.model, cell.firmware_version]
        durations = tally.durations[cell.model, cell.firmware_version]
        rung = counts["answered"] + counts["missed"]
        assert {"devices": cell.devices, **cell.calls, **cell.door_openings} == counts
        assert cell.answered_share == (counts["answered"] / rung if rung else None)
        assert cell.mean_duration_s == (pytest.approx(sum(durations) / len(durations)) if durations else None)


async def test_small_cells_are_merged_before_they_are_stored(fleet: Fleet) -> None:
    """What lies in the database holds nothing of fewer monitors than a cohort."""
    for number, region in enumerate(["ES", "ES", "ES", "FR", "PT"]):
        await fleet.sends(await fleet.monitor(str(number)), region=region)
    await fleet.sends(await fleet.monitor("rare"), model="RARE")
    await fleet.start()
    await fleet.run(cohort=3)
    item = await fleet.database["statistics"].read("usage", f"usage:{fleet.day}")
    assert item is not None
    assert [(*cell[:3], cell[3]["devices"]) for cell in item["cells"]] == [("VEO", "3", "ES", 3), ("other",) * 3 + (3,)]
    await fleet.sends(await fleet.monitor("late"))
    fleet.clock.forward(days=1)
    await fleet.start()
    await fleet.run(cohort=9)
    assert (await fleet.figures()).cells == []


async def test_a_monitor_counts_with_its_last_product(fleet: Fleet) -> None:
    """Once, though its firmware was updated on that day."""
    ownership_id = await fleet.monitor("a")
    await fleet.sends(ownership_id, fleet.call(at=fleet.moment(20)), firmware="4")
    await fleet.sends(ownership_id, fleet.call(at=fleet.moment(8)), firmware="3")
    [cell] = (await fleet.computed()).cells
    assert (cell.firmware_version, cell.devices, cell.calls) == ("4", 1, {"answered": 2})


async def test_redeliveries_and_resends_change_nothing(fleet: Fleet) -> None:
    """However often, and on however many days."""
    for name in "ab":
        await fleet.sends(await fleet.monitor(name))
    before = (await fleet.computed()).cells
    fleet.clock.forward(days=1)
    await store_events(fleet.events * 2, database=fleet.database, now=fleet.clock)
    assert (await fleet.computed()).cells == before


async def test_a_late_reading_is_in_the_next_computation(fleet: Fleet) -> None:
    """Until the day is closed."""
    ownership_id = await fleet.monitor("a")
    await fleet.sends(ownership_id)
    day = fleet.day
    seen = []
    for age in range(1, COMPUTED_AFTER[-1] + 4):
        if day.isoformat() in await fleet.start():
            await fleet.run()
            found = await fleet.figures(day)
            seen.append((age, found.cells[0].calls["answered"], found.closed))
        if age < 30:
            await fleet.sends(ownership_id, fleet.call(at=fleet.moment(12, day)))
        fleet.clock.forward(days=1)
    assert seen == [(1, 1, False), (2, 2, False), (7, 7, False), (35, 30, True)]


async def test_what_was_missed_is_made_up_for(fleet: Fleet) -> None:
    """The service was away when a day was to be closed; and a day that is too old is let be."""
    await fleet.sends(await fleet.monitor("a"))
    fleet.clock.forward(days=COMPUTED_AFTER[-1] + 3)
    assert fleet.day.isoformat() in await fleet.start()
    assert set(await fleet.run()) == {"done"}
    assert (await fleet.figures()).closed
    assert fleet.day.isoformat() not in await fleet.start()
    fleet.clock.forward(days=10)
    assert fleet.day.isoformat() not in await fleet.start()


async def _narrow(fleet: Fleet, ownership_id: str, **changes: Any) -> None:
    await changed(fleet.telemetry, ownership_id, lambda policy: replace(policy, **changes))


@pytest.mark.parametrize("why", ["objected", "tombstone", "restricted", "erased", "no window"])
async def test_who_objects_or_is_erased_is_out_at_once(fleet: Fleet, why: str) -> None:
    """And out of the rest of the figures nobody is; who takes an objection back is not counted for before."""
    ownership_id, _ = [await fleet.monitor(name) for name in "ab"]
    for name in "ab":
        await fleet.sends(f"ownership-{name}")
    assert sum(cell.devices for cell in (await fleet.computed()).cells) == 2
    fleet.clock.forward(minutes=5)
    now = fleet.clock()
    changes: dict[str, dict[str, Any]] = {
        "objected": {"windows": {"usage": (Window(fleet.begun, now),)}},
        "tombstone": {"tombstone": True},
        "restricted": {"store_only": frozenset({"usage"})},
        "erased": {"erased_through": {"usage": now}},
        "no window": {"windows": {}},
    }
    await _narrow(fleet, ownership_id, **changes[why])
    assert await fleet.again(ownership_id) == 1
    if why == "objected":
        await _narrow(fleet, ownership_id, windows={"usage": (Window(fleet.begun, now), Window(now))})
        assert await fleet.again(ownership_id, "taken back") == 1
    if why == "restricted":
        await _narrow(fleet, ownership_id, store_only=frozenset())
        assert await fleet.again(ownership_id, "lifted") == 2


async def test_what_was_stored_under_a_restriction_stays_out(fleet: Fleet) -> None:
    """Also once that is lifted: it is marked for good."""
    ownership_id = await fleet.monitor("a")
    await _narrow(fleet, ownership_id, store_only=frozenset({"usage"}))
    await fleet.sends(ownership_id)
    await _narrow(fleet, ownership_id, store_only=frozenset())
    assert (await fleet.computed()).cells == []


async def test_an_ownership_without_a_gate_is_not_counted(fleet: Fleet) -> None:
    """Nothing says that it may be."""
    ownership_id = await fleet.monitor("a")
    await fleet.sends(ownership_id)
    await fleet.telemetry._proxy.delete_item("gate", ownership_id)
    assert (await fleet.computed()).cells == []


async def test_a_past_owner_is_counted_for_the_days_that_were_theirs(fleet: Fleet) -> None:
    """The monitor has another owner since, and both periods count for themselves."""
    ownership_id = await fleet.monitor("a")
    await fleet.sends(ownership_id)
    ended = {"type": "pastOwnership", "deviceId": "device-a", "ownerPersonId": "p", "since": text(fleet.begun)}
    for name, until in (("old", fleet.moment(0)), ("new", fleet.moment(13))):
        await fleet.sends(await fleet.monitor(name), region="PT")
        await fleet.database["devices"]._proxy.delete_item("device", f"device-{name}")
        past = {**ended, "id": f"past:{name}", "ownershipId": f"ownership-{name}", "until": text(until), "reason": "x"}
        await fleet.database["devices"].create(past)
    found = await fleet.computed(page_size=1)
    assert {(cell.region, cell.devices) for cell in found.cells} == {("ES", 1), ("PT", 1)}


async def test_a_closed_day_is_never_computed_again(fleet: Fleet) -> None:
    """Whatever is asked for then; what was asked for before it was closed still counts."""
    ownership_id = await fleet.monitor("a")
    await fleet.sends(ownership_id)
    fleet.clock.forward(days=COMPUTED_AFTER[-1] - 1)
    await fleet.computed()
    assert (await fleet.figures()).closed
    assert await fleet.devices() == 1
    await _narrow(fleet, ownership_id, tombstone=True)
    fleet.clock.forward(minutes=1)
    assert await fleet.objected(ownership_id) == []
    assert await fleet.devices() == 1


async def test_an_objection_while_a_day_is_being_closed_is_heeded(fleet: Fleet) -> None:
    """The computation that began before it does not bring the person back, whichever ends last."""
    ownership_id = await fleet.monitor("a")
    await fleet.sends(ownership_id)
    fleet.clock.forward(days=COMPUTED_AFTER[-1] - 1)
    count = partial(count_page, database=fleet.database, cohort=1)

    async def objected_meanwhile(lease: Lease) -> Cursor | None:
        if lease.item["date"] == fleet.day.isoformat() and not asked:
            fleet.clock.forward(seconds=1)
            await _narrow(fleet, ownership_id, tombstone=True)
            asked.extend(await fleet.objected(ownership_id))
            fleet.clock.forward(seconds=1)
            await _narrow(fleet, ownership_id, tombstone=False)  # as this one has read it before
            cursor = await count(lease)
            await _narrow(fleet, ownership_id, tombstone=True)
            return cursor
        return await count(lease)

    asked: list[str] = []
    await fleet.start()
    await fleet.run(step=objected_meanwhile)
    assert asked == [fleet.day.isoformat()]
    await fleet.run()
    assert (await fleet.figures()).closed
    assert await fleet.devices() == 0


async def test_an_older_computation_does_not_replace_a_newer_one(fleet: Fleet) -> None:
    """It was held up, and would bring back who has objected since."""
    ownership_id = await fleet.monitor("a")
    await fleet.sends(ownership_id)
    held_up = partial(count_page, database=fleet.database, cohort=1)

    async def overtaken(lease: Lease) -> Cursor | None:
        if lease.item["date"] == fleet.day.isoformat() and not asked:
            asked.append(lease.item["jobId"])
            fleet.clock.forward(seconds=1)
            await fleet.objected(ownership_id)
            jobs = fleet.database["jobs"]
            query = "SELECT * FROM c WHERE c.state = 'queued' AND c.createdAt = @now"
            [newer] = [job async for job in jobs.query(query, {"now": text(fleet.clock())})]
            await run_job(newer["jobId"], {KIND: held_up}, jobs=jobs, hub=RecordingHub(), now=fleet.clock)
            before.append(await fleet.database["statistics"].read("usage", f"usage:{fleet.day}"))
        return await held_up(lease)

    asked: list[str] = []
    before: list[Any] = []
    await fleet.start()
    await fleet.run(step=overtaken)
    assert before == [await fleet.database["statistics"].read("usage", f"usage:{fleet.day}")]


async def test_a_repeat_starts_nothing_twice(fleet: Fleet) -> None:
    """Neither the timer's nor that of an objection; another objection starts its own."""
    ownership_id = await fleet.monitor("a")
    await fleet.sends(ownership_id)
    jobs = fleet.database["jobs"]

    async def number() -> int:
        return len([job async for job in jobs.query("SELECT c.id FROM c")])

    days = await fleet.start()
    assert (await fleet.start(), await number()) == (days, len(days))
    for ground, more in (("one", 1), ("one", 1), ("two", 2)):
        await fleet.objected(ownership_id, ground)
        assert await number() == len(days) + more


@pytest.mark.parametrize("page_size", [1, 2, 100])
async def test_a_computation_that_is_killed_ends_in_the_same_figures(fleet: Fleet, page_size: int) -> None:
    """Before and after each step; until the last one, nothing of it is seen."""
    for name in "abcd":
        await fleet.sends(await fleet.monitor(name), region=name)
    count = partial(count_page, database=fleet.database, cohort=1, page_size=page_size)
    survived: set[tuple[str, int]] = set()

    def kill_once(when: str, steps_done: int) -> None:
        if (when, steps_done) not in survived:
            survived.add((when, steps_done))
            raise KeyboardInterrupt

    async def killed(lease: Lease) -> Cursor | None:
        kill_once("before", lease.item["stepsDone"])
        cursor = await count(lease)
        if cursor is not None:
            assert (await fleet.figures()).date is None
        kill_once("after", lease.item["stepsDone"])
        return cursor

    days = await fleet.start()
    jobs = fleet.database["jobs"]
    query = "SELECT * FROM c WHERE c.date = @day"
    [job] = [item async for item in jobs.query(query, {"day": fleet.day.isoformat()})]
    end = ""
    while end != "done":
        try:
            end = await run_job(job["jobId"], {KIND: killed}, jobs=jobs, hub=RecordingHub(), now=fleet.clock)
        except KeyboardInterrupt:
            fleet.clock.forward(minutes=2)
    assert len(survived) == 2 * {1: 4, 2: 4, 100: 1}[page_size]
    assert days[-1] == fleet.day.isoformat()
    assert [(cell.region, cell.devices, cell.calls) for cell in (await fleet.figures()).cells] == [
        (name, 1, {"answered": 1}) for name in "abcd"
    ]


async def test_a_computation_that_keeps_failing_is_parked(fleet: Fleet) -> None:
    """The figures of before stay."""

    async def broken(_lease: Lease) -> Cursor | None:
        raise ConnectionError

    await fleet.start()
    ends: set[str] = set()
    for _ in range(ATTEMPTS_LIMIT):
        ends.update(await fleet.run(step=broken))
        fleet.clock.forward(minutes=5)
    assert ends == {"failed, to be tried again", "parked"}
    assert (await fleet.figures()).date is None
