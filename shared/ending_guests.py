"""How a guest's place ends: declined, removed, left, or over with the ownership.

The place ends first, under its ETag: from then on nobody gets in by it. What follows (ledger, notifications, the
guest's link, the invitation) may be cut off and done again by whoever meets the place next, since it keeps the guest's
keys until the very end. Then it holds random ids only, and stays until a day after the invitation was made: so a device
has at most as many invitations a day as it has places, and strangers cannot be flooded with its mails.
"""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from http import HTTPStatus
from typing import Final, Literal

from shared import clock
from shared.cosmos import BatchFailed, Database, Delete, Item, Replace, Stale, declared
from shared.errors import Problem
from shared.gate import Erased, write_behind_gate
from shared.injection import reached
from shared.invitations import place_of, places, remove_invitation, seconds_until
from shared.ledger import SERVICE, THE_PERSON, Actor, Step, record_about
from shared.notifications import notify

PLACE_BLOCKED: Final = timedelta(days=1)
"""From the invitation on: an ended place is not free before."""

_TRIES: Final = 5
_DEVICE: Final = "device"
_LASTING: Final = ("id", "type", "deviceId", "ownershipId", "guestId", "invitedAt")

Ending = Literal["declined", "removed", "left", "over"]


@dataclass(frozen=True, slots=True)
class _Meaning:
    """What an ending is in the ledger, who did it on the owner's chain and on the guest's, and what it can end."""

    action: str
    owners_actor: str
    guests_actor: str
    ends: frozenset[str] = frozenset({"invited", "active"})


_MEANINGS: Final[dict[str, _Meaning]] = {
    "declined": _Meaning("guest_declined", "guest", "person", frozenset({"invited"})),
    "removed": _Meaning("guest_removed", "person", "host"),
    "left": _Meaning("guest_left", "guest", "person", frozenset({"active"})),
    "over": _Meaning("guest_removed", "service", "service"),
}


def link_id(guest_id: str) -> str:
    """Id of the link that makes a person a guest."""
    return f"guest:{guest_id}"


def step(place: Item, action: str, actor: Actor) -> Step:
    """Something that was done to a guest, for the ledger."""
    return Step(place["guestId"], action, actor, {"guestId": place["guestId"], "ownershipId": place["ownershipId"]})


def actor(kind: str, place: Item) -> Actor:
    """Who did it. The two chains do not name each other's person, only guest and ownership."""
    named = {"person": THE_PERSON, "service": SERVICE}
    return named.get(kind) or Actor(kind, place["guestId"] if kind == "guest" else place["ownershipId"])


async def end_guests(past: Item, *, database: Database, now: datetime) -> None:
    """End all guests and invitations of an ownership that has ended; every part may be repeated."""
    until = clock.moment(past["until"])
    for place in (await places(past["deviceId"], devices=database["devices"])).values():
        if place["ownershipId"] == past["ownershipId"]:
            await end_guest(place, "over", past["ownerPersonId"], database=database, at=until, now=now)


async def leave_device(link: Item, *, database: Database, now: datetime) -> None:
    """End what an active link of a guest stands for, as their own wish; it may be repeated."""
    device = await database["devices"].read(link["deviceId"], _DEVICE)
    place = await place_of(link["guestId"], link["deviceId"], devices=database["devices"])
    if device is not None and place is not None and device.get("ownershipId") == place["ownershipId"]:
        await end_guest(place, "left", device["ownerPersonId"], database=database, at=now, now=now)
    # Where the place went without its guest, as with an erased owner, there is the link alone.
    await end_link(link["personId"], link["guestId"], now, database=database, was_guest=True)


async def end_guest(
    place: Item, ending: Ending, owner_id: str, *, database: Database, at: datetime, now: datetime, **fields: str
) -> Item:
    """End a guest's place, with these fields, and everything that hangs on it; return the place as it is then.

    One that ends already ends as it began to.

    Raises:
        Problem: busy, when others kept changing it; invitation_unknown, when there is none any more to decline.
    """
    devices = database["devices"]
    for _ in range(_TRIES):
        if place["state"] != "ended":
            if place["state"] not in _MEANINGS[ending].ends:
                raise Problem("invitation_unknown")
            kept = {name: value for name, value in declared(place).items() if name not in {"expiresAt", "ttl"}}
            ended = kept | fields | {"state": "ended", "ending": ending, "endedAt": clock.text(at)}
            try:
                place = ended | {"_etag": await devices.replace(ended, place["_etag"])}
            except Stale:
                present = await devices.read(place["deviceId"], place["id"])
                if present is None or present["guestId"] != place["guestId"]:
                    return ended
                place = present
                continue
            await reached("guests.ended")
        return await _ended(place, owner_id, database=database, now=now)
    raise Problem("busy", retry_after_s=1)


async def _ended(place: Item, owner_id: str, *, database: Database, now: datetime) -> Item:
    """Everything that hangs on a place that ends; last of all its own keys."""
    if "inviteeKey" not in place:
        return place
    guest_id, meaning = place["guestId"], _MEANINGS[place["ending"]]
    until = clock.moment(place["endedAt"])
    tell = partial(notify, people=database["people"], now=now)
    with suppress(Erased):
        done = step(place, meaning.action, actor(meaning.owners_actor, place))
        await record_about(owner_id, done, database=database, now=now)
    if place["ending"] == "left":
        await tell(owner_id, "guest_left", guest_id, {"until": until})
    if "guestPersonId" in place:
        with suppress(Erased):
            done = step(place, meaning.action, actor(meaning.guests_actor, place))
            await record_about(place["guestPersonId"], done, database=database, now=now)
        if "since" in place:
            await tell(place["guestPersonId"], "guest_access_ended", guest_id, {"until": until})
    await reached("guests.told")
    if "guestPersonId" in place:
        await end_link(place["guestPersonId"], guest_id, until, database=database, was_guest="since" in place)
    await remove_invitation(place["inviteeKey"], guest_id, identities=database["identities"])
    await reached("guests.unlinked")
    free_at = clock.moment(place["invitedAt"]) + PLACE_BLOCKED
    emptied = {name: place[name] for name in _LASTING} | {
        "state": "ended",
        "expiresAt": clock.text(max(free_at, now)),
        "ttl": seconds_until(free_at, now),
    }
    with suppress(Stale):  # another one who ended it was faster
        await database["devices"].replace(emptied, place["_etag"])
    return emptied


async def end_link(person_id: str, guest_id: str, until: datetime, *, database: Database, was_guest: bool) -> None:
    """End the link of a guest; one of somebody who never was a guest goes."""
    people = database["people"]
    for _ in range(_TRIES):
        link = await people.read(person_id, link_id(guest_id))
        if link is None or link["state"] == "ended":
            return
        try:
            if was_guest:
                ended = declared(link) | {"state": "ended", "until": clock.text(until)}
                await write_behind_gate(people, person_id, [Replace(ended, link["_etag"])])
            else:
                await people.batch(person_id, [Delete(link["id"])])
        except Stale:
            continue
        except BatchFailed as failed:
            if failed.status != HTTPStatus.NOT_FOUND:
                raise
        except Erased:
            return
        return
    raise Problem("busy", retry_after_s=1)
