"""Exports: asked for, made as a job, downloaded by a link of minutes."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from export_user_data.contract import DownloadLink, Export
from shared import clock, data_map
from shared.blobs import EXPORTS, Blobs
from shared.cosmos import Conflict, Container, Create, Database, Item, Operation, Replace, Stale
from shared.errors import Problem
from shared.gate import write_behind_gate
from shared.hubs import Hub
from shared.injection import reached
from shared.jobs import start_job
from shared.ledger import SERVICE, THE_PERSON, Actor, Step, record_about
from shared.notifications import notify
from shared.people import new_id

KIND: Final = "export"
LINK_LIFE: Final = timedelta(minutes=5)

_TRIES: Final = 5

_STATES: Final = {"queued": "queued", "running": "running", "done": "ready", "parked": "failed"}
"""What a job's state means to the person who waits for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """That staff ask for an export in a person's place: who, how the person had asked them, and the id that it has."""

    actor: Actor
    channel: str
    job_id: str


async def request_export(
    person_id: str, scope: str, *, database: Database, hub: Hub, now: datetime, asked: Asked | None = None
) -> Export:
    """Queue an export; while one of the same scope is under way that is the answer, also to simultaneous requests.

    One that staff ask for is queued once under its id, beside the person's own: it is handed over otherwise.

    Raises:
        Erased: the person was erased.
        Problem: busy, when others kept asking.
    """
    details = {"scope": scope}
    if asked is None:
        export_id = await _taken(person_id, scope, database=database, now=now)
        await reached("export.asked")
    else:
        # Before there is a job: its worker says of every one that the person asked, and the first word counts.
        details, export_id = details | {"channel": asked.channel}, asked.job_id
        about = {"jobId": export_id, "personId": person_id, "scope": scope}
        await record_request(about, database=database, now=now, actor=asked.actor)
    item = await start_job(KIND, person_id, details, jobs=database["jobs"], hub=hub, now=now, job_id=export_id)
    await record_request(item, database=database, now=now)
    return _view(item)


async def _taken(person_id: str, scope: str, *, database: Database, now: datetime) -> str:
    """The id of the export that is under way, or of one that begins; it is stored before its job is.

    Raises:
        Erased: the person was erased.
        Problem: busy, when others kept asking.
    """
    people = database["people"]
    for _ in range(_TRIES):
        known = await people.read(person_id, f"export:{scope}")
        if known is not None and await _is_under_way(known, jobs=database["jobs"], now=now):
            return str(known["exportId"])
        export_id = new_id()
        request = {
            "id": f"export:{scope}",
            "type": "exportRequest",
            "personId": person_id,
            "exportId": export_id,
            "scope": scope,
            "requestedAt": clock.text(now),
        }
        operation: Operation = Create(request) if known is None else Replace(request, known["_etag"])
        with suppress(Conflict, Stale):  # somebody has just asked the same
            await write_behind_gate(people, person_id, [operation])
            return export_id
    raise Problem("busy", retry_after_s=1)


async def _is_under_way(request: Item, *, jobs: Container, now: datetime) -> bool:
    """Whether it is not over; a request without its job was cut off, and is completed, unless the job has expired."""
    job = await jobs.read(request["exportId"], request["exportId"])
    if job is not None:
        return job["state"] in {"queued", "running"}
    return now < clock.moment(request["requestedAt"]) + data_map.retention("jobs", KIND)


async def record_request(item: Item, *, database: Database, now: datetime, actor: Actor = THE_PERSON) -> None:
    """Tell the ledger that the export was asked for; its worker says so again, should the request have been cut off."""
    details = {"exportId": item["jobId"], "scope": item["scope"]}
    step = Step(item["jobId"], "export_requested", actor, details)
    await record_about(item["personId"], step, database=database, now=now)


async def record_ready(item: Item, *, database: Database, now: datetime) -> None:
    """Tell the ledger that the copy was made."""
    step = Step(item["jobId"], "export_ready", SERVICE, {"exportId": item["jobId"]})
    await record_about(item["personId"], step, database=database, now=now)


async def own_export(person_id: str, job_id: str, *, jobs: Container) -> Item:
    """The person's export.

    Raises:
        Problem: export_unknown, also when it is somebody else's.
    """
    item = await jobs.read(job_id, job_id)
    if item is None or item["type"] != KIND or item["personId"] != person_id:
        raise Problem("export_unknown")
    return item


async def export_state(person_id: str, job_id: str, *, jobs: Container) -> Export:
    """How far the export is."""
    return _view(await own_export(person_id, job_id, jobs=jobs))


def check_ready(item: Item, now: datetime) -> None:
    """Let an export be downloaded that is ready and still there.

    Raises:
        Problem: export_not_ready or export_expired.
    """
    if now >= clock.moment(item["expiresAt"]):
        raise Problem("export_expired")
    if item["state"] != "done":
        raise Problem("export_not_ready", retry_after_s=2)


async def download_link(
    person_id: str, job_id: str, *, database: Database, blobs: Blobs, now: datetime, actor: Actor = THE_PERSON
) -> DownloadLink:
    """A read-only address of one's finished export, good for minutes; for the person, or staff who hand it over.

    The ledger keeps that it was given, since nobody sees whether it is used.

    Raises:
        Problem: export_unknown, export_not_ready or export_expired.
    """
    item = await own_export(person_id, job_id, jobs=database["jobs"])
    check_ready(item, now)
    expires_at = now + LINK_LIFE
    given = Step(job_id, "export_link_given", actor, {"exportId": job_id}, step=f"link-until-{clock.text(expires_at)}")
    await record_about(person_id, given, database=database, now=now)
    url = await blobs.read_link(EXPORTS, item["blobName"], now=now, life=LINK_LIFE)
    return DownloadLink(url=url, expires_at=expires_at)


async def tell_end(item: Item, state: str, *, people: Container, now: datetime) -> None:
    """Tell its person that an export is ready, or that it could not be made."""
    requested = clock.moment(item["createdAt"])
    if state == "done":
        template, moments = "export_ready", {"requested": requested, "until": clock.moment(item["expiresAt"])}
    else:
        template, moments = "export_failed", {"requested": requested}
    await notify(item["personId"], template, item["jobId"], moments, people=people, now=now)


def _view(item: Item) -> Export:
    return Export.model_validate(
        {
            "exportId": item["jobId"],
            "scope": item["scope"],
            "state": _STATES[item["state"]],
            "stepsDone": item["stepsDone"],
            "stepsTotal": item["stepsTotal"],
            "requestedAt": item["createdAt"],
            "readyAt": item.get("readyAt"),
            "expiresAt": item["expiresAt"],
            "bytes": item.get("bytes"),
        }
    )
