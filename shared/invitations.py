"""Invitations of guests and of guardians: the item that an invitee sees, and the mail to them; and guests' places.

An invitation lies under the keyed hash of the invited address. Until its mail was sent it holds the address too and is
the outbox, under the rules of `shared.notifications`; then the address is removed. There is no secret in the mail:
whoever signs in with the address, verified, sees the invitation, and nobody else.
"""

from collections import Counter
from contextlib import suppress
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Final

from shared import clock, data_map
from shared.clock import Clock
from shared.cosmos import BatchFailed, Conflict, Container, Database, Delete, Item, Stale, declared
from shared.guardianship import AGE, is_asked
from shared.injection import reached
from shared.mail import Mail, Mailer, NotSent
from shared.notifications import deliver_each, not_sent, pause_after
from shared.templates import Language, rendered

INVITATION_LIFE: Final = data_map.retention("identities", "invitation")

_TEMPLATES: Final = {"invitation": "guest_invitation", "guardianInvitation": "guardian_invitation"}
_OUTBOX_FIELDS: Final = ("email", "language", "attempts", "nextAttemptAt")


async def places(device_id: str, *, devices: Container) -> dict[str, Item]:
    """The places for guests of a device that are taken, by their ids."""
    query = "SELECT * FROM c WHERE c.type = 'guest'"
    return {item["id"]: item async for item in devices.query(query, partition=device_id)}


async def place_of(guest_id: str, device_id: str, *, devices: Container) -> Item | None:
    """The place of one guest, if it is there still."""
    taken = await places(device_id, devices=devices)
    return next((item for item in taken.values() if item["guestId"] == guest_id), None)


def is_open(place: Item, now: datetime) -> bool:
    """Whether it is held for somebody who may still accept."""
    return bool(place["state"] == "invited" and now < clock.moment(place["expiresAt"]))


def item_id(invitation_id: str) -> str:
    """Id of the stored item."""
    return f"invitation:{invitation_id}"


async def make_invitation(
    place: Item, address: str, language: Language, *, identities: Container, now: datetime
) -> None:
    """Let the invitee see the invitation, and its mail go out; a repeat changes nothing."""
    item = {
        "id": item_id(place["guestId"]),
        "type": "invitation",
        "key": place["inviteeKey"],
        "invitationId": place["guestId"],
        "deviceId": place["deviceId"],
        "ownershipId": place["ownershipId"],
        "invitedAt": place["invitedAt"],
    }
    await put_out(item, address, language, clock.moment(place["expiresAt"]), identities=identities, now=now)


async def put_out(
    item: Item, address: str, language: Language, expires_at: datetime, *, identities: Container, now: datetime
) -> None:
    """Store an invitation of any kind with its mail to be sent; a repeat changes nothing."""
    outbox = {"email": address, "language": language.value, "attempts": 0, "nextAttemptAt": clock.text(now)}
    lasting = {"expiresAt": clock.text(expires_at), "ttl": seconds_until(expires_at, now)}
    with suppress(Conflict):
        await identities.create(item | outbox | lasting)


async def remove_invitation(key: str, invitation_id: str, *, identities: Container) -> None:
    """Nothing of a guest's invitation is left; one that is gone already is no fault."""
    await take_back(key, item_id(invitation_id), identities=identities)


async def take_back(key: str, stored_id: str, *, identities: Container) -> None:
    """The same of any invitation, by the id of its stored item."""
    try:
        await identities.batch(key, [Delete(stored_id)])
    except BatchFailed as failed:
        if failed.status != HTTPStatus.NOT_FOUND:
            raise


def seconds_until(moment: datetime, now: datetime) -> int:
    """A time to live, which counts from the write."""
    return max(1, int((moment - now) / timedelta(seconds=1)))


async def deliver_due_invitations(*, database: Database, mailer: Mailer, now: Clock) -> Counter[str]:
    """Send the mails that are due; as for notifications."""

    async def one(item: Item) -> str:
        return await deliver_invitation(item["key"], item["id"], database=database, mailer=mailer, now=now)

    return await deliver_each(database["identities"], "c.key, c.id", one, now=now)


async def _is_wanted(item: Item, now: datetime, database: Database) -> bool:
    """Whether who made an invitation still waits for an answer."""
    if item["type"] == "guardianInvitation":
        age = await database["people"].read(item["wardPersonId"], AGE)
        return age is not None and is_asked(age, item["invitationId"]) and now < clock.moment(item["expiresAt"])
    place = await place_of(item["invitationId"], item["deviceId"], devices=database["devices"])
    return place is not None and is_open(place, now)


async def deliver_invitation(key: str, stored_id: str, *, database: Database, mailer: Mailer, now: Clock) -> str:
    """Send one invitation's mail if it is due and nobody else is at it; return what became of it, for the log."""
    identities = database["identities"]
    item = await identities.read(key, stored_id)
    if item is None or "nextAttemptAt" not in item or now() < clock.moment(item["nextAttemptAt"]):
        return "nothing to do"
    if not await _is_wanted(item, now(), database):  # nobody gets a mail of what was withdrawn meanwhile
        await take_back(key, stored_id, identities=identities)
        return "dropped: the invitation is not open any more"
    attempt, expires_at = item["attempts"] + 1, clock.moment(item["expiresAt"])
    held = declared(item) | {
        "attempts": attempt,
        "nextAttemptAt": clock.text(now() + pause_after(attempt)),
        "ttl": seconds_until(expires_at, now()),
    }
    try:
        etag = await identities.replace(held, item["_etag"])
    except Stale:
        return "another worker has it"
    text = rendered(_TEMPLATES[item["type"]], {"until": item["expiresAt"]}, Language(item["language"]))
    mail = Mail(
        message_id=item["invitationId"],
        recipient=item["email"],
        subject=text.subject,
        body=text.body,
        language=item["language"],
        written_at=clock.moment(item["invitedAt"]),
    )
    try:
        await mailer.send(mail)
    except NotSent as failure:
        return not_sent(failure, attempt)
    await reached("guests.mailed")
    sent = {name: value for name, value in held.items() if name not in _OUTBOX_FIELDS}
    sent |= {"sentAt": clock.text(now()), "ttl": seconds_until(expires_at, now())}
    with suppress(Stale):  # withdrawn, accepted or declined while it was sent: it is gone
        await identities.replace(sent, etag)
    return "sent"
