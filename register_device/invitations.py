"""The invitee's side of guests: the invitations to one's own verified address, and what one makes of them."""

from contextlib import suppress
from datetime import datetime
from typing import Final

from register_device.contract.devices import Device
from register_device.contract.guests import Invitation
from register_device.devices import guest_device
from shared import clock
from shared.callers import Resident
from shared.cosmos import Conflict, Create, Database, Item, Replace, Stale, declared
from shared.ending_guests import actor, end_guest, end_link, leave_device, link_id, step
from shared.ending_ownership import DEVICE_ITEM
from shared.errors import Problem
from shared.gate import Erased, write_behind_gate
from shared.injection import reached
from shared.invitations import is_open, item_id, place_of, remove_invitation
from shared.ledger import THE_PERSON, record_about
from shared.notifications import notify

_TRIES: Final = 5


async def list_invitations(caller: Resident, *, database: Database, now: datetime) -> list[Invitation]:
    """The open invitations to the caller's verified address, the oldest first."""
    if caller.contact_key is None:
        return []
    under_the_address = database["identities"].query("SELECT * FROM c", partition=caller.contact_key)
    invitations = [item async for item in under_the_address if item["type"] == "invitation"]
    pending = [item for item in invitations if now < clock.moment(item["expiresAt"])]
    return [_view(item) for item in sorted(pending, key=lambda item: (item["invitedAt"], item["id"]))]


async def accept(caller: Resident, invitation_id: str, *, database: Database, now: datetime) -> Device:
    """Become a guest. The first who accepts wins; a repeat completes what was cut off, and changes nothing else.

    Raises:
        Problem: invitation_unknown, guest_is_owner, or busy.
    """
    people, devices = database["people"], database["devices"]
    link = await people.read(caller.person_id, link_id(invitation_id))
    # A link says that the invitation was found once, though it may have run out since.
    ground = await _invitation(caller, invitation_id, database=database, now=now) or link
    if ground is None or (link is not None and link["state"] == "ended"):
        raise Problem("invitation_unknown")
    device_id, ownership_id = ground["deviceId"], ground["ownershipId"]
    for _ in range(_TRIES):
        device = await devices.read(device_id, DEVICE_ITEM)
        place = await place_of(invitation_id, device_id, devices=devices)
        if device is None or device.get("ownershipId") != ownership_id or place is None:
            raise await _lost(caller, invitation_id, now, database)
        if place["state"] == "active" and place.get("guestPersonId") == caller.person_id:
            return await _joined(caller, place, device, database=database, now=now)
        if not is_open(place, now):
            raise await _lost(caller, invitation_id, now, database)
        if device["ownerPersonId"] == caller.person_id:
            raise Problem("guest_is_owner")
        known = await _link_of(caller.person_id, device_id, ownership_id, database=database)
        if known is not None:  # a guest already, by another address
            return guest_device(known, device)
        await _pending_link(caller.person_id, place, database=database, now=now)
        await reached("guests.accepting")
        held = {name: value for name, value in declared(place).items() if name not in {"expiresAt", "ttl"}}
        active = held | {"state": "active", "guestPersonId": caller.person_id, "since": clock.text(now)}
        try:
            active["_etag"] = await devices.replace(active, place["_etag"])
        except Stale:
            continue  # accepted, declined or withdrawn at the same time
        await reached("guests.joined")
        return await _joined(caller, active, device, database=database, now=now)
    raise Problem("busy", retry_after_s=1)


async def _joined(caller: Resident, place: Item, device: Item, *, database: Database, now: datetime) -> Device:
    """Tell of it, let the link count, and let the invitation go; every part may be repeated."""
    people, guest_id = database["people"], place["guestId"]
    try:
        await record_about(caller.person_id, step(place, "guest_joined", THE_PERSON), database=database, now=now)
    except Erased:  # at the same time, and so perhaps without this place
        await end_guest(place, "left", device["ownerPersonId"], database=database, at=now, now=now)
        raise
    with suppress(Erased):
        joined = step(place, "guest_joined", actor("guest", place))
        await record_about(device["ownerPersonId"], joined, database=database, now=now)
    since = clock.moment(place["since"])
    await notify(device["ownerPersonId"], "guest_joined", guest_id, {"since": since}, people=people, now=now)
    await reached("guests.welcomed")
    for _ in range(_TRIES):
        link = await people.read(caller.person_id, link_id(guest_id))
        if link is None or link["state"] == "ended":  # removed meanwhile
            raise Problem("invitation_unknown")
        if link["state"] == "active":
            break
        counting = declared(link) | {"state": "active", "since": place["since"]}
        try:
            await write_behind_gate(people, caller.person_id, [Replace(counting, link["_etag"])])
        except Stale:
            continue
        link = counting
        break
    else:
        raise Problem("busy", retry_after_s=1)
    await reached("guests.linked")
    await remove_invitation(place["inviteeKey"], guest_id, identities=database["identities"])
    return guest_device(link, device)


async def decline(caller: Resident, invitation_id: str, *, database: Database, now: datetime) -> Invitation:
    """Decline an invitation; a repeat completes what was cut off.

    Once that is complete nothing is left that would say who declined what: a repeat is invitation_unknown, as for
    everybody else.

    Raises:
        Problem: invitation_unknown, or busy.
    """
    invitation = await _invitation(caller, invitation_id, database=database, now=now)
    if invitation is None:
        raise Problem("invitation_unknown")
    place = await place_of(invitation_id, invitation["deviceId"], devices=database["devices"])
    device = await database["devices"].read(invitation["deviceId"], DEVICE_ITEM)
    if place is None or device is None or device.get("ownershipId") != invitation["ownershipId"]:
        raise Problem("invitation_unknown")
    if not is_open(place, now) and place.get("ending") != "declined":
        raise Problem("invitation_unknown")
    await end_guest(
        place,
        "declined",
        device["ownerPersonId"],
        database=database,
        at=now,
        now=now,
        guestPersonId=caller.person_id,
    )
    return _view(invitation)


async def leave(person_id: str, device_id: str, *, database: Database, now: datetime) -> Device:
    """Stop being a guest of a device; a repeat changes nothing.

    Raises:
        Problem: device_not_yours, when the person never was a guest of it; or busy.
    """
    link = await _link_of(person_id, device_id, None, database=database)
    if link is None:
        raise Problem("device_not_yours")
    if link["state"] == "active":
        await leave_device(link, database=database, now=now)
        link = await database["people"].read(person_id, link["id"]) or link
    return guest_device(link, None)


async def _invitation(caller: Resident, invitation_id: str, *, database: Database, now: datetime) -> Item | None:
    """The invitation, when it is to the caller's verified address and has not run out."""
    if caller.contact_key is None:
        return None
    item = await database["identities"].read(caller.contact_key, item_id(invitation_id))
    return item if item is not None and now < clock.moment(item["expiresAt"]) else None


async def _link_of(person_id: str, device_id: str, ownership_id: str | None, *, database: Database) -> Item | None:
    """The person's active link as a guest of a device; where no ownership is named, else the one that ended last."""
    query = "SELECT * FROM c WHERE c.type = 'link'"
    links = [
        link
        async for link in database["people"].query(query, partition=person_id)
        if link["role"] == "guest" and link["deviceId"] == device_id and link["state"] != "pending"
    ]
    if ownership_id is not None:
        return next((one for one in links if one["state"] == "active" and one["ownershipId"] == ownership_id), None)
    return max(links, key=lambda one: (one["state"] == "active", one.get("until", "")), default=None)


async def _pending_link(person_id: str, place: Item, *, database: Database, now: datetime) -> None:
    link = {
        "id": link_id(place["guestId"]),
        "type": "link",
        "personId": person_id,
        "deviceId": place["deviceId"],
        "ownershipId": place["ownershipId"],
        "role": "guest",
        "guestId": place["guestId"],
        "state": "pending",
        "since": clock.text(now),
    }
    try:
        await write_behind_gate(database["people"], person_id, [Create(link)])
    except Conflict:
        return  # a repeat: the link is there


async def _lost(caller: Resident, invitation_id: str, now: datetime, database: Database) -> Problem:
    """The invitation is not open: nothing is left of an acceptance that did not get through."""
    link = await database["people"].read(caller.person_id, link_id(invitation_id))
    if link is not None and link["state"] == "pending":
        await end_link(caller.person_id, invitation_id, now, database=database, was_guest=False)
    return Problem("invitation_unknown")


def _view(item: Item) -> Invitation:
    return Invitation(
        invitation_id=item["invitationId"],
        invited_at=clock.moment(item["invitedAt"]),
        expires_at=clock.moment(item["expiresAt"]),
    )
