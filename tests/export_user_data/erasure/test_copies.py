"""An erasure and a copy that is being made."""

import json
import zipfile
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from export_user_data import exports
from export_user_data.copying.notes import block_name
from export_user_data.transfers import transfers
from shared.blobs import EXPORTS
from shared.callers import Resident
from shared.cosmos import Item, declared
from shared.errors import Problem
from shared.gate import Erased
from shared.injection import Point, listening
from shared.jobs import run_job
from tests.doubles import RecordingHub
from tests.export_user_data.copies import Copies
from tests.export_user_data.erasure.household import Household
from tests.people import IDENTITY_KEY
from tests.vaults import Killed

pytestmark = pytest.mark.wire


@pytest.fixture
def copies(household: Household) -> Copies:
    tools = household.tools
    return Copies(tools.database, tools.blobs, tools.keys, household.hosts.clock)


async def test_an_erasure_waits_for_a_copy_that_is_being_made(household: Household, copies: Copies) -> None:
    """The copy comes first; then it goes with its person."""
    maria = await household.live("maria", "VEO-000001")
    export_id = await copies.asked(maria.person_id)
    await copies.run_one(export_id)
    erasure_id = (await household.asked(maria, scope="person")).erasure_id
    await household.run(erasure_id)
    assert (await household.job(erasure_id))["waitsFor"] == "access_request"
    assert await copies.run(export_id) == "done"
    household.hosts.clock.forward(hours=1)
    await household.until_erased(erasure_id)
    assert await copies.left(export_id) == []


@pytest.mark.parametrize("steps", [1, 2])
async def test_a_copy_that_began_under_an_erasure_leaves_nothing(
    household: Household, copies: Copies, steps: int
) -> None:
    """Neither what it noted nor what it staged, which nobody sees; and the worker has nothing to do any more."""
    maria = await household.live("maria", "VEO-000001")
    erasure_id = (await household.asked(maria, scope="person")).erasure_id
    export_id = await copies.asked(maria.person_id)
    for _ in range(steps):
        await copies.run_one(export_id)
    assert await copies.left(export_id) != []
    await set_state(copies, export_id, "parked")  # so that the erasure does not see it when it asks what goes before
    await household.run_one(erasure_id)
    await set_state(copies, export_id, "running")
    await household.until_erased(erasure_id)
    assert await copies.left(export_id) == []
    assert await copies.run(export_id) == "nothing to do"
    with pytest.raises(Erased):
        await copies.asked(maria.person_id)


async def set_state(copies: Copies, export_id: str, state: str) -> None:
    stored = await copies.job(export_id)
    await copies.database["jobs"].replace(declared(stored) | {"state": state}, stored["_etag"])


async def test_a_step_after_the_purge_takes_its_blobs_along(household: Household, copies: Copies) -> None:
    """A worker that was slow puts nothing back: it finds the gate closed, and its job gone."""
    maria = await household.live("maria", "VEO-000001")
    export_id = await copies.asked(maria.person_id)
    job = await copies.job(export_id)
    await copies.run_one(export_id)
    await set_state(copies, export_id, "parked")
    await household.erased(maria, scope="person")
    await copies.database["jobs"].create(declared(job) | {"state": "running"})  # as if it had outlived the purge
    await copies.run(export_id)
    assert await copies.left(export_id) == []


PARTS = [{"scope": "category", "category": "usage"}, {"scope": "category", "category": "app"}, {"scope": "device"}]


async def part_asked(household: Household, maria: Resident, part: dict[str, str]) -> str:
    """Ask for the erasure of a part."""
    if part["scope"] == "device":
        part = part | {"deviceId": household.homes["maria"].access.device_id}
    return (await household.asked(maria, **part)).erasure_id


async def in_the_copy(copies: Copies, export_id: str, to: Path) -> tuple[set[str], dict[str, Any]]:
    """The records of which it has files, and what its manifest says of its completeness."""
    with zipfile.ZipFile(await copies.download(export_id, to / "maria.zip")) as archive:
        manifest = json.loads(archive.read("manifest.json"))
    return {entry["record"] for entry in manifest["files"] if "record" in entry}, manifest["reconciliation"]


@pytest.mark.parametrize("part", PARTS)
async def test_a_copy_of_before_goes_with_the_part(
    household: Household, copies: Copies, tmp_path: Path, part: dict[str, str]
) -> None:
    """Its person sees that it has expired, and may ask for another one, which holds nothing of what was erased."""
    maria = await household.live("maria", "VEO-000001")
    stays = await household.live("jordi", "VEO-000002")
    kept = await copies.asked(stays.person_id)
    old = await copies.asked(maria.person_id)
    assert {await copies.run(one) for one in (kept, old)} == {"done"}
    await household.until_erased(await part_asked(household, maria, part))
    assert await copies.left(old) == []
    stored, now = household.database, household.hosts.clock()
    with pytest.raises(Problem, match="export_expired"):
        await exports.download_link(maria.person_id, old, database=stored, blobs=copies.blobs, now=now)
    assert await exports.download_link(stays.person_id, kept, database=stored, blobs=copies.blobs, now=now)
    new = await copies.asked(maria.person_id)
    assert await copies.run(new) == "done"
    records, found = await in_the_copy(copies, new, tmp_path)
    gone = {"usage": "telemetry/usageReadings", "app": "people/appInstallation"}
    assert gone.get(part.get("category", "usage")) not in records
    assert found["complete"]


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("steps", [1, 2, 3, 4])
async def test_a_copy_that_is_being_made_under_it_begins_anew(
    household: Household, copies: Copies, tmp_path: Path, part: dict[str, str], steps: int
) -> None:
    """The erasure does not wait for one that was asked for later; nothing that was erased is in that."""
    maria = await household.live("maria", "VEO-000001")
    erasure_id = await part_asked(household, maria, part)
    for _ in range(2):  # past its waiting
        await household.run_one(erasure_id)
    export_id = await copies.asked(maria.person_id)
    for _ in range(steps if steps < 4 else 0):
        await copies.run_one(export_id)
    if steps == 4:
        assert await copies.run(export_id) == "done"
    await household.until_erased(erasure_id)
    if steps == 4:
        assert await copies.left(export_id) == []
        return
    assert await copies.run(export_id) == "done"
    records, found = await in_the_copy(copies, export_id, tmp_path)
    gone = {"usage": "telemetry/usageReadings", "app": "people/appInstallation"}
    assert gone.get(part.get("category", "usage")) not in records
    assert found["complete"]
    assert all(one["agrees"] for one in found["places"])
    assert await copies.left(export_id) == [(await copies.job(export_id))["blobName"]]


@pytest.mark.parametrize("at", ["export.staged", "export.noted", "export.published", "export.ready"])
async def test_a_worker_that_writes_on_after_the_purge_leaves_nothing(
    household: Household, copies: Copies, tmp_path: Path, at: Point
) -> None:
    """It finds that its job begins anew, and takes along what it has put there."""
    maria = await household.live("maria", "VEO-000001")
    erasure_id = await part_asked(household, maria, PARTS[0])
    for _ in range(2):
        await household.run_one(erasure_id)
    export_id, erased = await copies.asked(maria.person_id), False

    async def erase(point: Point) -> None:
        nonlocal erased
        if point == at and not erased:
            erased = True
            await household.until_erased(erasure_id)

    with listening(erase):
        assert await copies.run(export_id) == "taken over"
    assert await copies.left(export_id) == []
    assert await copies.run(export_id) == "done"
    records, found = await in_the_copy(copies, export_id, tmp_path)
    assert "telemetry/usageReadings" not in records
    assert found["complete"]


@pytest.mark.parametrize("state", ["done", "running"])
@pytest.mark.parametrize("point", ["erasure.purged", "erasure.copy_withdrawn", "erasure.scanned"])
async def test_a_withdrawal_that_is_cut_off_is_completed(
    household: Household, copies: Copies, point: Point, state: str
) -> None:
    """Killed at the first and at the second time, it ends the same."""
    maria = await household.live("maria", "VEO-000001")
    erasure_id = await part_asked(household, maria, PARTS[0])
    for _ in range(2):
        await household.run_one(erasure_id)
    export_id, met = await copies.asked(maria.person_id), 0
    if state == "done":
        assert await copies.run(export_id) == "done"
    else:
        await copies.run_one(export_id)
        await copies.run_one(export_id)

    async def die(at: Point) -> None:
        nonlocal met
        met += at == point
        if at == point and met <= 2:
            raise Killed

    with listening(die):
        await household.until_erased(erasure_id)
    assert met >= 1
    assert await copies.left(export_id) == []


async def test_a_transfer_of_a_withdrawn_copy_sends_nothing(household: Household, copies: Copies) -> None:
    """It ends, its address goes, and its person is told."""
    maria = await household.live("maria", "VEO-000001")
    export_id = await copies.asked(maria.person_id, "portability")
    assert await copies.run(export_id) == "done"
    database, hub, clock = household.database, RecordingHub(), household.hosts.clock
    asked = await transfers.request_transfer(
        maria.person_id,
        export_id,
        "http://127.0.0.1:9/copies",
        database=database,
        hub=hub,
        identity_key=IDENTITY_KEY,
        is_deployed=False,
        now=clock(),
    )
    await household.until_erased(await part_asked(household, maria, PARTS[0]))

    async def tell(item: Item, state: str) -> None:
        await transfers.tell_end(item, state, database=database, now=clock())

    step = partial(transfers.transfer, database=database, blobs=copies.blobs, is_deployed=False)
    steps = {transfers.KIND: step}
    assert await run_job(asked.transfer_id, steps, jobs=database["jobs"], hub=hub, now=clock, ending=tell) == "done"
    ended = await database["jobs"].read(asked.transfer_id, asked.transfer_id)
    assert ended is not None
    assert (ended["outcome"], "endpoint" in ended) == ("refused", False)


async def test_what_comes_back_of_a_copy_is_found(household: Household, copies: Copies) -> None:
    """The scan reads the blobs, also those that nobody sees, and the next purge takes them away."""
    maria = await household.live("maria", "VEO-000001")
    export_id, back = await copies.asked(maria.person_id), 0
    assert await copies.run(export_id) == "done"
    erasure_id = await part_asked(household, maria, PARTS[0])

    phase = ""
    while phase != "tell":
        await household.run_one(erasure_id)
        phase = (await household.job(erasure_id))["cursor"]["phase"]
        if phase == "scan" and (back := back + 1) == 1:
            await copies.blobs.stage(EXPORTS, f"{export_id}/1.zip", block_name(1, 1, 0), b"late")
        household.hosts.clock.forward(seconds=10)
    assert back == 2
    assert await copies.left(export_id) == []
