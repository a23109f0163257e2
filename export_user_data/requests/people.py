"""Who it is that asks: a person whom something identifies, or one of whom nothing is known but that they ask."""

from export_user_data.requests.contract import Identity, Who
from export_user_data.requests.finding import person_of_request
from export_user_data.requests.records import Register
from shared.errors import Problem
from shared.keys import keyed_id
from shared.people import PERSON, key_of_address, nameless_person, person_without_account

_DEVICE = "device"


async def requester(who: Who | None, reference: str, register: Register) -> tuple[str, Identity]:
    """The person of a request that staff enter, and by what they are known.

    An address that nobody gave before makes a person without an account. Whom nothing identifies is a person without
    an address, named after the file: the clock runs for them as for anybody.

    Raises:
        Problem: person_unknown.
    """
    if who is None:
        person_id = keyed_id(register.identity_key, "requester", reference)
        await nameless_person(person_id, database=register.database, now=register.now)
        return person_id, "awaited"
    if who.email is not None:
        person_id = await person_without_account(
            who.email, database=register.database, identity_key=register.identity_key, now=register.now
        )
        return person_id, "address"
    is_known_by_device = who.device_id is not None or who.serial_number is not None
    return await known_person(who, register), "device" if is_known_by_device else "address"


async def known_person(who: Who, register: Register) -> str:
    """The id of a person who is known already.

    Raises:
        Problem: person_unknown.
    """
    person_id: str | None = None
    if who.person_id is not None:
        known = await register.people.read(who.person_id, PERSON)
        person_id = who.person_id if known is not None else None
    elif who.request_id is not None:
        person_id = await person_of_request(who.request_id, people=register.people)
    elif who.email is not None:
        person_id = await _named_by_address(who.email, register)
    else:
        serial_number = who.serial_number or ""
        person_id = await _owner(who.device_id or keyed_id(register.identity_key, "device", serial_number), register)
    if person_id is None:
        raise Problem("person_unknown")
    return person_id


async def _named_by_address(email: str, register: Register) -> str | None:
    key = key_of_address(email, register.identity_key)
    entry = await register.database["identities"].read(key, key)
    return str(entry["personId"]) if entry is not None else None


async def _owner(device_id: str, register: Register) -> str | None:
    device = await register.database["devices"].read(device_id, _DEVICE)
    return str(device["ownerPersonId"]) if device is not None and "ownerPersonId" in device else None
