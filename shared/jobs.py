"""Long work: a job item is the truth, an event on the jobs hub is only a nudge.

A job is done in steps of at most a minute. A worker holds it by a lease under the ETag of its item, and commits every
step under it: a step may run twice, because a worker was killed or only slow, but it commits once. What a step makes
outside the database has the attempt in its name. A step that fails is tried again after a growing pause; when it keeps
failing the job is parked, with an alarm. A timer nudges what nobody holds.
"""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from shared import clock, data_map
from shared.cosmos import Conflict, Container, Item, Stale, declared
from shared.errors import Problem
from shared.hubs import Hub
from shared.people import new_id
from shared.services import Services

STEP_LIMIT_S: Final = 60
"""Longest that one step may take; it is stopped then, and counts as failed."""

LEASE: Final = timedelta(seconds=90)
INVOCATION_BUDGET: Final = timedelta(seconds=60)
"""After this long a worker lets go between two steps and nudges: no invocation is relied on to be long."""

ATTEMPTS_LIMIT: Final = 6
"""Failures of one step before the job is parked."""

FIRST_PAUSE: Final = timedelta(seconds=5)
NUDGED_AT_ONCE: Final = 100

_log = logging.getLogger("blue.jobs")

SHORT_WAIT: Final = timedelta(seconds=15)
"""A worker itself waits so long between two steps; for a longer time it lets go, and the timer brings the job again."""

Cursor = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Later:
    """Where the next step begins, and not before when."""

    cursor: Cursor
    at: datetime


Stepped = Cursor | Later | None
"""Where the next step of a job begins; None when the job is done."""

Step = Callable[["Lease"], Awaitable[Stepped]]
Sleep = Callable[[float], Awaitable[None]]

Ending = Callable[[Item, str], Awaitable[None]]
"""Told that a job is about to be done or parked, before it is: a worker that is stopped in between tells it again."""


async def _tell_nobody(_item: Item, _state: str) -> None:
    """Most jobs end without a word."""


async def _tell_nobody_of_a_kind(_services: Services, _item: Item, _state: str) -> None:
    """As above."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What the worker does for one kind of job: its step, and who is told of its end."""

    step: Callable[[Services, "Lease"], Awaitable[Stepped]]
    ending: Callable[[Services, Item, str], Awaitable[None]] = _tell_nobody_of_a_kind


async def start_job(
    kind: str,
    person_id: str | None,
    details: Mapping[str, Any],
    *,
    jobs: Container,
    hub: Hub,
    now: datetime,
    job_id: str | None = None,
) -> Item:
    """Queue a job and nudge; the timer finds it should the nudge be lost.

    A job of the service itself is nobody's. One whose id is given is started once: a repeat returns what is there.
    """
    job_id = job_id or new_id()
    item = {
        "id": job_id,
        "type": kind,
        "jobId": job_id,
        **({"personId": person_id} if person_id is not None else {}),
        **details,
        "state": "queued",
        "cursor": {},
        "stepsDone": 0,
        "stepsTotal": 0,
        "attempt": 0,
        "failures": 0,
        "createdAt": clock.text(now),
        "leaseUntil": clock.text(now),
        "expiresAt": clock.text(now + data_map.retention("jobs", kind)),
        "ttl": int(data_map.retention("jobs", kind).total_seconds()),
    }
    try:
        await jobs.create(item)
    except Conflict:
        return await jobs.read(job_id, job_id) or item
    try:
        await nudge(job_id, hub=hub)
    except Problem as problem:
        _log.warning("nudge not sent (%s): the timer will find the job", problem.code)
    return item


async def nudge(job_id: str, *, hub: Hub) -> None:
    """Tell a worker that there is something to do."""
    await hub.send(json.dumps({"jobId": job_id}).encode(), key=job_id)


async def stalled_jobs(*, jobs: Container, now: datetime) -> list[str]:
    """Jobs that nobody holds and that are neither done nor parked; some of them, the rest at the next time."""
    query = "SELECT TOP @most c.jobId FROM c WHERE c.state IN ('queued', 'running') AND c.leaseUntil <= @now"
    return [item["jobId"] async for item in jobs.query(query, {"now": clock.text(now), "most": NUDGED_AT_ONCE})]


class Lease:
    """A job that this worker holds. Every commit renews the lease, and fails when another worker has taken over."""

    def __init__(self, item: Item, *, jobs: Container, now: Callable[[], datetime]) -> None:
        """Take a job as it was read."""
        self.item = declared(item)
        self.now = now
        self._etag = str(item["_etag"])
        self._jobs = jobs

    @property
    def cursor(self) -> Cursor:
        """Where this step begins."""
        return dict(self.item["cursor"])

    async def commit(self, *, until: datetime | None = None, without: Collection[str] = (), **changes: Any) -> None:
        """Replace the job under its ETag, with changes and without what is no more needed.

        Raises:
            Stale: another worker has it now; nothing that this one did counts.
        """
        lease_until = until if until is not None else self.now() + LEASE
        kept = {name: value for name, value in self.item.items() if name not in without}
        written = kept | changes | {"leaseUntil": clock.text(lease_until)}
        remaining = clock.moment(written["expiresAt"]) - self.now()
        written["ttl"] = max(1, int(remaining.total_seconds()))  # a TTL counts from the last write
        self._etag = await self._jobs.replace(written, self._etag)
        self.item = written


async def run_job(
    job_id: str,
    steps: Mapping[str, Step],
    *,
    jobs: Container,
    hub: Hub,
    now: Callable[[], datetime],
    ending: Ending = _tell_nobody,
    sleep: Sleep = asyncio.sleep,
) -> str:
    """Do the steps of a job until it is done, this worker's time is up, or it fails; return which, for the log."""
    item = await jobs.read(job_id, job_id)
    if item is None or item["state"] not in {"queued", "running"} or now() < clock.moment(item["leaseUntil"]):
        return "nothing to do"
    lease, step = Lease(item, jobs=jobs, now=now), steps[item["type"]]
    try:
        await lease.commit(state="running", attempt=item["attempt"] + 1)
        return await _run_steps(lease, step, ending, hub=hub, sleep=sleep)
    except Stale:
        return "taken over"


async def _run_steps(lease: Lease, step: Step, ending: Ending, *, hub: Hub, sleep: Sleep) -> str:
    begun = lease.now()
    while True:
        try:
            async with asyncio.timeout(STEP_LIMIT_S):
                stepped = await step(lease)
                if stepped is None:
                    await _end(lease, "done", ending)
        except Stale:
            raise
        except Exception as error:  # noqa: BLE001 - the edge of a step: the job item keeps the failure, and is tried again
            return await _failed(lease, error, ending)
        if stepped is None:
            await lease.commit(state="done", failures=0)
            return "done"
        later = stepped if isinstance(stepped, Later) else Later(stepped, lease.now())
        wait = later.at - lease.now()
        out_of_time = lease.now() - begun >= INVOCATION_BUDGET
        lets_go = out_of_time or wait > SHORT_WAIT
        until = max(later.at, lease.now()) if lets_go else None
        await lease.commit(until=until, cursor=later.cursor, failures=0, stepsDone=lease.item["stepsDone"] + 1)
        if lets_go and wait > timedelta(0):
            return "waiting"
        if lets_go:
            await nudge(lease.item["jobId"], hub=hub)
            return "to be continued"
        if wait > timedelta(0):
            await sleep(wait.total_seconds())


async def _end(lease: Lease, state: str, ending: Ending) -> None:
    """Tell the end of a job that is still held: who was taken over has nothing to tell."""
    await lease.commit()
    await ending(lease.item, state)


async def _failed(lease: Lease, error: Exception, ending: Ending) -> str:
    """Keep the failure; the timer brings the job again after a pause, unless it has failed too often."""
    failures = lease.item["failures"] + 1
    kind = type(error).__qualname__
    if failures >= ATTEMPTS_LIMIT:
        await _end(lease, "parked", ending)
        await lease.commit(state="parked", failures=failures, failure=kind)
        _log.error("ALARM job_parked: %s, after %d failures, last %s", lease.item["type"], failures, kind)
        return "parked"
    pause = FIRST_PAUSE * 2 ** (failures - 1)
    await lease.commit(until=lease.now() + pause, failures=failures, failure=kind)
    _log.warning("%s failed with %s, the %d. time; again in %s", lease.item["type"], kind, failures, pause)
    return "failed, to be tried again"
