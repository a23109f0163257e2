"""Who it is that asks: a person whom something identifies, or one of whom nothing is known but that they ask."""

from datetime import datetime

from export_user_data.requests.contract import Identity
from export_user_data.requests.records import Register
from export_user_data.whom import Who, person_named
from shared.keys import keyed_id
from shared.people import nameless_person, person_without_account


async def requester(
    who: Who | None, reference: str, register: Register, *, received_at: datetime
) -> tuple[str, Identity]:
    """The person of a request that staff enter, and by what they are known: of a device, who owned it on that day.

    An address that nobody gave before makes a person without an account; of who signs in with it, it proves nothing.
    Whom nothing identifies is a person without an address, named after the file: the clock runs for them as for
    anybody.

    Raises:
        Problem: person_unknown.
    """
    if who is None:
        person_id = keyed_id(register.identity_key, "requester", reference)
        await nameless_person(person_id, database=register.database, now=register.now)
        return person_id, "awaited"
    if who.email is not None:
        await person_without_account(
            who.email, database=register.database, identity_key=register.identity_key, now=register.now
        )
    person_id = await known_person(who, register, said_at=received_at)
    return person_id, "address" if who.device_id is None and who.serial_number is None else "device"


async def known_person(who: Who, register: Register, *, said_at: datetime | None = None) -> str:
    """The id of a person who is known already.

    Raises:
        Problem: person_unknown.
    """
    return await person_named(who, database=register.database, identity_key=register.identity_key, said_at=said_at)
