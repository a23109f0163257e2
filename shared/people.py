"""People: who a sign-in is, and the person's own record.

A person has a random id. The first sign-in makes the person, or joins one who was known without an account: through the
website, to sales or to a technician. The two look-ups are keyed hashes, and are erased with the person.
"""

from contextlib import suppress
from datetime import datetime
from secrets import token_hex
from typing import TYPE_CHECKING, Any

from shared import clock
from shared.callers import Resident
from shared.cosmos import BatchFailed, Conflict, Create, Database, Delete, Item, Operation, Replace, Stale, declared
from shared.errors import Problem
from shared.gate import Erased, opening, write_behind_gate
from shared.injection import reached
from shared.keys import keyed_id
from shared.policy import Policy

if TYPE_CHECKING:
    from shared.sign_in import Identity

PERSON = "person"


def new_id() -> str:
    """A random id of 128 bits; it says nothing about whom it names."""
    return token_hex(16)


async def resident(identity: "Identity", *, database: Database, identity_key: bytes, now: datetime) -> Resident:
    """The person of a sign-in; made at the first one. Any number of simultaneous first sign-ins make one person.

    Raises:
        Problem: email_not_verified, when there is no person yet and the provider vouches for no e-mail address; busy,
            when another sign-in with the same address has just become the person who gave it.
    """
    key = keyed_id(identity_key, "identity", f"{identity.issuer}\n{identity.subject}")
    known = await database["identities"].read(key, key)
    if known is not None:
        contact_key = key_of_address(identity.email, identity_key) if identity.email else None
        return Resident(str(known["personId"]), identity.email, key, contact_key)
    if identity.email is None:
        raise Problem("email_not_verified")
    contact_key = key_of_address(identity.email, identity_key)
    contact = await contact_without_account(contact_key, database=database)
    person_id = await _identified(key, contact or new_id(), database=database, now=now)
    await reached("sign_up.identified")
    caller = Resident(person_id, identity.email, key, contact_key)
    record = await own_record(caller, database=database, now=now)
    if record["identityKey"] != key:  # an address never lets anybody into an account: this one is somebody else's
        await database["identities"].batch(key, [Delete(key)])
        raise Problem("busy", retry_after_s=1)
    entry = {"id": contact_key, "key": contact_key, "type": "contact", "personId": person_id}
    with suppress(Conflict):  # they were known before, or somebody else has the address as well
        await database["identities"].create(entry | {"createdAt": clock.text(now)})
    return caller


async def _identified(key: str, person_id: str, *, database: Database, now: datetime) -> str:
    """Bind an identity to a person, or learn to whom another sign-in has just bound it."""
    entry = {"id": key, "key": key, "type": "identity", "personId": person_id, "createdAt": clock.text(now)}
    try:
        await database["identities"].create(entry)
    except Conflict:
        winner = await database["identities"].read(key, key)
        if winner is None:
            raise
        return str(winner["personId"])
    return person_id


async def own_record(caller: Resident, *, database: Database, now: datetime) -> Item:
    """The person's own record with their account; made here when a first sign-in was cut off before it could.

    Raises:
        Problem: email_not_verified; person_erased.
    """
    people = database["people"]
    known = await people.read(caller.person_id, PERSON)
    if known is not None and "identityKey" in known:
        return known
    if caller.email is None:
        raise Problem("email_not_verified")
    account = {"email": caller.email, "identityKey": caller.identity_key}
    if caller.contact_key is not None:
        account["contactKey"] = caller.contact_key
    try:
        if known is None:
            return await _found(caller.person_id, account, database=database, now=now)
        joined = declared(known) | account
        await write_behind_gate(people, caller.person_id, [Replace(joined, known["_etag"])])
    except Erased as erased:
        raise Problem("person_erased") from erased
    except Stale as stale:  # a simultaneous sign-in has joined them
        winner = await people.read(caller.person_id, PERSON)
        if winner is None or "identityKey" not in winner:
            raise Problem("busy", retry_after_s=1) from stale
        return winner
    return joined


async def _found(person_id: str, details: dict[str, Any], *, database: Database, now: datetime) -> Item:
    """Make the person's record with gate and marker, in one batch; a simultaneous one wins."""
    people = database["people"]
    person = {
        "id": PERSON,
        "type": "person",
        "personId": person_id,
        "createdAt": clock.text(now),
        **details,
    }
    operations: list[Operation] = [Create(person), *opening(people, person_id, Policy(epoch=1, start=now))]
    try:
        await people.batch(person_id, operations)
    except BatchFailed as failed:
        known = await people.read(person_id, PERSON)
        if known is None:  # there is a gate and no person: they were erased
            raise Erased from failed
        return known
    return person


def key_of_address(email: str, identity_key: bytes) -> str:
    """Under which key an e-mail address is looked up, however it was written."""
    return keyed_id(identity_key, "email", email.strip().lower())


async def _contact(key: str, *, database: Database) -> str | None:
    """The person without an account who gave the address of this key, if there is one."""
    entry = await database["identities"].read(key, key)
    return str(entry["personId"]) if entry else None


async def contact_without_account(key: str, *, database: Database) -> str | None:
    """The person who gave the address, unless an account has joined them already: there is one account a sign-in."""
    person_id = await _contact(key, database=database)
    if person_id is None:
        return None
    person = await database["people"].read(person_id, PERSON)
    return None if person is not None and "identityKey" in person else person_id


async def person_without_account(email: str, *, database: Database, identity_key: bytes, now: datetime) -> str:
    """The person who gave this address through the website, to sales or to a technician; made at the first time.

    When that address signs in verified, the account joins this person.
    """
    address = email.strip().lower()
    key = key_of_address(address, identity_key)
    entry = {"id": key, "key": key, "type": "contact", "personId": new_id(), "createdAt": clock.text(now)}
    try:
        await database["identities"].create(entry)
    except Conflict:
        known = await _contact(key, database=database)
        if known is None:
            raise
        entry["personId"] = known
    if await database["people"].read(entry["personId"], PERSON) is None:
        await _found(entry["personId"], {"email": address, "contactKey": key}, database=database, now=now)
    return entry["personId"]


async def nameless_person(person_id: str, *, database: Database, now: datetime) -> None:
    """Make a person of whom nothing is known but that they ask for something; a repeat changes nothing.

    Raises:
        Erased: they were erased.
    """
    if await database["people"].read(person_id, PERSON) is None:
        await _found(person_id, {}, database=database, now=now)
