"""Who it may be that has asked, and what they are to a device; each finds in their ledger that they were looked up."""

from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime
from typing import Final

from export_user_data.on_behalf.contract import PeopleFound, PersonFound, Tie
from export_user_data.whom import Who, device_named, person_named
from shared.callers import Role
from shared.contract import Purpose
from shared.cosmos import Database, Item
from shared.errors import Problem
from shared.gate import Erased
from shared.invitations import places
from shared.ledger import Step, record_about, staff
from shared.people import PERSON, new_id

SHOWN: Final = 20
"""People at most, the latest: a device that had more owners was no household's."""

_DEVICE: Final = "device"
_PASTS: Final = "SELECT * FROM c WHERE c.type = 'pastOwnership'"
_LINKS: Final = "SELECT * FROM c WHERE c.type = 'link' AND c.state != 'pending'"

Ties = dict[str, list[Tie]]
"""By the person whose they are."""


async def find_people(
    who: Who, purpose: Purpose, *, staff_id: str, database: Database, identity_key: bytes, now: datetime
) -> PeopleFound:
    """Everybody whom it may be, each with an entry in their ledger before they are shown.

    Raises:
        Problem: person_unknown. That is counted, and stored nowhere else.
    """
    device_id = device_named(who.device_id, who.serial_number, identity_key)
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
