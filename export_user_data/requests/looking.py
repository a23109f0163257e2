"""What a request asks for by itself: that its person is told of the last step, and staff warned before it is due.

A step leaves the name of a notification in the record and a time to look at it; whoever is cut off leaves both, and the
timer goes on. Every part may be repeated.
"""

import logging
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from export_user_data.requests import rules
from export_user_data.requests.legal_clock import OVERDUE, Course
from export_user_data.requests.records import Register, course_of, is_open, item_id, replaced
from shared import clock
from shared.cosmos import Item, Stale
from shared.gate import KeptChanging
from shared.injection import reached
from shared.notifications import notify
from shared.people import PERSON

LOOKED_AT_EVERY: Final = timedelta(days=1)
"""While a request is overdue, or the clock stands."""

_TRIES: Final = 10

_log = logging.getLogger("blue.requests")


async def proceed(person_id: str, request_id: str, register: Register) -> Item:
    """Tell and warn as a request asks for; return it as it is then.

    Raises:
        LookupError: there is none any more.
        KeptChanging: others kept changing it.
    """
    for _ in range(_TRIES):
        found = await register.people.read(person_id, item_id(request_id))
        if found is None:
            raise LookupError("there is no such request")
        if "nextWarnAt" not in found:
            return found
        if "telling" in found:
            await _tell(found, register)
            await reached("requests.told")
        try:
            return await _looked_at(found, register)
        except Stale:
            continue
    raise KeptChanging


async def _looked_at(found: Item, register: Register) -> Item:
    change = partial(replaced, found, people=register.people, now=register.now)
    if not is_open(found):
        return await change({}, without=("telling", "nextWarnAt"))
    if "telling" not in found and register.now < clock.moment(found["nextWarnAt"]):
        return found
    course, now = course_of(found), register.now
    reached_level = max((level for level in rules.WARN_AT if _has_reached(course, level, now)), default=0)
    _warn(found, reached_level, now)
    next_look = clock.text(_next_look(found, course, now))
    return await change({"warned": reached_level, "nextWarnAt": next_look}, without=("telling",))


def _has_reached(course: Course, level: int, now: datetime) -> bool:
    return course.is_overdue(now) if level == OVERDUE else course.percent(now) >= level


def _next_look(found: Item, course: Course, now: datetime) -> datetime:
    daily = now + LOOKED_AT_EVERY
    if found["state"] == "identity_awaited":
        return min(daily, course.next_of(rules.WARN_AT, now) or daily)
    return course.next_of(rules.WARN_AT, now) or daily


def _warn(found: Item, level: int, now: datetime) -> None:
    """One line for each share of the time, then one a day; the id is random, and names nobody."""
    request_id = found["requestId"]
    if level == OVERDUE:
        _log.error("ALARM request_due: the time to answer is over, request %s", request_id)
    elif level > found["warned"]:
        _log.warning("ALARM request_due: %d %% of the time to answer have passed, request %s", level, request_id)
    elif found["state"] == "identity_awaited" and _waits_long(found, now):
        waited = rules.IDENTITY_WAIT.days
        _log.warning("ALARM request_due: nobody has said who asks for %d days, request %s", waited, request_id)


def _waits_long(found: Item, now: datetime) -> bool:
    return now >= clock.moment(found["identityQuestion"]["askedAt"]) + rules.IDENTITY_WAIT


async def _tell(found: Item, register: Register) -> None:
    """Tell the person, where there is an inbox or an address to tell them by."""
    person = await register.people.read(found["personId"], PERSON)
    if person is None or "email" not in person:
        return
    moments = {"until": clock.moment(found["dueAt"]), "since": clock.moment(found["updatedAt"])}
    name = _UNTIL if found["telling"] in _TELL_UNTIL else "since"
    await notify(
        found["personId"],
        found["telling"],
        found["requestId"],
        {name: moments[name]},
        people=register.people,
        now=register.now,
    )


_UNTIL: Final = "until"
_TELL_UNTIL: Final = {"request_received", "request_identified", "request_extended"}
