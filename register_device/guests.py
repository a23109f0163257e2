"""The owner's side of guests: whom they invite to a device, and whom they remove."""

from datetime import datetime
from typing import Any, Final

from register_device.contract.guests import Guest
from register_device.devices import owned_device
from shared import clock
from shared.callers import Resident
from shared.cosmos import Conflict, Database, Item, Stale
from shared.ending_guests import end_guest, end_guests, step
from shared.errors import Problem
from shared.injection import reached
from shared.invitations import INVITATION_LIFE, is_open, make_invitation, places, seconds_until
from shared.ledger import THE_PERSON, record_about
from shared.notifications import language_for
from shared.people import PERSON, key_of_address, new_id

PLACES: Final = tuple(f"guest:{number}" for number in range(1, 6))
"""A device has as many guests, open invitations included, as there are ids: two cannot take the same one."""

_TRIES: Final = 2 * len(PLACES)


async def invite(
    owner: Resident, device_id: str, email: str, *, database: Database, identity_key: bytes, now: datetime
) -> tuple[Guest, bool]:
    """Invite an address to one's own device; return the guest, and whether the invitation is a new one.

    The answer is the same whether or not anybody has an account with this address.

    Raises:
        Problem: device_not_yours, guest_is_owner, guests_too_many; or busy, when others kept taking the places.
    """
    device = await owned_device(owner.person_id, device_id, database=database)
    key = key_of_address(email, identity_key)
    record = await database["people"].read(owner.person_id, PERSON)
    if key in {owner.contact_key, key_of_address(record["email"], identity_key) if record else None}:
        raise Problem("guest_is_owner")
    place, is_new = await _placed(device, key, database=database, now=now)
    if place["state"] == "invited":  # also a repeat: it completes what was cut off
        await reached("guests.invited")
        invited = step(place, "guest_invited", THE_PERSON)
        await record_about(owner.person_id, invited, database=database, now=now)
        await reached("guests.recorded")
        language = await language_for(owner.person_id, people=database["people"])
        await make_invitation(place, email.strip().lower(), language, identities=database["identities"], now=now)
    return guest_view(place), is_new


async def _placed(device: Item, key: str, *, database: Database, now: datetime) -> tuple[Item, bool]:
    """The place of the invitee: the one that they have, or a free one that they get."""
    devices = database["devices"]
    for _ in range(_TRIES):
        taken = await places(device["deviceId"], devices=devices)
        for place in taken.values():
            is_theirs = place["ownershipId"] == device["ownershipId"] and place.get("inviteeKey") == key
            if is_theirs and (place["state"] == "active" or is_open(place, now)):
                return place, False
        free = next((name for name in PLACES if name not in taken or _is_free(taken[name], now)), None)
        if free is None:
            if await _finished_any(device, list(taken.values()), database=database, now=now):
                continue
            raise Problem("guests_too_many")
        invited = _invited(free, device, key, now)
        try:
            if free in taken:
                await devices.replace(invited, taken[free]["_etag"])
            else:
                await devices.create(invited)
        except (Conflict, Stale):
            continue  # another invitation was faster
        return invited, True
    raise Problem("busy", retry_after_s=1)


def _invited(name: str, device: Item, key: str, now: datetime) -> dict[str, Any]:
    expires_at = now + INVITATION_LIFE
    return {
        "id": name,
        "type": "guest",
        "deviceId": device["deviceId"],
        "ownershipId": device["ownershipId"],
        "guestId": new_id(),
        "state": "invited",
        "inviteeKey": key,
        "invitedAt": clock.text(now),
        "expiresAt": clock.text(expires_at),
        "ttl": seconds_until(expires_at, now),
    }


def _is_free(place: Item, now: datetime) -> bool:
    """Whether its time is over: that of an invitation, or that for which an ended place is blocked.

    The database removes it then by itself, some time later.
    """
    return "expiresAt" in place and now >= clock.moment(place["expiresAt"])


async def _finished_any(device: Item, taken: list[Item], *, database: Database, now: datetime) -> bool:
    """Finish endings that were cut off, so that their places become free; whether there was one."""
    unfinished = [
        place
        for place in taken
        if "inviteeKey" in place and (place["state"] == "ended" or place["ownershipId"] != device["ownershipId"])
    ]
    for place in unfinished:
        if place["ownershipId"] == device["ownershipId"]:
            await end_guest(place, "removed", device["ownerPersonId"], database=database, at=now, now=now)
            continue
        past = await database["devices"].read(device["deviceId"], f"past:{place['ownershipId']}")
        if past is not None:
            await end_guests(past, database=database, now=now)
    return bool(unfinished)


async def list_guests(person_id: str, device_id: str, *, database: Database, now: datetime) -> list[Guest]:
    """Guests and open invitations of one's own device, the oldest invitation first; of nobody an address.

    Raises:
        Problem: device_not_yours.
    """
    device = await owned_device(person_id, device_id, database=database)
    taken = await places(device_id, devices=database["devices"])
    present = [
        place
        for place in taken.values()
        if place["ownershipId"] == device["ownershipId"] and (place["state"] == "active" or is_open(place, now))
    ]
    return [guest_view(place) for place in sorted(present, key=lambda place: (place["invitedAt"], place["id"]))]


async def remove_guest(person_id: str, device_id: str, guest_id: str, *, database: Database, now: datetime) -> Guest:
    """Remove a guest of one's own device or withdraw an invitation, at once; a repeat changes nothing.

    Raises:
        Problem: device_not_yours, guest_unknown, or busy.
    """
    device = await owned_device(person_id, device_id, database=database)
    for place in (await places(device_id, devices=database["devices"])).values():
        if place["guestId"] == guest_id and place["ownershipId"] == device["ownershipId"]:
            return guest_view(await end_guest(place, "removed", person_id, database=database, at=now, now=now))
    raise Problem("guest_unknown")


def guest_view(place: Item) -> Guest:
    """What the owner is told of a guest."""
    since = place.get("since")
    return Guest(
        guest_id=place["guestId"],
        state=place["state"],
        invited_at=clock.moment(place["invitedAt"]),
        expires_at=clock.moment(place["expiresAt"]) if place["state"] == "invited" else None,
        since=clock.moment(since) if since else None,
    )
