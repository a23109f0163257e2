"""The job of a copy, step by step: plan, walk part by part, close the archive, publish it.

The commit of the lease names the parts that count. A part that was staged and not committed is made again under another
attempt, and published by nobody. After everything that it puts into blobs a step asks the person's gate: who was erased
meanwhile has no copy. It asks its job as well: when some of the data was erased meanwhile, the copy begins anew.
"""

import asyncio
import math
import time
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Self

from export_user_data import exports
from export_user_data.copying.archive import Archive
from export_user_data.copying.closing import Contents, Documents, close, no_documents
from export_user_data.copying.notes import PartNote, Plan, Shelf, Taken
from export_user_data.copying.part import PART_BYTES, Part
from export_user_data.copying.reconciling import counts
from export_user_data.recipients.disclosure import names_in_use
from export_user_data.report.digest import Digest
from export_user_data.walk import Place, page_of, places
from shared import clock, data_map
from shared.blobs import Blobs
from shared.cosmos import Database, Item, Stale
from shared.data_map import Scope
from shared.data_map.copies import left_out
from shared.gate import Erased, load_policy
from shared.injection import reached
from shared.jobs import Lease, Stepped
from shared.keys import KeySet
from shared.services import Services

STEP_S: Final = 20.0
"""A step takes no further page after so long; the job allows it three times as much."""

ROW_BYTES: Final = 500
"""About what a row comes to; for the number of steps that a person is shown."""

STEPS_BESIDE: Final = 3
"""To plan, to close and to publish."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What the steps work with."""

    database: Database
    blobs: Blobs
    keys: KeySet
    documents: Documents = no_documents
    """What applies beside the data."""
    recipients: Collection[str] | None = None
    """Those of the data map that are in use; None: all."""

    @classmethod
    def of(cls, services: Services, documents: Documents = no_documents) -> Self:
        """Those of a worker."""
        return cls(
            database=services.database,
            blobs=services.blobs,
            keys=services.export_keys,
            documents=documents,
            recipients=names_in_use(services.webhooks),
        )


async def step(tools: Tools, lease: Lease) -> Stepped:
    """Do the next step of a copy; of who was erased meanwhile nothing is left, and the job is over."""
    try:
        match lease.cursor.get("phase"):
            case None:
                return await _plan(tools, lease)
            case "walk":
                return await _walk(tools, lease)
            case "close":
                return await _close(tools, lease)
            case _:
                return await _publish(tools, lease)
    except Erased:
        await _shelf(tools, lease).clear()
        await lease.commit(without=("blobName", "bytes", "readyAt"), expiresAt=clock.text(lease.now()))
        return None


async def end(tools: Tools, item: Item, state: str, *, now: datetime) -> None:
    """Tell its person how a copy ended; of one that could not be made nothing is left."""
    await exports.tell_end(item, state, people=tools.database["people"], now=now)
    if state != "done":
        await Shelf(item["jobId"], tools.blobs).clear()


async def _plan(tools: Tools, lease: Lease) -> Stepped:
    """Note where something lies, and let the store count it: from here on it is known what must be in the copy."""
    item, database = lease.item, tools.database
    await exports.record_request(item, database=database, now=lease.now())
    cut_off = clock.text(lease.now())
    found = await places(item["personId"], database=database)
    counted = [await counts(one, _records(item["scope"], one), cut_off, database=database) for one in found]
    shelf, attempt = _shelf(tools, lease), item["attempt"]
    await shelf.note(0, attempt, Plan(found, counted).written())
    await reached("export.planned")
    await _ask_whether_it_counts(tools, lease)
    rows = sum(tally.rows for tallies in counted for tally in tallies.values())
    await lease.commit(stepsTotal=STEPS_BESIDE + math.ceil((rows + 1) * ROW_BYTES / PART_BYTES))
    return {
        "phase": "walk",
        "archive": shelf.archive(attempt),
        "cutOff": cut_off,
        "parts": [[attempt, 0]],  # of each part whose attempt counts, and how many blocks it has
        "offset": 0,
        "place": 0,  # of the plan, which does not change any more
        "after": None,
    }


async def _walk(tools: Tools, lease: Lease) -> Stepped:
    """Take pages until a part is full, and stage it."""
    cursor, shelf, attempt = lease.cursor, _shelf(tools, lease), lease.item["attempt"]
    plan = Plan.read(await shelf.noted(0, cursor["parts"][0][0]))
    number = len(cursor["parts"])
    before = PartNote() if number == 1 else PartNote.read(await shelf.noted(number - 1, cursor["parts"][-1][0]))
    digest = Digest() if before.digest is None else Digest.of(before.digest)
    part = Part(lease.item["scope"], cursor["cutOff"], digest, before.named)
    taken, at, after = await _take(part, plan, cursor["place"], cursor["after"], database=tools.database)
    archive = Archive(cursor["offset"], clock.moment(cursor["cutOff"]))
    await asyncio.to_thread(part.close, archive)
    blocks = await shelf.stage(cursor["archive"], number, attempt, archive.taken())
    await reached("export.staged")
    note = PartNote(archive.entries, taken, part.named, digest.state())
    await shelf.note(number, attempt, note.written())
    await reached("export.noted")
    await _ask_whether_it_counts(tools, lease)
    is_over = at == len(plan.places)
    await _show_progress(lease, is_over=is_over)
    went_on = {"place": at, "after": after, "offset": archive.offset, "parts": [*cursor["parts"], [attempt, blocks]]}
    return cursor | went_on | {"phase": "close" if is_over else "walk"}


async def _take(
    part: Part, plan: Plan, at: int, after: str | None, *, database: Database
) -> tuple[list[Taken], int, str | None]:
    """Fill a part, from a place of the plan on; return what came from where, and where the next one begins."""
    taken: list[Taken] = []
    until = time.monotonic() + STEP_S
    while at < len(plan.places) and not part.is_full and time.monotonic() < until:
        place = plan.places[at]
        page = await page_of(place, after, database=database, records=_records(part.scope, place))
        for held in page.held:
            part.add(held, place)
        after = page.after
        if after is None:
            taken.append(Taken(at, *part.counted()))
            at += 1
    if after is not None:
        taken.append(Taken(at, *part.counted()))
    return taken, at, after


async def _close(tools: Tools, lease: Lease) -> Stepped:
    """Stage what stands at the end of the archive: the page, the documents, the manifest with its signature."""
    cursor, shelf, item = lease.cursor, _shelf(tools, lease), lease.item
    plan_attempt, *attempts = [attempt for attempt, _ in cursor["parts"]]
    plan = Plan.read(await shelf.noted(0, plan_attempt))
    notes = [PartNote.read(await shelf.noted(number, one)) for number, one in enumerate(attempts, 1)]
    contents = Contents(item["jobId"], item["personId"], item["scope"], clock.moment(cursor["cutOff"]), plan, notes)
    archive = Archive(cursor["offset"], contents.cut_off)
    await close(
        archive, contents, tools.documents, database=tools.database, keys=tools.keys, recipients=tools.recipients
    )
    number, attempt = len(cursor["parts"]), item["attempt"]
    blocks = await shelf.stage(cursor["archive"], number, attempt, archive.taken())
    await reached("export.staged")
    await _ask_whether_it_counts(tools, lease)
    closed = {"phase": "publish", "parts": [*cursor["parts"], [attempt, blocks]], "offset": archive.offset}
    return {name: value for name, value in cursor.items() if name not in {"place", "after"}} | closed


async def _publish(tools: Tools, lease: Lease) -> Stepped:
    """Let the archive be seen: of the same blocks, however often this is done."""
    cursor, shelf = lease.cursor, _shelf(tools, lease)
    await _ask_whether_it_counts(tools, lease)
    await shelf.publish(cursor["archive"], cursor["parts"])
    await reached("export.published")
    await _ask_whether_it_counts(tools, lease)
    steps = len(cursor["parts"]) + 1
    ready_at = lease.item.get("readyAt") or clock.text(lease.now())
    ready = {"blobName": cursor["archive"], "bytes": cursor["offset"], "readyAt": ready_at}
    await lease.commit(**ready, stepsDone=steps, stepsTotal=steps)
    await reached("export.ready")
    await exports.record_ready(lease.item, database=tools.database, now=lease.now())
    await _ask_whether_it_counts(tools, lease)  # and clear nothing of one that begins anew
    await shelf.clear(but=cursor["archive"])
    await reached("export.tidied")
    return None


async def _show_progress(lease: Lease, *, is_over: bool) -> None:
    """Correct the number of steps, which was estimated."""
    done, total = lease.item["stepsDone"] + 1, lease.item["stepsTotal"]
    expected = done + 2 if is_over else max(total, done + 3)
    if expected != total:
        await lease.commit(stepsTotal=expected)


async def _ask_whether_it_counts(tools: Tools, lease: Lease) -> None:
    """Go on only for who is not erased, and with what was not withdrawn since some of their data was erased.

    Raises:
        Erased: nothing may be kept of them.
        Stale: another worker has the job, or has it to begin anew.
    """
    try:
        policy = await load_policy(tools.database["people"], lease.item["personId"])
    except LookupError as error:
        raise Erased from error
    if policy.tombstone:
        raise Erased
    item = lease.item
    stored = await tools.database["jobs"].read(item["jobId"], item["jobId"])
    if stored is None or stored["attempt"] != item["attempt"]:
        shelf = _shelf(tools, lease)
        await (shelf.clear() if stored is None else shelf.clear_outdated(stored))
        raise Stale(item["type"])


def _records(scope: Scope, place: Place) -> list[str]:
    """The records of a place that a copy holds something of."""
    return [
        name
        for name in place.records
        if left_out(scope, data_map.record(place.container, name), name, place.country) is None
    ]


def _shelf(tools: Tools, lease: Lease) -> Shelf:
    return Shelf(lease.item["jobId"], tools.blobs)
