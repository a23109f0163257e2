"""A request under a restriction of everything: it does not expire, and is dealt with all the same."""

import pytest

from export_user_data.restriction import keeping, restrictions
from export_user_data.restriction.office import Office
from shared.jobs import Lease, run_job
from tests.doubles import RecordingHub, RecordingJournal
from tests.export_user_data.requests.counter import MARIA, Counter
from tests.export_user_data.restriction.desk import restriction_request

pytestmark = pytest.mark.wire


async def test_a_kept_request_stays_kept_when_it_moves_on(counter: Counter) -> None:
    """A step dates it anew, and does not let it expire."""
    filed = await counter.file()
    hub = RecordingHub()
    office = Office(database=counter.database, journal=RecordingJournal(), hub=hub, now=counter.clock())
    asked = restriction_request({"scope": "person", "ground": "legal_claims"})
    await restrictions.restrict(MARIA, asked, office)

    async def step(lease: Lease) -> object:
        return await keeping.keep_some(lease, database=counter.database, hub=hub)

    jobs = counter.database["jobs"]
    async for job in jobs.query("SELECT * FROM c WHERE c.type = 'keepData'"):
        await run_job(job["jobId"], {keeping.KIND: step}, jobs=jobs, hub=hub, now=counter.clock)  # type: ignore[dict-item]
    counter.forward(days=1)
    await counter.answer(filed)
    stored = await counter.stored(filed)
    assert (stored["keptBy"], stored["ttl"], stored["state"]) == ("restriction", -1, "answered")
