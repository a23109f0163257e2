"""A copy whose worker dies anywhere: made again from there, it is the same, and nothing of the dead one is seen."""

import asyncio
import json
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pytest

from export_user_data import exports
from export_user_data.copying import part, steps
from export_user_data.copying.notes import NoteGone, block_name
from export_user_data.verify import verify
from shared import ledger
from shared.blobs import EXPORTS
from shared.cosmos import Delete, Stale
from shared.errors import Problem
from shared.gate import Erased
from shared.injection import Point, listening
from shared.jobs import ATTEMPTS_LIMIT, LEASE, Lease
from shared.keys import KeySet
from tests.doubles import changed
from tests.export_user_data.copies import Copies
from tests.export_user_data.owned import Home
from tests.people import House
from tests.vaults import Killed

pytestmark = pytest.mark.wire

MESSAGES = 120
POINTS = [point for point in get_args(Point) if point.startswith("export.")]


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """A part of a page, so that there are several."""
    monkeypatch.setattr(part, "PART_BYTES", 1_000)


@pytest.fixture
async def home(house: House) -> Home:
    home = await Home.paired(house)
    await home.messages(MESSAGES)
    return home


def rows(path: Path) -> dict[str, list[Any]]:
    """All rows by record or category, whatever files they lie in; of readings what tells them apart."""
    found: dict[str, list[Any]] = {}
    with zipfile.ZipFile(path) as archive:
        for entry in json.loads(archive.read("manifest.json"))["files"]:
            if entry["name"].endswith(".jsonl"):
                lines = archive.read(entry["name"]).decode().splitlines()
                found.setdefault(entry["record"], []).extend(json.loads(line) for line in lines)
    return found


@pytest.mark.usefixtures("small_parts")
async def test_a_copy_of_many_parts_is_complete(
    home: Home, copies: Copies, export_keys: KeySet, tmp_path: Path
) -> None:
    """A month goes on in a second file; every reading is there once; the progress ends where it should."""
    export_id = await copies.asked("maria")
    assert await copies.run(export_id) == "done"
    path = await copies.download(export_id, tmp_path / "maria.zip")
    manifest = verify(path, export_keys.public())
    assert manifest["reconciliation"]["complete"]
    names = [entry["name"] for entry in manifest["files"] if "/usage/" in entry["name"]]
    assert any(name.endswith(".2.jsonl") for name in names)
    readings = rows(path)["telemetry/usageReadings"]
    assert sorted(reading["durationS"] for reading in readings) == list(range(MESSAGES))
    done = await exports.export_state("maria", export_id, jobs=home.database["jobs"])
    assert done.state == "ready"
    assert done.steps_done == done.steps_total > 4
    assert done.bytes == path.stat().st_size
    assert await copies.left(export_id) == [(await copies.job(export_id))["blobName"]]


@pytest.mark.usefixtures("small_parts")
async def test_its_person_sees_how_far_it_is(home: Home, copies: Copies) -> None:
    """The steps that were done grow, and are never more than there are."""
    export_id, seen = await copies.asked("maria"), list[tuple[int, int]]()
    while await copies.run_one(export_id) != "publish":
        state = await exports.export_state("maria", export_id, jobs=home.database["jobs"])
        assert state.state == "running"
        seen.append((state.steps_done, state.steps_total))
    assert [done for done, _ in seen] == list(range(1, len(seen) + 1))
    assert all(done < total for done, total in seen)


@pytest.mark.usefixtures("small_parts")
@pytest.mark.parametrize("nth", [1, 2])
@pytest.mark.parametrize("at", [point for point in POINTS if point != "export.asked"])
async def test_a_worker_that_dies_is_followed_by_another(
    home: Home, copies: Copies, export_keys: KeySet, tmp_path: Path, at: Point, nth: int
) -> None:
    """At any point, also the second time that it is reached: same rows, one blob, one entry of each step."""
    export_id, met = await copies.asked("maria"), 0

    async def die(point: Point) -> None:
        nonlocal met
        met += point == at
        if point == at and met == nth:
            raise Killed

    try:
        with listening(die):
            await copies.run(export_id)
    except Killed:
        assert await copies.run(export_id) == "nothing to do"  # its lease still runs
        home.clock.forward(seconds=LEASE.total_seconds())
        assert await copies.run(export_id) == "done"
    path = await copies.download(export_id, tmp_path / "maria.zip")
    assert verify(path, export_keys.public())["reconciliation"]["complete"]
    readings = rows(path)["telemetry/usageReadings"]
    assert sorted(reading["durationS"] for reading in readings) == list(range(MESSAGES))
    assert await copies.left(export_id) == [(await copies.job(export_id))["blobName"]]
    subject = await ledger.subject_of("maria", people=home.database["people"])
    chain = home.database["ledger"].query(ledger.CHAIN, partition=subject)
    actions = [item["action"] async for item in chain]
    assert [actions.count(action) for action in ("export_requested", "export_ready")] == [1, 1]
    assert [told for told in await home.told("maria") if told[1] == export_id] == [("export_ready", export_id)]


@pytest.mark.usefixtures("small_parts")
async def test_a_slow_worker_changes_nothing_after_another_took_over(
    home: Home, copies: Copies, export_keys: KeySet, tmp_path: Path
) -> None:
    """What it stages nobody names; it may publish once more what is published already."""
    export_id = await copies.asked("maria")
    await copies.run_one(export_id)
    slow = Lease(await copies.job(export_id), jobs=home.database["jobs"], now=home.clock)
    while await copies.run_one(export_id) != "publish":
        pass
    publishing = Lease(await copies.job(export_id), jobs=home.database["jobs"], now=home.clock)
    assert await copies.run(export_id) == "done"
    first = (await copies.download(export_id, tmp_path / "first.zip")).read_bytes()
    for late in (slow, publishing):
        with pytest.raises((Stale, NoteGone)):
            await _step_and_commit(copies, late)
    second = await copies.download(export_id, tmp_path / "second.zip")
    assert second.read_bytes() == first
    assert await copies.left(export_id) == [(await copies.job(export_id))["blobName"]]
    assert verify(second, export_keys.public())


async def _step_and_commit(copies: Copies, lease: Lease) -> None:
    cursor = await steps.step(copies.tools, lease)
    await lease.commit(cursor=cursor)


@pytest.mark.usefixtures("home")
async def test_a_step_ends_in_time(
    copies: Copies, export_keys: KeySet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However slow the database is: a step without time takes nothing, and none of them is lost."""
    monkeypatch.setattr(steps, "STEP_S", 0.01)
    path = await copies.made("maria", tmp_path / "maria.zip")
    assert verify(path, export_keys.public())["reconciliation"]["complete"]
    assert len(rows(path)["telemetry/usageReadings"]) == MESSAGES


async def close_gate(home: Home, person: str = "maria") -> None:
    await changed(home.database["people"], person, lambda policy: replace(policy, tombstone=True))


@pytest.mark.usefixtures("small_parts")
@pytest.mark.parametrize("steps_before", [0, 1, 2, 5, "publish"])
async def test_nobody_who_was_erased_gets_a_copy(home: Home, copies: Copies, steps_before: int | str) -> None:
    """Behind a closed gate the next step removes everything that the job has made, also what nobody sees, and ends."""
    export_id, phase = await copies.asked("maria"), ""
    done = 0
    while phase != "publish" and done != steps_before:
        phase = await copies.run_one(export_id)
        done += 1
    await close_gate(home)
    await copies.run(export_id)
    assert await copies.left(export_id) == []
    with pytest.raises(Problem, match=r"export_(expired|unknown)"):  # the store deletes it in a second
        await exports.download_link("maria", export_id, database=home.database, blobs=copies.blobs, now=home.clock())


@pytest.mark.parametrize("at", ["export.planned", "export.staged", "export.noted", "export.published"])
async def test_a_gate_that_closes_under_a_step_is_seen_by_it(home: Home, copies: Copies, at: Point) -> None:
    """It asks after everything that it puts into blobs."""
    export_id = await copies.asked("maria")

    async def close(point: Point) -> None:
        if point == at:
            await close_gate(home)

    with listening(close):
        await copies.run(export_id)
    assert await copies.left(export_id) == []


async def test_who_was_erased_asks_for_none(home: Home, copies: Copies) -> None:
    """There is nobody to make it for."""
    await close_gate(home)
    with pytest.raises(Erased):
        await copies.asked("maria")


@pytest.mark.usefixtures("small_parts")
async def test_what_expires_while_it_is_made_is_explained(
    home: Home, copies: Copies, export_keys: KeySet, tmp_path: Path
) -> None:
    """The store counts once more, and the copy lies between; what came later is told apart."""
    export_id = await copies.asked("maria")
    await copies.run_one(export_id)
    telemetry, partition = home.database["telemetry"], home.access.ownership_id
    query = "SELECT * FROM c WHERE c.type = 'usageReadings'"
    stored = [item["id"] async for item in telemetry.query(query, partition=partition)]
    await telemetry.batch(partition, [Delete(item_id) for item_id in stored[-3:]])
    home.clock.forward(seconds=1)
    await home.messages(2)
    assert await copies.run(export_id) == "done"
    path = await copies.download(export_id, tmp_path / "maria.zip")
    manifest = verify(path, export_keys.public())
    [line] = [one for one in manifest["reconciliation"]["places"] if one["record"] == "telemetry/usageReadings"]
    assert (line["itemsInStore"], line["itemsWritten"], line["itemsSinceCutOff"]) == (MESSAGES, MESSAGES - 1, 2)
    assert (line["agrees"], line["explained"]) == (False, True)
    assert (line["itemsDiffering"], line["difference"]) == (3, "expired, erased or changed after the cut-off")
    assert manifest["reconciliation"]["complete"]


@pytest.mark.usefixtures("home")
async def test_what_nobody_can_explain_is_said(copies: Copies, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A walk that loses items does not pass for a complete copy."""
    add = part.Part.add

    def loses(self: part.Part, held: Any, place: Any) -> None:
        if held.item.get("id") != "device":
            add(self, held, place)

    monkeypatch.setattr(part.Part, "add", loses)
    path = await copies.made("maria", tmp_path / "maria.zip")
    with zipfile.ZipFile(path) as archive:
        manifest = json.loads(archive.read("manifest.json"))
    assert not manifest["reconciliation"]["complete"]
    [line] = [one for one in manifest["reconciliation"]["places"] if not one["agrees"]]
    assert (line["record"], line["explained"], line["difference"]) == ("devices/device", False, "for an unknown reason")


async def test_simultaneous_requests_are_one(home: Home, copies: Copies) -> None:
    """As is a second one while the first is under way; of another scope it is another, and after its end a new one."""
    asked = await asyncio.gather(*(copies.asked("maria") for _ in range(4)))
    assert len(set(asked)) == 1
    portable = await copies.asked("maria", "portability")
    assert portable not in asked
    await copies.run_one(asked[0])
    assert await copies.asked("maria") == asked[0]
    assert await copies.run(asked[0]) == "done"
    again = await copies.asked("maria")
    assert again not in {*asked, portable}
    home.clock.forward(days=8)  # the job expires with its copy
    await home.database["jobs"].batch(again, [Delete(again)])
    assert await copies.asked("maria") != again


async def test_a_request_that_was_cut_off_is_completed(home: Home, copies: Copies) -> None:
    """By the next one: the same copy, with its job."""

    async def die(point: Point) -> None:
        if point == "export.asked":
            raise Killed

    with listening(die), pytest.raises(Killed):
        await copies.asked("maria")
    request = await home.database["people"].read("maria", "export:access")
    assert request is not None
    assert await copies.asked("maria") == request["exportId"]
    assert await copies.run(request["exportId"]) == "done"


async def test_a_copy_that_cannot_be_made_leaves_nothing(home: Home, copies: Copies) -> None:
    """Its person is told, and may ask for another one."""
    export_id = await copies.asked("maria")
    await copies.run_one(export_id)
    for name in await copies.left(export_id):
        await copies.blobs.delete(EXPORTS, name)
    await copies.blobs.stage(EXPORTS, f"{export_id}/1.zip", block_name(1, 1, 0), b"unseen")
    for _ in range(ATTEMPTS_LIMIT):
        ended = await copies.run(export_id)
        home.clock.forward(hours=1)
    assert ended == "parked"
    assert await copies.left(export_id) == []
    assert ("export_failed", export_id) in await home.told("maria")
    assert await copies.asked("maria") != export_id
