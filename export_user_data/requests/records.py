"""The record of a request: how it is made, what its clock is, and how it is found."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final, Self

from export_user_data.requests import rules
from export_user_data.requests.contract import OPEN_STATES
from export_user_data.requests.legal_clock import Course, Pause, is_within
from export_user_data.requests.rules import Ground, Right
from shared import clock
from shared.controller import Controller
from shared.cosmos import Container, Database, Item, declared
from shared.data_map import retention
from shared.errors import Problem
from shared.kept_items import rewritten
from shared.services import Services

SHOWN: Final = 100
"""The newest; an export has them all."""

_DAY: Final = timedelta(days=1)
_NEWEST: Final = "SELECT * FROM c WHERE c.type = 'rightsRequest'"


@dataclass(frozen=True, slots=True, kw_only=True)
class Register:
    """What requests are dealt with: stores, key of look-ups, controller, and time."""

    database: Database
    identity_key: bytes
    controller: Controller
    """Whose letters they are."""
    now: datetime

    @classmethod
    def of(cls, services: Services) -> Self:
        """As the services of the app have them, now."""
        settings = services.settings
        return cls(
            database=services.database,
            identity_key=settings.identity_key,
            controller=settings.controller,
            now=services.clock(),
        )

    @property
    def people(self) -> Container:
        """Where requests lie."""
        return self.database["people"]


def item_id(request_id: str) -> str:
    """Id of the stored item."""
    return f"rightsRequest:{request_id}"


def named(person_id: str, *parts: str) -> str:
    """An id that is the same whenever the same is asked for."""
    return hashlib.sha256("\n".join((person_id, "rightsRequest", *parts)).encode()).hexdigest()[:32]


async def requests_of(person_id: str, *, people: Container) -> list[Item]:
    """Every request of a person, the newest first; limits bound how many there are."""
    found = [item async for item in people.query(_NEWEST, partition=person_id)]
    return sorted(found, key=lambda item: str(item["receivedAt"]), reverse=True)


async def read(person_id: str, request_id: str, *, people: Container) -> Item:
    """A request of a person.

    Raises:
        Problem: request_unknown, also when it is somebody else's.
    """
    found = await people.read(person_id, item_id(request_id))
    if found is None:
        raise Problem("request_unknown")
    return found


def new_request(person_id: str, request_id: str, right: Right, before: Iterable[Item], **said: Any) -> Item:
    """A request as it is filed; `said` has at least `receivedAt`, `filedAt`, `channel` and `identity`."""
    item: Item = {
        "id": item_id(request_id),
        "type": "rightsRequest",
        "personId": person_id,
        "requestId": request_id,
        "right": right.value,
        "state": "received",
        "warned": 0,
        "repeats": is_repeated(right, clock.moment(said["receivedAt"]), before),
        "telling": "request_received",
    }
    item |= {name: value for name, value in said.items() if value is not None}
    return item | as_of(item, clock.moment(said["filedAt"]))


def is_repeated(right: str, received_at: datetime, before: Iterable[Item]) -> bool:
    """Whether it is an access, and one was asked for within the six months before."""
    return right == Right.ACCESS and any(_is_repeated(one, right, received_at) for one in before)


def _is_repeated(earlier: Item, right: str, received_at: datetime) -> bool:
    """Whether the same right was exercised so lately; what was withdrawn or nobody's was not exercised."""
    ground = earlier.get("decision", {}).get("ground")
    if earlier["right"] != right or earlier["state"] == "withdrawn" or ground == Ground.NOT_IDENTIFIED:
        return False
    before = clock.moment(earlier["receivedAt"])
    return is_within(before, received_at, months=rules.REPEATS_WITHIN_MONTHS, zone=rules.zone())


def as_of(item: Item, now: datetime) -> Item:
    """Where it stands, as it is written: when it is due, its place on the board, and that it is to be looked at."""
    due_at = clock.text(course_of(item).due(now))
    expires_at = now + retention("people", "rightsRequest")
    written = {"dueAt": due_at, "updatedAt": clock.text(now), "nextWarnAt": clock.text(now)}
    lifetime = rewritten(item | {"type": "rightsRequest"}, now=now, expires_at=expires_at)
    kept = {name: lifetime[name] for name in ("expiresAt", "ttl", "keptBy") if name in lifetime}
    return written | kept | {"boardKey": f"{due_at}_{item['requestId']}"}


async def replaced(
    found: Item, changes: Item, *, people: Container, now: datetime, without: Iterable[str] = ()
) -> Item:
    """Change a request as it was read, and let it be looked at; return it as it is then.

    Raises:
        Stale: it has changed since.
    """
    gone = {*without, *(() if is_open(found | changes) else ("boardKey",))}
    item = declared(found) | changes
    written = item | as_of(item, now) | {name: changes[name] for name in ("nextWarnAt",) if name in changes}
    kept = {name: value for name, value in written.items() if name not in gone}
    return kept | {"_etag": await people.replace(kept, found["_etag"])}


def is_open(item: Item) -> bool:
    """Whether it is still to be answered."""
    return item["state"] in OPEN_STATES


def course_of(item: Item) -> Course:
    """The clock of a request."""
    asked = item.get("identityQuestion")
    pauses: tuple[Pause, ...] = ()
    if asked is not None and asked["stopsTheClock"]:
        until = asked.get("answeredAt") or item.get("closedAt")
        pauses = (Pause(since=clock.moment(asked["askedAt"]), until=clock.moment(until) if until else None),)
    return Course(
        received_at=clock.moment(item["receivedAt"]),
        zone=rules.zone(),
        months=rules.MONTHS,
        extended_by=rules.EXTENSION_MONTHS if "extension" in item else 0,
        pauses=pauses,
    )


def day_of(moment: datetime) -> date:
    """The day of a moment in the time zone of the clock."""
    return moment.astimezone(rules.zone()).date()


def check_room(records: Iterable[Item], *, lately_too: bool, now: datetime) -> None:
    """Refuse more requests than a person may have open, or file within a day.

    Raises:
        Problem: requests_too_many.
    """
    known = list(records)
    lately = sum(now < clock.moment(one["filedAt"]) + _DAY for one in known) if lately_too else 0
    if sum(map(is_open, known)) >= rules.OPEN_LIMIT or lately >= rules.A_DAY_LIMIT:
        raise Problem("requests_too_many")
