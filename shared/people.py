"""People: who a sign-in is, and the person's own record. The first sign-in makes the person."""

from datetime import datetime
from secrets import token_hex

from shared import clock
from shared.callers import Resident
from shared.cosmos import Conflict, Database, Item
from shared.errors import Problem
from shared.keys import keyed_id
from shared.sign_in import Identity


def new_id() -> str:
    """A random id of 128 bits; it says nothing about whom it names."""
    return token_hex(16)


async def resident(identity: Identity, *, database: Database, identity_key: bytes, now: datetime) -> Resident:
    """The person of a sign-in; made at the first one. Any number of simultaneous first sign-ins make one person.

    Raises:
        Problem: email_not_verified, when there is no person yet and the provider vouches for no e-mail address.
    """
    key = keyed_id(identity_key, "identity", f"{identity.issuer}\n{identity.subject}")
    identities = database["identities"]
    entry = await identities.read(key, key)
    if entry is None:
        if identity.email is None:
            raise Problem("email_not_verified")
        entry = {"id": key, "key": key, "type": "identity", "personId": new_id(), "createdAt": clock.text(now)}
        try:
            await identities.create(entry)
        except Conflict:  # another first sign-in was faster: its person is the one
            entry = await identities.read(key, key) or entry
    caller = Resident(str(entry["personId"]), identity.email, key)
    if "_etag" not in entry:  # just made
        await own_record(caller, database=database, now=now)
    return caller


async def own_record(caller: Resident, *, database: Database, now: datetime) -> Item:
    """The person's own record; made here when a first sign-in was cut off before it could."""
    people = database["people"]
    known = await people.read(caller.person_id, "person")
    if known is not None:
        return known
    if caller.email is None:
        raise Problem("email_not_verified")
    person = {
        "id": "person",
        "type": "person",
        "personId": caller.person_id,
        "email": caller.email,
        "createdAt": clock.text(now),
        "identityKey": caller.identity_key,
    }
    try:
        await people.create(person)
    except Conflict:
        return await people.read(caller.person_id, "person") or person
    return person
