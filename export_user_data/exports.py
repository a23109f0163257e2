"""Exports: asked for, made as a job, downloaded by a link of minutes."""

from datetime import datetime, timedelta
from typing import Final

from export_user_data.contract import DownloadLink, Export
from shared import clock
from shared.blobs import EXPORTS, Blobs
from shared.cosmos import Container, Item
from shared.errors import Problem
from shared.hubs import Hub
from shared.jobs import start_job
from shared.notifications import notify

KIND: Final = "export"
LINK_LIFE: Final = timedelta(minutes=5)

_STATES: Final = {"queued": "queued", "running": "running", "done": "ready", "parked": "failed"}
"""What a job's state means to the person who waits for it."""


async def request_export(person_id: str, scope: str, *, jobs: Container, hub: Hub, now: datetime) -> Export:
    """Queue an export."""
    return _view(await start_job(KIND, person_id, {"scope": scope}, jobs=jobs, hub=hub, now=now))


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


async def download_link(person_id: str, job_id: str, *, jobs: Container, blobs: Blobs, now: datetime) -> DownloadLink:
    """A read-only address of one's finished export, good for minutes.

    Raises:
        Problem: export_unknown, export_not_ready or export_expired.
    """
    item = await own_export(person_id, job_id, jobs=jobs)
    if now >= clock.moment(item["expiresAt"]):
        raise Problem("export_expired")
    if item["state"] != "done":
        raise Problem("export_not_ready", retry_after_s=2)
    url = await blobs.read_link(EXPORTS, item["blobName"], now=now, life=LINK_LIFE)
    return DownloadLink(url=url, expires_at=now + LINK_LIFE)


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
