"""Exports as jobs: asked for once, done once, whoever is stopped on the way."""

from typing import Any

import pytest

from export_user_data import exports
from shared.cosmos import Database, Item
from shared.errors import Problem
from shared.hubs import Hub
from tests.conftest import SettableClock

pytestmark = pytest.mark.wire


class Nudges(Hub):
    """A jobs hub that keeps its nudges, or loses them."""

    def __init__(self, *, lost: bool = False) -> None:
        """Nothing sent yet."""
        self.sent: list[bytes] = []
        self._lost = lost

    async def send(self, body: bytes, *, key: str, properties: Any = None) -> None:  # noqa: ARG002 - the hub's signature
        """Keep one nudge."""
        if self._lost:
            raise Problem("hub_unavailable")
        self.sent.append(body)


async def ask(database: Database, clock: SettableClock, hub: Hub | None = None) -> str:
    asked = await exports.request_export("maria", "access", jobs=database["jobs"], hub=hub or Nudges(), now=clock())
    return asked.export_id


async def build(_item: Item, _blob_name: str, progress: exports.Progress) -> int:
    await progress(1, 1)
    return 1234


async def state(database: Database, job_id: str) -> str:
    return (await exports.export_state("maria", job_id, jobs=database["jobs"])).state


async def test_an_export_is_queued_then_ready(database: Database, clock: SettableClock) -> None:
    """Its person sees how far it is."""
    job_id = await ask(database, clock)
    assert await state(database, job_id) == "queued"
    await exports.run_job(job_id, build, jobs=database["jobs"], now=clock)
    done = await exports.export_state("maria", job_id, jobs=database["jobs"])
    assert (done.state, done.steps_done, done.steps_total, done.bytes) == ("ready", 1, 1, 1234)


async def test_a_lost_nudge_is_found_by_the_timer(database: Database, clock: SettableClock) -> None:
    """Asking succeeds although the hub is away; the job is stalled, and found."""
    job_id = await ask(database, clock, Nudges(lost=True))
    clock.forward(seconds=1)
    assert await exports.stalled_jobs(jobs=database["jobs"], now=clock()) == [job_id]


async def test_a_job_that_is_held_is_left_alone(database: Database, clock: SettableClock) -> None:
    """A second nudge while a worker is at it does nothing."""
    job_id = await ask(database, clock)
    seen: list[str] = []

    async def nested(_item: Item, _blob_name: str, _progress: exports.Progress) -> int:
        seen.append(await exports.run_job(job_id, build, jobs=database["jobs"], now=clock))
        return 1

    assert await exports.run_job(job_id, nested, jobs=database["jobs"], now=clock) == "ready"
    assert seen == ["nothing to do"]


async def test_a_killed_workers_job_is_taken_over(database: Database, clock: SettableClock) -> None:
    """When its lease has run out another worker does it, under another blob name."""
    job_id = await ask(database, clock)
    names: list[str] = []

    async def killed(_item: Item, blob_name: str, _progress: exports.Progress) -> int:
        names.append(blob_name)
        raise ConnectionError("the worker is gone")

    async def finished(_item: Item, blob_name: str, _progress: exports.Progress) -> int:
        names.append(blob_name)
        return 1

    with pytest.raises(ConnectionError):
        await exports.run_job(job_id, killed, jobs=database["jobs"], now=clock)
    clock.now += exports.LEASE
    assert await exports.run_job(job_id, finished, jobs=database["jobs"], now=clock) == "ready"
    assert len(set(names)) == 2


async def test_a_worker_that_lost_its_lease_commits_nothing(database: Database, clock: SettableClock) -> None:
    """It was only slow, not dead: what the other one made is what counts."""
    job_id = await ask(database, clock)

    async def slow(_item: Item, _blob_name: str, _progress: exports.Progress) -> int:
        clock.now += exports.LEASE
        assert await exports.run_job(job_id, build, jobs=database["jobs"], now=clock) == "ready"
        return 999

    assert await exports.run_job(job_id, slow, jobs=database["jobs"], now=clock) == "taken over"
    assert (await exports.export_state("maria", job_id, jobs=database["jobs"])).bytes == 1234


async def test_a_job_that_keeps_failing_is_given_up(database: Database, clock: SettableClock) -> None:
    """Its person sees that it failed, instead of waiting for ever."""
    job_id = await ask(database, clock)

    async def broken(_item: Item, _blob_name: str, _progress: exports.Progress) -> int:
        raise ConnectionError("no storage")

    for _ in range(exports.ATTEMPTS_LIMIT):
        with pytest.raises(ConnectionError):
            await exports.run_job(job_id, broken, jobs=database["jobs"], now=clock)
        clock.now += exports.LEASE
    assert await exports.run_job(job_id, build, jobs=database["jobs"], now=clock) == "failed"
    assert await state(database, job_id) == "failed"
    assert await exports.stalled_jobs(jobs=database["jobs"], now=clock()) == []


async def test_somebody_elses_export_is_unknown(database: Database, clock: SettableClock) -> None:
    """State and link alike."""
    job_id = await ask(database, clock)
    with pytest.raises(Problem, match="export_unknown"):
        await exports.export_state("jordi", job_id, jobs=database["jobs"])


async def test_a_nudge_for_nothing_does_nothing(database: Database, clock: SettableClock) -> None:
    """A job that has expired leaves its nudge behind."""
    assert await exports.run_job("gone", build, jobs=database["jobs"], now=clock) == "nothing to do"
