"""Exports: asked for, made as a job, downloaded by a link of minutes."""

from datetime import datetime, timedelta
from typing import Final

from export_user_data.contract import DownloadLink, Export
from shared import clock
from shared.blobs import EXPORTS, Blobs
from shared.cosmos import Container, Database, Item
from shared.errors import Problem
from shared.hubs import Hub
from shared.jobs import start_job
from shared.ledger import SERVICE, THE_PERSON, Step, record_about
from shared.notifications import notify

KIND: Final = "export"
LINK_LIFE: Final = timedelta(minutes=5)

_STATES: Final = {"queued": "queued", "running": "running", "done": "ready", "parked": "failed"}
"""What a job's state means to the person who waits for it."""


async def request_export(person_id: str, scope: str, *, database: Database, hub: Hub, now: datetime) -> Export:
    """Queue an export."""
    item = await start_job(KIND, person_id, {"scope": scope}, jobs=database["jobs"], hub=hub, now=now)
    await record_request(item, database=database, now=now)
    return _view(item)


async def record_request(item: Item, *, database: Database, now: datetime) -> None:
    """Tell the ledger that the export was asked for; its worker says so again, should the request have been cut off."""
    details = {"exportId": item["jobId"], "scope": item["scope"]}
    step = Step(item["jobId"], "export_requested", THE_PERSON, details)
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


async def download_link(
    person_id: str, job_id: str, *, database: Database, blobs: Blobs, now: datetime
) -> DownloadLink:
    """A read-only address of one's finished export, good for minutes.

    The ledger keeps that it was given, since nobody sees whether it is used.

    Raises:
        Problem: export_unknown, export_not_ready or export_expired.
    """
    item = await own_export(person_id, job_id, jobs=database["jobs"])
    if now >= clock.moment(item["expiresAt"]):
        raise Problem("export_expired")
    if item["state"] != "done":
        raise Problem("export_not_ready", retry_after_s=2)
    expires_at = now + LINK_LIFE
    given = Step(
        job_id, "export_link_given", THE_PERSON, {"exportId": job_id}, step=f"link-until-{clock.text(expires_at)}"
    )
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
