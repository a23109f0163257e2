"""The records of restrictions and holds: how they are made, and what is told of them."""

import hashlib
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Final

from export_user_data.restriction.contract import (
    HoldRequest,
    LegalHold,
    Restriction,
    RestrictionRequest,
    Scope,
    Scoped,
    StaffHold,
    Standings,
)
from shared import clock
from shared.cosmos import Container, Item
from shared.errors import Problem
from shared.standing import is_ended, scope_of

IN_FORCE_LIMIT: Final = 20
"""Restrictions that may be in force of a person; the holds of staff have as many. It bounds the person's gate."""

A_DAY_LIMIT: Final = 20
"""How many may be begun within a day, the lifted ones included."""

_DAY: Final = timedelta(days=1)
_LINKS: Final = "SELECT * FROM c WHERE c.type = 'link' AND c.role = 'owner'"


async def ownerships_of(person_id: str, *, people: Container) -> list[Item]:
    """The links of every period of ownership of a person, also of those that are over or just begin."""
    return [link async for link in people.query(_LINKS, partition=person_id)]


async def scope_fields(person_id: str, asked: Scoped, *, people: Container) -> Item:
    """The scope as it is stored: a device is its present period of this person, or else the last one.

    Raises:
        Problem: device_not_yours.
    """
    if asked.scope is Scope.PERSON:
        return {"scope": "person"}
    if asked.scope is Scope.CATEGORY:
        return {"scope": "category", "category": asked.category}
    links = await ownerships_of(person_id, people=people)
    periods = [link for link in links if link["deviceId"] == asked.device_id and link["state"] != "pending"]
    if not periods:
        raise Problem("device_not_yours")
    last = max(periods, key=lambda link: str(link["since"]))
    return {"scope": "device", "deviceId": last["deviceId"], "ownershipId": last["ownershipId"]}


def new_restriction(
    person_id: str, asked: RestrictionRequest, scope: Item, before: Iterable[Item], *, by: str, now: datetime
) -> Item:
    """A restriction that is named after how many there were of its scope, so that two who ask at once make one."""
    earlier = sum(scope_of(record) == scope_of(scope) for record in before if record["type"] == "restriction")
    restriction_id = _named(person_id, "restriction", scope_of(scope), str(earlier))
    return {
        "id": f"restriction:{restriction_id}",
        "type": "restriction",
        "personId": person_id,
        "restrictionId": restriction_id,
        **scope,
        "ground": asked.ground.value,
        "by": by,
        "state": "active",
        "since": clock.text(now),
        "nextLookAt": clock.text(now),
    }


def new_hold(person_id: str, asked: HoldRequest, scope: Item, *, staff_id: str, now: datetime) -> Item:
    """A hold, named by what it is: asked for twice it is one. A longer one is another, beside it."""
    until = clock.text(asked.until)
    hold_id = _named(person_id, "hold", scope_of(scope), f"{asked.reference}\n{until}")
    return {
        "id": f"legalHold:{hold_id}",
        "type": "legalHold",
        "personId": person_id,
        "holdId": hold_id,
        **scope,
        "ground": asked.ground.value,
        "reference": asked.reference,
        "since": clock.text(now),
        "until": until,
        "setBy": staff_id,
        "nextLookAt": clock.text(now),
        **({} if asked.tell_person else {"untold": True}),
    }


def _named(person_id: str, kind: str, scope: str, what: str) -> str:
    return hashlib.sha256(f"{person_id}\n{kind}\n{scope}\n{what}".encode()).hexdigest()[:32]


def check_room(records: Iterable[Item], kind: str, now: datetime) -> None:
    """Refuse more of a kind than a person may have.

    Raises:
        Problem: restrictions_too_many.
    """
    of_kind = [record for record in records if record["type"] == kind]
    lately = sum(now < clock.moment(record["since"]) + _DAY for record in of_kind)
    if sum(not is_ended(record) for record in of_kind) >= IN_FORCE_LIMIT or lately >= A_DAY_LIMIT:
        raise Problem("restrictions_too_many")


def restriction_view(record: Item) -> Restriction:
    """A restriction as it is told."""
    names = {"lifts_at": "liftsAt", "lifted_at": "liftedAt"}
    return Restriction(
        restriction_id=record["restrictionId"],
        by=record["by"],
        state=record["state"],
        **_told(record),
        **{name: clock.moment(record[stored]) for name, stored in names.items() if stored in record},
    )


def hold_view(record: Item) -> LegalHold:
    """A hold as its person is told it."""
    return LegalHold(**_hold(record))


def staff_hold_view(record: Item) -> StaffHold:
    """A hold as staff are told it."""
    told = not record.get("untold")
    return StaffHold(**_hold(record), person_id=record["personId"], reference=record.get("reference"), told=told)


def standings(records: Iterable[Item], *, untold: bool) -> Standings:
    """All of them, the newest first; those that the person may not be told of for staff alone."""
    found = sorted(records, key=lambda record: str(record["since"]), reverse=True)
    holds = [record for record in found if record["type"] == "legalHold" and (untold or not record.get("untold"))]
    return Standings(
        restrictions=[restriction_view(record) for record in found if record["type"] == "restriction"],
        legal_holds=[hold_view(record) for record in holds],
    )


def _hold(record: Item) -> dict[str, Any]:
    ended = {"ended_at": clock.moment(record["endedAt"])} if "endedAt" in record else {}
    return {"hold_id": record["holdId"], "until": clock.moment(record["until"]), **_told(record), **ended}


def _told(record: Item) -> dict[str, Any]:
    return {
        "scope": record["scope"],
        "device_id": record.get("deviceId"),
        "category": record.get("category"),
        "ground": record["ground"],
        "since": clock.moment(record["since"]),
    }
