"""Who it is that has asked: the one look-up of all staff who act for a person."""

from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime
from typing import Final

from export_user_data.on_behalf.contract import PeopleFound, PersonFound, Tie, Who
from shared.callers import Role
from shared.contract import Purpose
from shared.cosmos import Database, Item
from shared.errors import Problem
from shared.gate import Erased
from shared.invitations import places
from shared.keys import keyed_id
from shared.ledger import Step, record_about, staff
from shared.people import PERSON, key_of_address, new_id

SHOWN: Final = 20
"""People at most, the latest: a device that had more owners was no household's."""

_DEVICE: Final = "device"
_PASTS: Final = "SELECT * FROM c WHERE c.type = 'pastOwnership'"
_LINKS: Final = "SELECT * FROM c WHERE c.type = 'link' AND c.state != 'pending'"

Ties = dict[str, list[Tie]]
"""By the person whose they are."""


async def person_named(who: Who, *, database: Database, identity_key: bytes) -> str:
    """The id of the one person whom staff name; of a device, its present owner.

    An address finds who gave it without an account; who signs in is found by a device of theirs, or by an id.

    Raises:
        Problem: person_unknown.
    """
    person_id = await _named(who, database=database, identity_key=identity_key)
    if person_id is None:
        raise Problem("person_unknown", counted="staff.person_unknown")
    return person_id


async def find_people(
    who: Who, purpose: Purpose, *, staff_id: str, database: Database, identity_key: bytes, now: datetime
) -> PeopleFound:
    """Everybody whom it may be, each with an entry in their ledger before they are shown.

    Raises:
        Problem: person_unknown. That is counted, and stored nowhere else.
    """
    device_id = _device_id(who, identity_key)
    if device_id is not None:
        ties = await _of_device(device_id, database=database)
    else:
        person_id = await person_named(who, database=database, identity_key=identity_key)
        ties = {person_id: await _of_person(person_id, database=database)}
    found = []
    for person_id, own in list(ties.items())[:SHOWN]:
        person = await database["people"].read(person_id, PERSON)
        if person is None:  # erased; what is left of them are random ids
            continue
        details = {"purpose": purpose.value, "by": who.named_by}
        with suppress(Erased):
            step = Step(new_id(), "person_found", staff(Role.PRIVACY, staff_id), details)
            await record_about(person_id, step, database=database, now=now)
            found.append(PersonFound(person_id=person_id, has_account="identityKey" in person, ties=own))
    if not found:
        raise Problem("person_unknown", counted="staff.person_unknown")
    return PeopleFound(people=found)


def _device_id(who: Who, identity_key: bytes) -> str | None:
    if who.serial_number is not None:
        return keyed_id(identity_key, "device", who.serial_number)
    return who.device_id


async def _named(who: Who, *, database: Database, identity_key: bytes) -> str | None:
    device_id = _device_id(who, identity_key)
    if device_id is not None:
        device = await database["devices"].read(device_id, _DEVICE)
        return device.get("ownerPersonId") if device is not None else None
    if who.email is not None:
        return await _without_account(key_of_address(who.email, identity_key), database=database)
    person_id = who.person_id
    if who.request_id is not None:
        request = await database["jobs"].read(who.request_id, who.request_id)
        person_id = request.get("personId") if request is not None else None
    known = await database["people"].read(person_id, PERSON) if person_id is not None else None
    return person_id if known is not None else None


async def _without_account(key: str, *, database: Database) -> str | None:
    entry = await database["identities"].read(key, key)
    person = await database["people"].read(entry["personId"], PERSON) if entry is not None else None
    return person["personId"] if person is not None and "identityKey" not in person else None


async def _of_device(device_id: str, *, database: Database) -> Ties:
    """Whose a device is, who is a guest of it, and whose it was, the last one first."""
    devices = database["devices"]
    device = await devices.read(device_id, _DEVICE)
    if device is None:
        return {}
    ties: list[tuple[str, Tie]] = []
    if "ownerPersonId" in device:
        ties.append((device["ownerPersonId"], _tie("owner", device_id, device["ownedSince"])))
    guests = (await places(device_id, devices=devices)).values()
    ties += [
        (guest["guestPersonId"], _tie("guest", device_id, guest["since"]))
        for guest in guests
        if guest["state"] == "active" and guest["ownershipId"] == device.get("ownershipId")
    ]
    pasts = [past async for past in devices.query(_PASTS, partition=device_id)]
    pasts.sort(key=lambda past: str(past["until"]), reverse=True)
    ties += [(past["ownerPersonId"], _tie("former_owner", device_id, past["since"], past["until"])) for past in pasts]
    return _by_person(ties)


def _by_person(ties: Iterable[tuple[str, Tie]]) -> Ties:
    found: Ties = {}
    for person_id, tie in ties:
        found.setdefault(person_id, []).append(tie)
    return found


async def _of_person(person_id: str, *, database: Database) -> list[Tie]:
    links = [link async for link in database["people"].query(_LINKS, partition=person_id)]
    return [_of_link(link) for link in sorted(links, key=lambda link: str(link["since"])) if _is_shown(link)]


def _is_shown(link: Item) -> bool:
    return bool(link["role"] == "owner" or link["state"] == "active")


def _of_link(link: Item) -> Tie:
    role = link["role"] if link["state"] == "active" else "former_owner"
    return _tie(role, link["deviceId"], link["since"], link.get("until"))


def _tie(role: str, device_id: str, since: str, until: str | None = None) -> Tie:
    return Tie.model_validate({"role": role, "deviceId": device_id, "since": since, "until": until})
