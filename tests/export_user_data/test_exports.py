"""Exports: what their person sees of them, and nobody else."""

import pytest

from export_user_data import exports, inbox
from shared.cosmos import Database, Item
from shared.errors import Problem
from shared.jobs import ATTEMPTS_LIMIT, Cursor, Lease, Step, run_job
from tests.conftest import SettableClock
from tests.doubles import RecordingHub

pytestmark = pytest.mark.wire


async def ask(database: Database, clock: SettableClock) -> str:
    asked = await exports.request_export("maria", "access", jobs=database["jobs"], hub=RecordingHub(), now=clock())
    return asked.export_id


async def build(lease: Lease) -> Cursor | None:
    await lease.commit(stepsDone=1, stepsTotal=1, bytes=1234)
    return None


async def fail(_lease: Lease) -> Cursor | None:
    raise ConnectionError


async def test_an_export_is_queued_then_ready(database: Database, clock: SettableClock) -> None:
    """Its person sees how far it is."""
    job_id = await ask(database, clock)
    assert (await exports.export_state("maria", job_id, jobs=database["jobs"])).state == "queued"
    await run_job(job_id, {"export": build}, jobs=database["jobs"], hub=RecordingHub(), now=clock)
    done = await exports.export_state("maria", job_id, jobs=database["jobs"])
    assert (done.state, done.steps_done, done.steps_total, done.bytes) == ("ready", 1, 1, 1234)


async def test_an_export_that_cannot_be_made_says_so(database: Database, clock: SettableClock) -> None:
    """Instead of leaving its person to wait for ever."""
    job_id = await ask(database, clock)
    for _ in range(ATTEMPTS_LIMIT):
        await run_job(job_id, {"export": fail}, jobs=database["jobs"], hub=RecordingHub(), now=clock)
        clock.forward(hours=1)
    assert (await exports.export_state("maria", job_id, jobs=database["jobs"])).state == "failed"


@pytest.mark.parametrize(("step", "says"), [(build, "Your export is ready"), (fail, "Your export could not be made")])
async def test_its_person_is_told_how_it_ended(database: Database, clock: SettableClock, step: Step, says: str) -> None:
    """Once, in their inbox, with the export's id."""
    job_id = await ask(database, clock)

    async def tell(item: Item, state: str) -> None:
        await exports.tell_end(item, state, people=database["people"], now=clock())

    for _ in range(ATTEMPTS_LIMIT):
        await run_job(job_id, {"export": step}, jobs=database["jobs"], hub=RecordingHub(), now=clock, ending=tell)
        clock.forward(hours=1)
    [told] = (await inbox.page("maria", None, people=database["people"])).notifications
    assert (told.subject, told.subject_id) == (says, job_id)


async def test_somebody_elses_export_is_unknown(database: Database, clock: SettableClock) -> None:
    """As one that never was."""
    job_id = await ask(database, clock)
    with pytest.raises(Problem, match="export_unknown"):
        await exports.export_state("jordi", job_id, jobs=database["jobs"])
    with pytest.raises(Problem, match="export_unknown"):
        await exports.export_state("maria", "0" * 32, jobs=database["jobs"])
