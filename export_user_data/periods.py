"""Whose a device is or was: the periods of ownership whose readings a person may read."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from shared import clock
from shared.cosmos import Container, Database, Item
from shared.errors import Problem
from shared.policy import Policy

_DEVICE: Final = "device"
_LINKS: Final = (
    "SELECT * FROM c WHERE c.type = 'link' AND c.role = 'owner' AND c.deviceId = @device AND c.state != 'pending'"
)


@dataclass(frozen=True, slots=True)
class Period:
    """One period in which a device was a person's; without an end it still is."""

    ownership_id: str
    device_id: str
    since: datetime
    until: datetime | None


async def present_period(person_id: str, device_id: str, *, database: Database) -> Period:
    """The period in which a device is a person's now.

    Raises:
        Problem: device_not_yours, also when there is no such device, and to guests.
    """
    period = await _present(person_id, device_id, database=database)
    if period is None:
        raise Problem("device_not_yours")
    return period


async def own_period(person_id: str, device_id: str, since: str | None, *, database: Database) -> Period:
    """The period that began at a time; without one the present period, or the last of those that are over.

    Raises:
        Problem: device_not_yours; field_out_of_range, when that is no time.
    """
    begun = _moment(since)
    present = await _present(person_id, device_id, database=database)
    if present is not None and begun in {None, present.since}:
        return present
    links = database["people"].query(_LINKS, {"device": device_id}, partition=person_id)
    periods = [_of_link(link) async for link in links]
    wanted = [period for period in periods if begun in {None, period.since}]
    if not wanted:
        raise Problem("device_not_yours")
    return max(wanted, key=lambda period: period.since)


async def period_of(person_id: str, device_id: str, ownership_id: str, *, people: Container) -> Period | None:
    """The period of an id, when it is this person's and this device's."""
    link = await people.read(person_id, f"link:{ownership_id}")
    if link is None or link["role"] != "owner" or link["deviceId"] != device_id:
        return None
    return _of_link(link)


def is_held(item: Item, policy: Policy) -> bool:
    """Whether an item counts still: what an erasure is about to purge is not shown any more."""
    erased_through = policy.erased_through.get(item["category"])
    return not policy.tombstone and (erased_through is None or clock.moment(item["receivedAt"]) > erased_through)


async def _present(person_id: str, device_id: str, *, database: Database) -> Period | None:
    device = await database["devices"].read(device_id, _DEVICE)
    if device is None or device.get("ownerPersonId") != person_id:
        return None
    return Period(device["ownershipId"], device_id, clock.moment(device["ownedSince"]), None)


def _of_link(link: Item) -> Period:
    until = clock.moment(link["until"]) if "until" in link else None
    return Period(link["ownershipId"], link["deviceId"], clock.moment(link["since"]), until)


def _moment(written: str | None) -> datetime | None:
    try:
        return None if written is None else clock.moment(written)
    except (ValueError, OverflowError):
        raise Problem("field_out_of_range", pointer="/since") from None
