"""What a restriction or a hold brings, and its end: gates, ledger, notifications, figures, and the work of keeping.

Each is a record that says when it is to be looked at next. Whoever is cut off leaves that time in the past, and the
timer goes on: every part may be repeated. While one is in force it is looked at daily, for what was stored meanwhile.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from export_user_data.restriction import keeping
from export_user_data.restriction.office import Office
from export_user_data.restriction.records import ownerships_of
from export_user_data.restriction.telling import is_new, tell_begun, tell_ended
from shared import clock
from shared.cosmos import Item, Stale, declared
from shared.data_map import Category
from shared.gate import KeptChanging, change_policy
from shared.injection import reached
from shared.policy import Policy
from shared.standing import Standing, categories_under, in_force, is_ended, scopes_of, standing
from shared.statistics import recompute_open

LOOKED_AT_EVERY: Final = timedelta(days=1)

LOOKED_AFTER: Final = timedelta(days=2)
"""How long after its end a record is still looked at: what could not be let go at once is let go then."""

_TRIES: Final = 10


async def proceed(person_id: str, item_id: str, office: Office) -> Item:
    """Do what a record still asks for; return it as it is then.

    Raises:
        LookupError: there is none any more.
        KeptChanging: others kept changing it.
    """
    for _ in range(_TRIES):
        found = await office.people.read(person_id, item_id)
        if found is None:
            raise LookupError("there is no such record")
        try:
            if is_due(found, office.now):
                found = await _end(found, office)
            return await (_let_go(found, office) if is_ended(found) else _hold_fast(found, office))
        except Stale:
            continue
    raise KeptChanging


def is_due(found: Item, now: datetime) -> bool:
    """Whether one that is in force has come to its end."""
    ends_at = found.get("liftsAt") if found["type"] == "restriction" else found["until"]
    return not is_ended(found) and ends_at is not None and clock.moment(ends_at) <= now


async def _hold_fast(found: Item, office: Office) -> Item:
    """Let it be in force, tell of it, and keep what it covers."""
    await apply(found["personId"], office)
    await reached("restriction.gated")
    await tell_begun(found, office)
    await reached("restriction.told")
    if found["type"] == "restriction" and is_new(found):
        await _recompute(found, "begun", office)
    await keeping.start(found, is_lifted=False, database=office.database, hub=office.hub, now=office.now)
    next_look = office.now + LOOKED_AT_EVERY
    ends_at = found.get("liftsAt") or found.get("until")
    if ends_at is not None:
        next_look = min(next_look, clock.moment(ends_at))
    return await replaced(found, {"nextLookAt": clock.text(next_look)}, office)


async def _end(found: Item, office: Office) -> Item:
    """Tell that it ends, then let it be over."""
    await tell_ended(found, office)
    await reached("restriction.end_told")
    at = clock.text(office.now)
    over = {"state": "lifted", "liftedAt": at} if found["type"] == "restriction" else {"endedAt": at}
    ended = await replaced(found, over | {"nextLookAt": at}, office)
    await reached("restriction.ended")
    return ended


async def _let_go(found: Item, office: Office) -> Item:
    """Let what nothing else keeps be used and expire as before."""
    await apply(found["personId"], office)
    await reached("restriction.let_go")
    if found["type"] == "restriction" and found["nextLookAt"] == found["liftedAt"]:
        await _recompute(found, "lifted", office)
    await keeping.start(found, is_lifted=True, database=office.database, hub=office.hub, now=office.now)
    ended_at = clock.moment(str(found.get("liftedAt") or found.get("endedAt")))
    if office.now < ended_at + LOOKED_AFTER:
        return await replaced(found, {"nextLookAt": clock.text(office.now + LOOKED_AT_EVERY)}, office)
    return await replaced(found, {}, office, without="nextLookAt")


async def replaced(found: Item, changes: Item, office: Office, *, without: str = "") -> Item:
    """Change a record as it was read; return it as it is then.

    Raises:
        Stale: it has changed since.
    """
    written = {name: value for name, value in declared(found).items() if name != without} | changes
    return written | {"_etag": await office.people.replace(written, found["_etag"])}


async def apply(person_id: str, office: Office) -> None:
    """Bring every gate of a person to what stands for them: their own first, where a new ownership looks.

    Another change meanwhile may have been undone by this one: then it is done again.

    Raises:
        KeptChanging: others kept changing it.
    """
    look = partial(standing, person_id, people=office.people, now=office.now)
    stands = await look()
    for _ in range(_TRIES):
        await _apply(person_id, stands, office)
        before, stands = stands, await look()
        if before == stands:
            return
    raise KeptChanging


async def _apply(person_id: str, stands: Standing, office: Office) -> None:
    change = partial(change_policy, journal=office.journal, now=office.now)
    await change(office.people, person_id, stands.applied_to)
    for link in await ownerships_of(person_id, people=office.people):
        try:
            await change(office.database["telemetry"], link["ownershipId"], partial(under, stands, link["ownershipId"]))
        except LookupError:
            continue  # it just begins, and finds what stands in the person's gate


def under(stands: Standing, ownership_id: str, policy: Policy) -> Policy:
    """The policy of a period of ownership under what stands for its person."""
    if policy.tombstone:
        return policy
    restricted, held = (
        categories_under(scopes_of(of_kind), ownership_id) for of_kind in (stands.restrictions, stands.holds)
    )
    return replace(policy, store_only=restricted, held=held)


async def _recompute(found: Item, change: str, office: Office) -> None:
    """Compute the open days anew of every period of ownership whose use it covers."""
    covering = in_force(found)
    for link in await ownerships_of(found["personId"], people=office.people):
        if covering.covers(link["ownershipId"], Category.USAGE.value):
            ground = f"{found['restrictionId']}\n{change}"
            await recompute_open(link["ownershipId"], ground, database=office.database, hub=office.hub, now=office.now)
