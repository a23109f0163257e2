"""What hangs on an e-mail address follows a person to another one: the look-up of a contact, and open invitations."""

from contextlib import suppress
from datetime import datetime
from http import HTTPStatus
from typing import Final

from shared import clock
from shared.cosmos import BatchFailed, Conflict, Container, Database, Delete, Item, Stale, declared
from shared.errors import Problem
from shared.injection import reached
from shared.invitations import is_open, place_of, remove_invitation, seconds_until

_TRIES: Final = 5
_INVITATIONS: Final = "SELECT * FROM c WHERE c.type = 'invitation'"


async def follow_address(person_id: str, former: str, key: str, *, database: Database, now: datetime) -> None:
    """Move what lies under the key of a former address to that of the present one; a repeat moves the rest.

    Raises:
        Problem: busy, when others kept changing an invitation.
    """
    if former == key:
        return
    identities = database["identities"]
    await _move_contact(person_id, former, key, identities=identities)
    await reached("address.contact_moved")
    for invitation in [item async for item in identities.query(_INVITATIONS, partition=former)]:
        await _move_invitation(invitation, key, database=database, now=now)


async def _move_contact(person_id: str, former: str, key: str, *, identities: Container) -> None:
    """The address of who was known before they had an account; where the new one is another person's, it stays so."""
    entry = await identities.read(former, former)
    if entry is None or entry["type"] != "contact" or entry["personId"] != person_id:
        return
    with suppress(Conflict):
        await identities.create(declared(entry) | {"id": key, "key": key})
    try:
        await identities.batch(former, [Delete(former)])
    except BatchFailed as failed:
        if failed.status != HTTPStatus.NOT_FOUND:
            raise


async def _move_invitation(invitation: Item, key: str, *, database: Database, now: datetime) -> None:
    """The place first, which says under which key its invitation lies; then the invitation."""
    former, invitation_id = invitation["key"], invitation["invitationId"]
    for _ in range(_TRIES):
        place = await place_of(invitation_id, invitation["deviceId"], devices=database["devices"])
        if place is None or not is_open(place, now):
            break
        if place["inviteeKey"] == former:
            expires_at = clock.moment(place["expiresAt"])
            moved = declared(place) | {"inviteeKey": key, "ttl": seconds_until(expires_at, now)}
            try:
                await database["devices"].replace(moved, place["_etag"])
            except Stale:
                continue
        await reached("address.place_moved")
        ttl = seconds_until(clock.moment(invitation["expiresAt"]), now)
        with suppress(Conflict):
            await database["identities"].create(declared(invitation) | {"key": key, "ttl": ttl})
        break
    else:
        raise Problem("busy", retry_after_s=1)
    await remove_invitation(former, invitation_id, identities=database["identities"])
