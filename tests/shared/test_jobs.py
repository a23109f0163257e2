"""Jobs: every step commits once, whoever is stopped on the way, and what keeps failing is parked."""

import asyncio
import logging
from datetime import datetime, timedelta

import pytest

from shared import jobs
from shared.cosmos import Database, Item
from shared.jobs import (
    ATTEMPTS_LIMIT,
    FIRST_PAUSE,
    INVOCATION_BUDGET,
    LEASE,
    Cursor,
    Later,
    Lease,
    Sleep,
    Step,
    Stepped,
)
from tests.conftest import SettableClock
from tests.doubles import RecordingHub

pytestmark = pytest.mark.wire


class Desk:
    """The jobs container with a hub and a clock."""

    def __init__(self, database: Database, clock: SettableClock) -> None:
        self.jobs = database["jobs"]
        self.clock = clock
        self.hub = RecordingHub()
        self.told: list[str] = []

    async def tell(self, item: Item, state: str) -> None:
        self.told.append(f"{item['personId']}: {state}")

    async def start(self, hub: RecordingHub | None = None) -> str:
        started = await jobs.start_job(
            "export", "maria", {"scope": "access"}, jobs=self.jobs, hub=hub or self.hub, now=self.clock()
        )
        return str(started["jobId"])

    async def run(self, job_id: str, step: Step, sleep: Sleep = asyncio.sleep) -> str:
        return await jobs.run_job(
            job_id, {"export": step}, jobs=self.jobs, hub=self.hub, now=self.clock, ending=self.tell, sleep=sleep
        )

    async def item(self, job_id: str) -> Item:
        found = await self.jobs.read(job_id, job_id)
        assert found is not None
        return found

    async def stalled(self) -> list[str]:
        return await jobs.stalled_jobs(jobs=self.jobs, now=self.clock())


@pytest.fixture
def desk(database: Database, clock: SettableClock) -> Desk:
    return Desk(database, clock)


async def at_once(_lease: Lease) -> Cursor | None:
    return None


async def broken(_lease: Lease) -> Cursor | None:
    raise ConnectionError("no storage")


async def test_steps_follow_each_other(desk: Desk) -> None:
    """Each begins where the one before ended; progress is in the item."""
    seen: list[int] = []

    async def counting(lease: Lease) -> Cursor | None:
        seen.append(lease.cursor.get("at", 0))
        return {"at": seen[-1] + 1} if seen[-1] < 3 else None

    job_id = await desk.start()
    assert await desk.run(job_id, counting) == "done"
    assert seen == [0, 1, 2, 3]
    assert (await desk.item(job_id))["stepsDone"] == 3


async def test_a_worker_waits_for_a_short_time_and_lets_go_for_a_long_one(desk: Desk) -> None:
    """A step says when the next one may begin: in seconds the same worker does it, in days whoever is nudged then."""
    begun: list[datetime] = []

    async def waiting(lease: Lease) -> Stepped:
        begun.append(lease.now())
        pauses = [timedelta(seconds=10), timedelta(days=7)]
        return Later({}, lease.now() + pauses[len(begun) - 1]) if len(begun) <= len(pauses) else None

    async def sleep(seconds: float) -> None:
        desk.clock.forward(seconds=seconds)

    job_id = await desk.start()
    start = desk.clock()
    assert await desk.run(job_id, waiting, sleep) == "waiting"
    assert begun == [start, start + timedelta(seconds=10)]
    desk.clock.forward(days=6)
    assert (await desk.run(job_id, waiting), await desk.stalled()) == ("nothing to do", [])
    desk.clock.forward(days=1, seconds=1)
    assert await desk.stalled() == [job_id]
    assert await desk.run(job_id, waiting) == "done"


async def test_a_done_job_is_not_done_again(desk: Desk) -> None:
    """Nudges come at least once."""
    job_id = await desk.start()
    assert await desk.run(job_id, at_once) == "done"
    assert await desk.run(job_id, broken) == "nothing to do"


async def test_a_lost_nudge_is_found_by_the_timer(desk: Desk) -> None:
    """Starting succeeds although the hub is away; the job is stalled, and found."""
    job_id = await desk.start(RecordingHub(is_away=True))
    assert await desk.stalled() == [job_id]


async def test_a_job_that_is_held_is_left_alone(desk: Desk) -> None:
    """A second nudge while a worker is at it does nothing."""
    job_id = await desk.start()
    seen: list[str] = []

    async def nested(_lease: Lease) -> Cursor | None:
        seen.append(await desk.run(job_id, at_once))
        return None

    assert await desk.run(job_id, nested) == "done"
    assert seen == ["nothing to do"]
    assert await desk.stalled() == []


async def test_a_killed_workers_step_is_taken_over(desk: Desk) -> None:
    """When its lease has run out another worker begins the same step under another attempt."""
    job_id = await desk.start()
    attempts: list[int] = []

    async def killed(lease: Lease) -> Cursor | None:
        attempts.append(lease.item["attempt"])
        raise KeyboardInterrupt

    async def finished(lease: Lease) -> Cursor | None:
        attempts.append(lease.item["attempt"])
        return None

    with pytest.raises(KeyboardInterrupt):
        await desk.run(job_id, killed)
    assert await desk.stalled() == []
    desk.clock.now += LEASE
    assert await desk.stalled() == [job_id]
    assert await desk.run(job_id, finished) == "done"
    assert attempts == [1, 2]


async def test_a_slow_worker_commits_nothing(desk: Desk) -> None:
    """It lost its lease while it was at it: what the other one committed is what counts."""
    job_id = await desk.start()

    async def fast(lease: Lease) -> Cursor | None:
        await lease.commit(blobName="fast")
        return None

    async def slow(lease: Lease) -> Cursor | None:
        desk.clock.now += LEASE
        assert await desk.run(job_id, fast) == "done"
        await lease.commit(blobName="slow")
        return None

    assert await desk.run(job_id, slow) == "taken over"
    assert (await desk.item(job_id))["blobName"] == "fast"


async def test_a_long_job_lets_go_between_steps(desk: Desk) -> None:
    """No invocation is long: after its budget a worker nudges, and any worker goes on."""
    job_id = await desk.start()

    async def long(lease: Lease) -> Cursor | None:
        desk.clock.now += INVOCATION_BUDGET
        at = lease.cursor.get("at", 0)
        return {"at": at + 1} if at < 2 else None

    assert await desk.run(job_id, long) == "to be continued"
    assert len(desk.hub.sent) == 2
    assert await desk.run(job_id, long) == "to be continued"
    assert await desk.run(job_id, long) == "done"


async def test_a_failed_step_is_tried_again_after_a_growing_pause(desk: Desk) -> None:
    """And a success lets the count begin anew."""
    job_id = await desk.start()
    assert await desk.run(job_id, broken) == "failed, to be tried again"
    assert await desk.run(job_id, at_once) == "nothing to do"
    desk.clock.now += FIRST_PAUSE
    assert await desk.run(job_id, broken) == "failed, to be tried again"
    desk.clock.now += FIRST_PAUSE
    assert await desk.stalled() == []
    desk.clock.now += FIRST_PAUSE
    assert await desk.stalled() == [job_id]
    assert await desk.run(job_id, at_once) == "done"
    assert (await desk.item(job_id))["failures"] == 0


async def test_a_job_that_keeps_failing_is_parked_with_an_alarm(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    """Its person sees that it failed, engineers see why, and nothing tries it for ever."""
    job_id = await desk.start()
    for _ in range(ATTEMPTS_LIMIT):
        with caplog.at_level(logging.ERROR, "blue"):
            outcome = await desk.run(job_id, broken)
        desk.clock.forward(hours=1)
    assert outcome == "parked"
    assert "ALARM job_parked: export" in caplog.text
    assert "no storage" not in caplog.text
    assert await desk.stalled() == []


async def test_the_end_of_a_job_is_told_once(desk: Desk) -> None:
    """When it is done, or parked; never in between."""
    done, parked = await desk.start(), await desk.start()
    await desk.run(done, at_once)
    await desk.run(done, at_once)
    for _ in range(ATTEMPTS_LIMIT - 1):
        await desk.run(parked, broken)
        desk.clock.forward(hours=1)
    assert desk.told == ["maria: done"]
    await desk.run(parked, broken)
    await desk.run(parked, broken)
    assert desk.told == ["maria: done", "maria: parked"]


async def test_an_end_that_could_not_be_told_is_told_again(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The job has not ended before its person was told."""
    job_id = await desk.start()

    async def away(_item: Item, _state: str) -> None:
        raise ConnectionError

    with monkeypatch.context() as outage:
        outage.setattr(desk, "tell", away)
        assert await desk.run(job_id, at_once) == "failed, to be tried again"
    assert ((await desk.item(job_id))["state"], (await desk.item(job_id))["failures"]) == ("running", 1)
    desk.clock.now += LEASE
    assert await desk.run(job_id, at_once) == "done"
    assert desk.told == ["maria: done"]


async def test_a_worker_that_was_taken_over_tells_nothing(desk: Desk) -> None:
    """Its failure, or its end, is not the job's."""
    job_id = await desk.start()

    async def slow(_lease: Lease) -> Cursor | None:
        desk.clock.now += LEASE
        await desk.run(job_id, at_once)
        return None

    assert await desk.run(job_id, slow) == "taken over"
    assert desk.told == ["maria: done"]


async def test_a_job_of_an_erased_place_is_nothing(desk: Desk) -> None:
    """A job that has expired leaves its nudge behind."""
    assert await desk.run("gone", at_once) == "nothing to do"


async def test_a_job_that_goes_on_is_kept_no_longer(desk: Desk) -> None:
    """Its days count from when it was asked for, and not anew from every commit."""
    job_id = await desk.start()
    whole = (await desk.item(job_id))["ttl"]
    desk.clock.forward(hours=2)
    await desk.run(job_id, at_once)
    assert (await desk.item(job_id))["ttl"] == whole - 2 * 3600
