"""A resident's devices: whose a device is, and what is derived about it when it is read."""

import asyncio
import calendar
from datetime import date, datetime, timedelta
from typing import Any, Final

from register_device.contract.devices import Device, DeviceDetail, FirmwareSeen, Warranty
from register_device.contract.ownership import Released
from register_device.offers import firmware_update
from shared import clock, ending_ownership
from shared.cosmos import Database, Item, Replace, Stale, declared
from shared.ending_ownership import DEVICE_ITEM
from shared.errors import Problem
from shared.gate import NarrowingJournal, write_behind_gate
from shared.invitations import place_of
from shared.rectifying import Correction, Field, Means, rectify, settled

WARRANTY_MONTHS: Final = 36
CONCURRENT_READS: Final = 8
SILENT_AFTER: Final = timedelta(days=2)
EARLIEST_INVOICE: Final = date(2000, 1, 1)
_TRIES: Final = 5


async def owned_device(person_id: str, device_id: str, *, database: Database) -> Item:
    """The device, when the person owns it now.

    Raises:
        Problem: device_not_yours, also when there is no such device.
    """
    device = await database["devices"].read(device_id, DEVICE_ITEM)
    if device is None or device.get("ownerPersonId") != person_id:
        raise Problem("device_not_yours")
    return device


async def release_device(
    person_id: str, device_id: str, *, database: Database, journal: NarrowingJournal, now: datetime
) -> Released:
    """Let one's monitor go, as before it is sold. Doing so again answers as before.

    Raises:
        Problem: device_not_yours, busy.
    """
    for _ in range(_TRIES):
        device = await database["devices"].read(device_id, DEVICE_ITEM)
        if device is not None and device.get("ownerPersonId") == person_id:
            try:
                await ending_ownership.end(device, "released", database=database, now=now)
            except Stale:
                continue
        past = await ending_ownership.past_of(person_id, device_id, database=database)
        if past is None:
            raise Problem("device_not_yours")
        await ending_ownership.settle(device_id, database=database, journal=journal, now=now)
        return Released(device_id=device_id, since=clock.moment(past["since"]), until=clock.moment(past["until"]))
    raise Problem("busy", retry_after_s=1)


async def note_invoice(
    person_id: str, device_id: str, invoiced_on: date | None, *, means: Means, now: datetime
) -> Device:
    """Keep the date of the invoice, which the warranty counts from; one that is there is corrected.

    Raises:
        Problem: device_not_yours; field_out_of_range, for a date to come or before there were such monitors; busy.
    """
    if invoiced_on is not None and not EARLIEST_INVOICE <= invoiced_on <= now.date():
        raise Problem("field_out_of_range", pointer="/invoicedOn")
    database, people = means.database, means.database["people"]
    written = invoiced_on.isoformat() if invoiced_on is not None else None
    for _ in range(_TRIES):
        device = await owned_device(person_id, device_id, database=database)
        link = await people.read(person_id, f"link:{device['ownershipId']}")
        if link is None:
            raise Problem("device_not_yours")
        if "invoicedOn" in link or written is None:
            await rectify(person_id, _invoice(link, written), means=means, now=now)
            link = await people.read(person_id, link["id"]) or link
        elif await settled(person_id, _invoice(link, written), means=means, now=now):
            continue
        else:
            try:
                noted = declared(link) | {"invoicedOn": written}
                await write_behind_gate(people, person_id, [Replace(noted, link["_etag"])])
            except Stale:
                continue
            link = noted
        return await _device(link, database=database, now=now)
    raise Problem("busy", retry_after_s=1)


def _invoice(link: Item, written: str | None) -> Correction:
    return Correction(
        field=Field.INVOICED_ON,
        subject_id=link["ownershipId"],
        container="people",
        partition=link["personId"],
        item_id=link["id"],
        value=written,
        about={"deviceId": link["deviceId"], "invoicedOn": written},
    )


async def list_devices(person_id: str, *, database: Database, now: datetime) -> list[Device]:
    """The resident's devices, present and past; of a past one only the period that was theirs."""
    query = "SELECT * FROM c WHERE c.type = 'link'"
    links = [link async for link in database["people"].query(query, partition=person_id) if link["state"] != "pending"]
    limit = asyncio.Semaphore(CONCURRENT_READS)

    async def view(link: Item) -> Device:
        async with limit:
            return await _device(link, database=database, now=now)

    return list(await asyncio.gather(*(view(link) for link in sorted(links, key=lambda link: str(link["since"])))))


async def one_device(person_id: str, device_id: str, *, database: Database, now: datetime) -> DeviceDetail:
    """One device that is the resident's now, with its technical information and the firmware it has had.

    Raises:
        Problem: device_not_yours.
    """
    device = await owned_device(person_id, device_id, database=database)
    link = await database["people"].read(person_id, f"link:{device['ownershipId']}")
    if link is None:
        raise Problem("device_not_yours")
    shown = await _device(link, database=database, now=now)
    query = "SELECT * FROM c WHERE c.type = 'firmwareVersion'"
    seen = [item async for item in database["devices"].query(query, partition=device_id)]
    history = [
        FirmwareSeen(version=item["version"], first_seen_at=clock.moment(item["firstSeenAt"]))
        for item in sorted(seen, key=lambda item: str(item["firstSeenAt"]))
        if item["ownershipId"] == device["ownershipId"]
    ]
    return DeviceDetail(**shown.model_dump(), technical=device.get("technical", {}), firmware_history=history)


def guest_device(link: Item, device: Item | None) -> Device:
    """What a guest sees of a device: what it is, while they are its guest, and nothing that tells of its owner."""
    shown = device if device is not None and link["state"] == "active" else {}
    return Device(
        device_id=link["deviceId"],
        role=link["role"],
        since=clock.moment(link["since"]),
        until=clock.moment(link["until"]) if "until" in link else None,
        family=shown.get("family"),
        type=shown.get("productType"),
        model=shown.get("model"),
    )


async def _device_of_guest(link: Item, *, database: Database) -> Device:
    """It is asked at each use whether they still are its guest: the link may end a little later than the place."""
    if link["state"] != "active":
        return guest_device(link, None)
    device = await database["devices"].read(link["deviceId"], DEVICE_ITEM)
    place = await place_of(link["guestId"], link["deviceId"], devices=database["devices"])
    is_guest = place is not None and place["state"] == "active"
    is_present = device is not None and device.get("ownershipId") == link["ownershipId"]
    return guest_device(link, device if is_guest and is_present else None)


async def _device(link: Item, *, database: Database, now: datetime) -> Device:
    if link["role"] == "guest":
        return await _device_of_guest(link, database=database)
    seen = await last_seen(link["ownershipId"], database=database)
    period: dict[str, Any] = {
        "device_id": link["deviceId"],
        "role": link["role"],
        "since": clock.moment(link["since"]),
        "until": clock.moment(link["until"]) if "until" in link else None,
        "last_seen_at": seen,
    }
    device = await database["devices"].read(link["deviceId"], DEVICE_ITEM)
    if device is None or device.get("ownershipId") != link["ownershipId"]:
        return Device(**period)
    first_connected = clock.moment(device["firstConnectedAt"])
    manufactured = clock.moment(device["manufacturedAt"]) if "manufacturedAt" in device else None
    invoiced = date.fromisoformat(link["invoicedOn"]) if "invoicedOn" in link else None
    return Device(
        **period,
        serial_number=device["serialNumber"],
        family=device.get("family"),
        type=device.get("productType"),
        subtype=device.get("subtype"),
        model=device.get("model"),
        firmware_version=device.get("firmwareVersion"),
        hardware_version=device.get("hardwareVersion"),
        mac_address=device.get("macAddress"),
        region=device.get("region"),
        region_source=device.get("regionSource"),
        manufactured_at=manufactured,
        first_connected_at=first_connected,
        age_days=(now - (manufactured or first_connected)).days,
        warranty=warranty(
            invoiced=invoiced,
            first_connected=first_connected.date(),
            manufactured=manufactured.date() if manufactured else None,
            today=now.date(),
        ),
        connectivity=connectivity(seen, now=now),
        update=await firmware_update(device, offers=database["offers"]),
    )


async def last_seen(ownership_id: str, *, database: Database) -> datetime | None:
    """When readings of this period last arrived; derived from the newest item, never stored."""
    query = "SELECT TOP 1 c.receivedAt FROM c WHERE IS_DEFINED(c.receivedAt) ORDER BY c.receivedAt DESC"
    async for newest in database["telemetry"].query(query, partition=ownership_id):
        return clock.moment(newest["receivedAt"])
    return None


def connectivity(seen: datetime | None, *, now: datetime) -> str:
    """`seen` when readings arrived within the last two days, `silent` when not, `never_seen` when none ever did.

    A monitor sends when it has something to say: a home where nobody rings for a day is not a monitor that is off.
    """
    if seen is None:
        return "never_seen"
    return "seen" if now - seen <= SILENT_AFTER else "silent"


def warranty(
    *, invoiced: date | None = None, first_connected: date | None, manufactured: date | None, today: date
) -> Warranty:
    """36 months from the invoice, else from first connection, else from manufacture; the basis is named."""
    dates = {"invoice": invoiced, "first_connected": first_connected, "manufactured": manufactured}
    for basis, starts_on in dates.items():
        if starts_on is not None:
            ends_on = months_later(starts_on, WARRANTY_MONTHS)
            status = "in_warranty" if today < ends_on else "expired"
            return Warranty(status=status, basis=basis, starts_on=starts_on, ends_on=ends_on)
    return Warranty(status="unknown", basis="unknown")


def months_later(day: date, months: int) -> date:
    """The same day some months later, or the last day of that month where it is shorter."""
    years, month = divmod(day.month - 1 + months, 12)
    year, month = day.year + years, month + 1
    return date(year, month, min(day.day, calendar.monthrange(year, month)[1]))
