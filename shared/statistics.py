"""Figures of use: for which days they are computed, how often, and when a day is closed for good.

A day stays open as long as a reading of it may still arrive, and each computation replaces its figures as a whole. So
who objects or is erased is gone from every open day with its next computation, which is started at once; the figures
of a closed day are final, and hold no cell that could point at a person.
"""

import hashlib
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Final

from shared import clock
from shared.cosmos import Container, Database
from shared.hubs import Hub
from shared.jobs import start_job

KIND: Final = "usageFigures"
USAGE: Final = "usage"
"""The partition of all figures of use."""

COMPUTED_AFTER: Final = (1, 2, 7, 35)
"""How many days after a day its figures are computed. The last one closes it: a monitor keeps readings for 31 days at
most, and the hub a day."""

CAUGHT_UP: Final = 7
"""For how many days a computation that was missed is still made up for."""

_COMPUTED: Final = "SELECT c.date, c.age FROM c WHERE c.date >= @from"
_DAYS: Final = "SELECT c.days FROM c WHERE c.observedTo >= @from AND IS_DEFINED(c.days)"


def item_id(day: str) -> str:
    """Id of the figures of a day."""
    return f"{USAGE}:{day}"


def due_age(day: date, today: date) -> int:
    """After how many days the computation is that is due for a day; 0 while none is."""
    age = (today - day).days
    return max((after for after in COMPUTED_AFTER if after <= age), default=0)


def is_closing(age: int) -> bool:
    """Whether the computation after so many days is the last one."""
    return age >= COMPUTED_AFTER[-1]


async def start_due(*, database: Database, hub: Hub, now: datetime) -> list[str]:
    """Start every computation that is due and was not made; the days, however often this runs."""
    today = now.date()
    first = today - timedelta(days=COMPUTED_AFTER[-1] + CAUGHT_UP)
    computed = await _computed(first, statistics=database["statistics"])
    days = [first + timedelta(days=number) for number in range((today - first).days)]
    due = [day for day in days if computed.get(day.isoformat(), 0) < due_age(day, today)]
    return await _start(due, "", database=database, hub=hub, now=now)


async def recompute_open(ownership_id: str, ground: str, *, database: Database, hub: Hub, now: datetime) -> list[str]:
    """Compute every open day anew that an ownership has readings of; the days.

    To be called once the gate says what has changed, and before anything is purged: the readings tell the days. The
    ground is the id of what asks for it, such as an objection: a repeat starts nothing twice.
    """
    today = now.date()
    first = today - timedelta(days=COMPUTED_AFTER[-1] + CAUGHT_UP)
    computed = await _computed(first, statistics=database["statistics"])
    start = {"from": clock.text(datetime.combine(first, datetime.min.time(), now.tzinfo))}
    days: set[str] = set()
    async for item in database["telemetry"].query(_DAYS, start, partition=ownership_id):
        days.update(item["days"])
    affected = [date.fromisoformat(day) for day in sorted(days)]
    is_open = [
        day
        for day in affected
        if first <= day and due_age(day, today) and not is_closing(computed.get(day.isoformat(), 0))
    ]
    return await _start(is_open, f"{ownership_id}\n{ground}", database=database, hub=hub, now=now)


async def _computed(first: date, *, statistics: Container) -> dict[str, int]:
    found = statistics.query(_COMPUTED, {"from": first.isoformat()}, partition=USAGE)
    return {item["date"]: item["age"] async for item in found}


async def _start(days: Iterable[date], ground: str, *, database: Database, hub: Hub, now: datetime) -> list[str]:
    started = []
    for day in days:
        details = {"date": day.isoformat(), "age": due_age(day, now.date())}
        name = f"{KIND}\n{details['date']}\n{details['age']}\n{ground}"
        job_id = hashlib.sha256(name.encode()).hexdigest()[:32]
        await start_job(KIND, None, details, jobs=database["jobs"], hub=hub, now=now, job_id=job_id)
        started.append(day.isoformat())
    return started
