"""Exports: what their person sees of them, and nobody else."""

from datetime import datetime, timedelta
from urllib.parse import parse_qsl, urlsplit

import pytest

from export_user_data import exports, inbox
from local.azurite import connection_string
from shared import ledger
from shared.blobs import Blobs
from shared.callers import Resident
from shared.cosmos import Database, Item
from shared.errors import Problem
from shared.jobs import ATTEMPTS_LIMIT, Cursor, Lease, Step, run_job
from shared.people import own_record
from tests.conftest import SettableClock
from tests.doubles import RecordingHub

pytestmark = pytest.mark.wire


async def ask(database: Database, clock: SettableClock) -> str:
    await own_record(Resident("maria", "maria@resident.example", "identity key"), database=database, now=clock())
    asked = await exports.request_export("maria", "access", database=database, hub=RecordingHub(), now=clock())
    return asked.export_id


async def build(lease: Lease) -> Cursor | None:
    await lease.commit(stepsDone=1, stepsTotal=1, bytes=1234, blobName="maria.zip")
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


async def test_the_ledger_keeps_who_got_what(database: Database, clock: SettableClock) -> None:
    """Asked for once although said twice, and every link that was given; two of the same instant are one link."""
    job_id = await ask(database, clock)
    item = await exports.own_export("maria", job_id, jobs=database["jobs"])
    await exports.record_request(item, database=database, now=clock())  # its worker says so again
    await run_job(job_id, {"export": build}, jobs=database["jobs"], hub=RecordingHub(), now=clock)
    await exports.record_ready(item, database=database, now=clock())
    blobs = Blobs.open(connection=connection_string("http://127.0.0.1:1"), account_url=None, credential=None)
    for minutes in (0, 0, 1):
        clock.forward(minutes=minutes)
        await exports.download_link("maria", job_id, database=database, blobs=blobs, now=clock())
    await blobs.close()
    subject = await ledger.subject_of("maria", people=database["people"])
    actions = [item["action"] async for item in database["ledger"].query(ledger.CHAIN, partition=subject)]
    assert actions == ["export_requested", "export_ready", "export_link_given", "export_link_given"]


@pytest.mark.parametrize("state", ["queued", "parked"])
async def test_only_a_finished_export_has_a_link(database: Database, clock: SettableClock, state: str) -> None:
    """Whoever is too early is told so, and the ledger does not say that a link was given."""
    job_id = await ask(database, clock)
    if state == "parked":
        for _ in range(ATTEMPTS_LIMIT):
            await run_job(job_id, {"export": fail}, jobs=database["jobs"], hub=RecordingHub(), now=clock)
            clock.forward(hours=1)
    blobs = Blobs.open(connection=connection_string("http://127.0.0.1:1"), account_url=None, credential=None)
    with pytest.raises(Problem, match="export_not_ready"):
        await exports.download_link("maria", job_id, database=database, blobs=blobs, now=clock())
    await blobs.close()
    subject = await ledger.subject_of("maria", people=database["people"])
    actions = [item["action"] async for item in database["ledger"].query(ledger.CHAIN, partition=subject)]
    assert actions == ["export_requested"]


async def test_an_export_that_has_expired_has_no_link(database: Database, clock: SettableClock) -> None:
    """Its item may outlive it by the moment that the database takes to delete it."""
    job_id = await ask(database, clock)
    await run_job(job_id, {"export": build}, jobs=database["jobs"], hub=RecordingHub(), now=clock)
    clock.forward(days=7)
    blobs = Blobs.open(connection=connection_string("http://127.0.0.1:1"), account_url=None, credential=None)
    with pytest.raises(Problem, match="export_expired"):
        await exports.download_link("maria", job_id, database=database, blobs=blobs, now=clock())
    await blobs.close()


async def test_a_link_reads_one_blob_for_minutes(database: Database, clock: SettableClock) -> None:
    """Whoever it is passed on to can do nothing else with it, and nothing for long."""
    job_id = await ask(database, clock)
    await run_job(job_id, {"export": build}, jobs=database["jobs"], hub=RecordingHub(), now=clock)
    blobs = Blobs.open(connection=connection_string("http://127.0.0.1:1"), account_url=None, credential=None)
    link = await exports.download_link("maria", job_id, database=database, blobs=blobs, now=clock())
    await blobs.close()
    address = urlsplit(link.url)
    signed = dict(parse_qsl(address.query))
    assert address.path.endswith("/exports/maria.zip")
    assert (signed["sp"], signed["sr"]) == ("r", "b")
    assert datetime.fromisoformat(signed["se"]) == link.expires_at
    assert clock() < link.expires_at <= clock() + timedelta(minutes=5)
