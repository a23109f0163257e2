"""Exports as jobs: the job item is the truth, an event on the jobs hub is only a nudge.

A worker holds a job by a lease under its ETag. It may be stopped at any point: another takes over when the lease has
run out, writes under another blob name, and only the holder of the lease can commit.
"""

import json
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any, Final

from export_user_data.contract import DownloadLink, Export
from shared import clock, data_map
from shared.blobs import EXPORTS, Blobs
from shared.cosmos import Container, Item, Stale, declared
from shared.errors import Problem
from shared.hubs import Hub
from shared.people import new_id

LEASE: Final = timedelta(minutes=3)
ATTEMPTS_LIMIT: Final = 5
LINK_LIFE: Final = timedelta(minutes=5)

_log = logging.getLogger("blue.export")

Progress = Callable[[int, int], Awaitable[None]]
"""Told how many steps are done, of how many."""

Build = Callable[[Item, str, Progress], Awaitable[int]]
"""Writes the bundle of a job under a blob name and returns its size in bytes."""


async def request_export(person_id: str, scope: str, *, jobs: Container, hub: Hub, now: datetime) -> Export:
    """Queue an export. The timer finds it should the nudge be lost."""
    job_id = new_id()
    retention = data_map.retention("jobs", "export")
    item = {
        "id": job_id,
        "type": "export",
        "jobId": job_id,
        "personId": person_id,
        "scope": scope,
        "state": "queued",
        "createdAt": clock.text(now),
        "leaseUntil": clock.text(now),
        "attempt": 0,
        "stepsDone": 0,
        "stepsTotal": 0,
        "expiresAt": clock.text(now + retention),
        "ttl": int(retention.total_seconds()),
    }
    await jobs.create(item)
    try:
        await nudge(job_id, hub=hub)
    except Problem as problem:
        _log.warning("nudge not sent (%s): the timer will find the job", problem.code)
    return _view(item)


async def nudge(job_id: str, *, hub: Hub) -> None:
    """Tell a worker that there is something to do."""
    await hub.send(json.dumps({"jobId": job_id}).encode(), key=job_id)


async def own_export(person_id: str, job_id: str, *, jobs: Container) -> Item:
    """The person's export.

    Raises:
        Problem: export_unknown, also when it is somebody else's.
    """
    item = await jobs.read(job_id, job_id)
    if item is None or item["type"] != "export" or item["personId"] != person_id:
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
    if item["state"] != "ready":
        raise Problem("export_not_ready", retry_after_s=2)
    url = await blobs.read_link(EXPORTS, item["blobName"], now=now, life=LINK_LIFE)
    return DownloadLink(url=url, expires_at=now + LINK_LIFE)


async def run_job(job_id: str, build: Build, *, jobs: Container, now: Callable[[], datetime]) -> str:
    """Take a job, do it, commit it; return what became of it. A job that another worker holds is left alone."""
    item = await jobs.read(job_id, job_id)
    if item is None or item["state"] in {"ready", "failed"} or now() < clock.moment(item["leaseUntil"]):
        return "nothing to do"
    if item["attempt"] >= ATTEMPTS_LIMIT:
        await _Lease(item, jobs, now).renew(state="failed")
        _log.error("job given up after %d attempts", item["attempt"])
        return "failed"
    lease = _Lease(item, jobs, now)
    try:
        await lease.renew(state="running", attempt=item["attempt"] + 1)
        blob_name = f"{job_id}/{lease.item['attempt']}.zip"
        size = await build(lease.item, blob_name, lease.progress)
        await lease.renew(state="ready", blobName=blob_name, bytes=size, readyAt=clock.text(now()))
    except Stale:
        return "taken over"
    return "ready"


class _Lease:
    """A job that this worker holds: every change of it renews the lease, and fails when another has taken over."""

    def __init__(self, item: Item, jobs: Container, now: Callable[[], datetime]) -> None:
        self.item = declared(item)
        self._etag = str(item["_etag"])
        self._jobs = jobs
        self._now = now

    async def renew(self, **changes: Any) -> None:
        self.item = self.item | changes | {"leaseUntil": clock.text(self._now() + LEASE)}
        remaining = clock.moment(self.item["expiresAt"]) - self._now()
        self.item["ttl"] = max(1, int(remaining.total_seconds()))  # a TTL counts from the last write
        self._etag = await self._jobs.replace(self.item, self._etag)

    async def progress(self, done: int, total: int) -> None:
        await self.renew(stepsDone=done, stepsTotal=total)


async def stalled_jobs(*, jobs: Container, now: datetime) -> list[str]:
    """Jobs that nobody holds and that are not done."""
    query = "SELECT c.jobId FROM c WHERE c.state IN ('queued', 'running') AND c.leaseUntil < @now"
    return [item["jobId"] async for item in jobs.query(query, {"now": clock.text(now)})]


def _view(item: Item) -> Export:
    return Export(
        export_id=item["jobId"],
        scope=item["scope"],
        state=item["state"],
        steps_done=item["stepsDone"],
        steps_total=item["stepsTotal"],
        requested_at=clock.moment(item["createdAt"]),
        ready_at=clock.moment(item["readyAt"]) if "readyAt" in item else None,
        expires_at=clock.moment(item["expiresAt"]),
        bytes=item.get("bytes"),
    )
