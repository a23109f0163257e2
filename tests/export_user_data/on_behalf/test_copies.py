"""A copy for who has written a letter: made as any other, and handed over by staff."""

from urllib.parse import parse_qsl, urlsplit

import pytest

from export_user_data import exports
from shared.blobs import Blobs
from shared.errors import Problem
from shared.jobs import Cursor, Lease, run_job
from tests.export_user_data.on_behalf.conftest import REQUEST, Clerk
from tests.hosts import cut_off

pytestmark = pytest.mark.wire


async def made(clerk: Clerk, export_id: str) -> None:
    async def build(lease: Lease) -> Cursor | None:
        await exports.record_request(lease.item, database=clerk.database, now=clerk.clock())
        await lease.commit(stepsDone=1, stepsTotal=1, bytes=1234, blobName="a.zip", readyAt=lease.item["createdAt"])
        return None

    end = await run_job(export_id, {"export": build}, jobs=clerk.database["jobs"], hub=clerk.hub, now=clerk.clock)
    assert end == "done"


async def test_a_copy_is_made_and_handed_over_to_who_has_no_account(clerk: Clerk, blobs: Blobs) -> None:
    """Every link is in the person's ledger before it is given; they are told that staff have downloaded it."""
    lead = await clerk.lead()
    copy = await clerk.order(lead, requestId=REQUEST)
    assert copy.state == "queued"
    with pytest.raises(Problem, match="export_not_ready"):
        await clerk.hand_over(lead, copy.export_id, blobs)
    await made(clerk, copy.export_id)
    for minutes in (0, 1):
        clerk.clock.forward(minutes=minutes)
        address = urlsplit(await clerk.hand_over(lead, copy.export_id, blobs))
        assert dict(parse_qsl(address.query))["sp"] == "r"
    assert await clerk.recorded(lead) == [
        ("acted_for_person", "staff:privacy"),
        ("export_requested", "staff:privacy"),
        ("acted_for_person", "staff:privacy"),
        ("export_link_given", "staff:privacy"),
        ("acted_for_person", "staff:privacy"),
        ("export_link_given", "staff:privacy"),
    ]
    rights = [entry["details"]["right"] for entry in await clerk.chain(lead) if "right" in entry["details"]]
    assert rights == ["copy", "copy_handed_over", "copy_handed_over"]
    assert sorted(await clerk.told(lead)) == ["acted_for_you", "copy_handed_over"]
    [job] = await clerk.items(lead, "export", "jobs")
    assert (job["scope"], job["channel"]) == ("access", "letter")


async def test_the_same_request_makes_one_copy(clerk: Clerk) -> None:
    """However often it is said, and wherever it was cut off; without a request each is another one."""
    lead = await clerk.lead()
    await cut_off("on_behalf.recorded", clerk.order(lead, requestId=REQUEST))
    await cut_off("on_behalf.ordered", clerk.order(lead, requestId=REQUEST))
    first = await clerk.order(lead, requestId=REQUEST)
    assert await clerk.order(lead, requestId=REQUEST) == first
    assert len(await clerk.items(lead, "export", "jobs")) == 1
    assert await clerk.told(lead) == ["acted_for_you"]
    assert (await clerk.order(lead)).export_id != (await clerk.order(lead)).export_id


async def test_staff_do_not_get_at_what_a_person_had_made_for_themself(clerk: Clerk, blobs: Blobs) -> None:
    """Nor at somebody else's under a wrong name."""
    maria = (await clerk.hosts.sign_in("maria")).person_id
    own = await exports.request_export(maria, "access", database=clerk.database, hub=clerk.hub, now=clerk.clock())
    await made(clerk, own.export_id)
    ordered = await clerk.order(maria)
    await made(clerk, ordered.export_id)
    lead = await clerk.lead()
    for person_id, export_id in ((maria, own.export_id), (lead, ordered.export_id), (maria, "0" * 32)):
        with pytest.raises(Problem, match="export_unknown"):
            await clerk.hand_over(person_id, export_id, blobs)
        with pytest.raises(Problem, match="export_unknown"):
            await clerk.state(person_id, export_id)
    assert (await clerk.state(maria, ordered.export_id)).state == "ready"
    assert await clerk.recorded(lead) == []


async def test_the_person_finds_the_copy_in_the_app_as_well(clerk: Clerk, blobs: Blobs) -> None:
    """It is theirs, whoever asked for it."""
    maria = (await clerk.hosts.sign_in("maria")).person_id
    ordered = await clerk.order(maria)
    await made(clerk, ordered.export_id)
    assert (await exports.export_state(maria, ordered.export_id, jobs=clerk.database["jobs"])).state == "ready"
    await exports.download_link(maria, ordered.export_id, database=clerk.database, blobs=blobs, now=clerk.clock())
    assert (await clerk.recorded(maria))[-1] == ("export_link_given", "person")
