"""Whom staff mean when they act for people, and how those had asked: said and looked up in one way everywhere.

Who signs in is found by a device of theirs or by an id, never by their address: that is no proof of who writes. An
address finds who gave it without an account.
"""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Final, Self

from pydantic import StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from shared import clock
from shared.contract import Body, EmailAddress, SerialNumber
from shared.cosmos import Container, Database
from shared.errors import Problem
from shared.keys import keyed_id
from shared.people import PERSON, contact_without_account, key_of_address

Id = Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z_-]{1,64}$")]
"""Of a person or a device; those that this service makes are 32 digits."""

_DEVICE: Final = "device"
_LATER: Final = "9999"
_PERIOD: Final = (
    "SELECT TOP 1 c.ownerPersonId FROM c WHERE c.type = 'pastOwnership' AND c.since <= @at AND c['until'] > @at"
)
_OF_REQUEST: Final = "SELECT TOP 1 c.personId FROM c WHERE c.requestId = @id AND c.type = 'rightsRequest'"


class Channel(StrEnum):
    """How a person asked who did not use the app."""

    LETTER = "letter"
    CALL = "call"
    EMAIL = "email"
    WALK_IN = "walk_in"


class Who(Body):
    """Somebody, named in one way.

    Their id; the id or the serial number of a device; the address they gave without an account; the id of a request,
    an export or an erasure that is theirs.
    """

    person_id: Id | None = None
    device_id: Id | None = None
    serial_number: SerialNumber | None = None
    email: EmailAddress | None = None
    request_id: Id | None = None

    @property
    def named_by(self) -> str:
        """Which of them it is."""
        return next(name for name in type(self).model_fields if getattr(self, name) is not None)

    @model_validator(mode="after")
    def _one(self) -> Self:
        """Refuse none, and more than one."""
        if len([name for name in type(self).model_fields if getattr(self, name) is not None]) != 1:
            raise PydanticCustomError("who", "a person is named in one way")
        return self


async def person_named(who: Who, *, database: Database, identity_key: bytes, said_at: datetime | None = None) -> str:
    """The id of the one person whom staff name; of a device, its owner when something was said, else the present one.

    Raises:
        Problem: person_unknown.
    """
    person_id = await _named(who, said_at, database=database, identity_key=identity_key)
    if person_id is None or await database["people"].read(person_id, PERSON) is None:
        raise Problem("person_unknown", counted="staff.person_unknown")
    return person_id


async def _named(who: Who, said_at: datetime | None, *, database: Database, identity_key: bytes) -> str | None:
    device_id = device_named(who.device_id, who.serial_number, identity_key)
    if device_id is not None:
        return await owner_of(device_id, devices=database["devices"], at=said_at)
    if who.email is not None:
        return await contact_without_account(key_of_address(who.email, identity_key), database=database)
    return who.person_id or await _of_request(str(who.request_id), database=database)


def device_named(device_id: str | None, serial_number: str | None, identity_key: bytes) -> str | None:
    """The id of a device that is named by it or by its serial number; None when it is by neither."""
    return device_id if serial_number is None else keyed_id(identity_key, _DEVICE, serial_number)


async def owner_of(device_id: str, *, devices: Container, at: datetime | None = None) -> str | None:
    """The owner of a device at a time, else the present one; None when it had none.

    What was said before somebody paired it is not theirs to read.
    """
    device = await devices.read(device_id, _DEVICE) or {}
    if at is None or clock.text(at) >= device.get("ownedSince", _LATER):
        return device.get("ownerPersonId")
    periods = [item async for item in devices.query(_PERIOD, {"at": clock.text(at)}, partition=device_id)]
    return periods[0]["ownerPersonId"] if periods else None


async def _of_request(request_id: str, *, database: Database) -> str | None:
    """Whose export or erasure it is, or else whose request under the legal clock."""
    job = await database["jobs"].read(request_id, request_id)
    if job is not None:
        return job.get("personId")
    found = [item async for item in database["people"].query(_OF_REQUEST, {"id": request_id})]
    return found[0]["personId"] if found else None
