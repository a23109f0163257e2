"""Whom staff mean: by address, by a device, or by an id; and that who has no account is told that they are known."""

from datetime import datetime

from export_user_data.interactions.contract import Who
from shared import clock
from shared.cosmos import Container, Database
from shared.errors import Problem
from shared.gate import load_policy
from shared.keys import keyed_id
from shared.notifications import notify
from shared.people import PERSON, key_of_address
from shared.standing import ALL

_DEVICE = "device"
_SCOPES = frozenset({ALL, "interactions"})


async def owner_of(
    device_id: str | None, serial_number: str | None, *, devices: Container, identity_key: bytes
) -> str | None:
    """The present owner of a device, by its id or its serial number; None when it has none."""
    named = device_id if serial_number is None else keyed_id(identity_key, _DEVICE, serial_number)
    device = await devices.read(str(named), _DEVICE)
    return str(device["ownerPersonId"]) if device is not None and "ownerPersonId" in device else None


async def person_named(who: Who, *, database: Database, identity_key: bytes) -> str:
    """The person whom staff name, with or without an account.

    Raises:
        Problem: person_unknown.
    """
    person_id = who.person_id
    if who.email is not None:
        key = key_of_address(who.email, identity_key)
        entry = await database["identities"].read(key, key)
        person_id = str(entry["personId"]) if entry is not None else None
    elif person_id is None:
        devices = database["devices"]
        person_id = await owner_of(who.device_id, who.serial_number, devices=devices, identity_key=identity_key)
    if person_id is None or await database["people"].read(person_id, PERSON) is None:
        raise Problem("person_unknown")
    return person_id


async def refuse_restricted(person_id: str, *, people: Container, to_destroy: bool = False) -> None:
    """Let staff see and use nothing of a person that is restricted, nor destroy what is held.

    Raises:
        Problem: data_restricted; person_unknown.
    """
    try:
        policy = await load_policy(people, person_id)
    except LookupError as error:
        raise Problem("person_unknown") from error
    if _SCOPES & (policy.store_only | (policy.held if to_destroy else frozenset())):
        raise Problem("data_restricted")


async def tell_contact(person_id: str, *, people: Container, now: datetime) -> None:
    """Tell who has no account that they are known here, why, and what they can do about it (GDPR 14), once."""
    person = await people.read(person_id, PERSON)
    if person is not None and "identityKey" not in person:
        since = {"since": clock.moment(person["createdAt"])}
        await notify(person_id, "contact_kept", person_id, since, people=people, now=now)
