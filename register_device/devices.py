"""A resident's devices: whose a device is, and what is derived about it when it is read."""

import asyncio
import calendar
from datetime import date, datetime
from typing import Any, Final

from register_device.contract.devices import Device, Warranty
from register_device.offers import firmware_update
from register_device.registration import DEVICE_ITEM
from shared import clock
from shared.cosmos import Database, Item
from shared.errors import Problem

WARRANTY_MONTHS: Final = 36
CONCURRENT_READS: Final = 8


async def owned_device(person_id: str, device_id: str, *, database: Database) -> Item:
    """The device, when the person owns it now.

    Raises:
        Problem: device_not_yours, also when there is no such device.
    """
    device = await database["devices"].read(device_id, DEVICE_ITEM)
    if device is None or device["ownerPersonId"] != person_id:
        raise Problem("device_not_yours")
    return device


async def list_devices(person_id: str, *, database: Database, now: datetime) -> list[Device]:
    """The resident's devices, present and past; of a past one only the period that was theirs."""
    query = "SELECT * FROM c WHERE c.type = 'link'"
    links = [link async for link in database["people"].query(query, partition=person_id) if link["state"] != "pending"]
    limit = asyncio.Semaphore(CONCURRENT_READS)

    async def view(link: Item) -> Device:
        async with limit:
            return await _device(link, database=database, now=now)

    return list(await asyncio.gather(*(view(link) for link in sorted(links, key=lambda link: str(link["since"])))))


async def _device(link: Item, *, database: Database, now: datetime) -> Device:
    period: dict[str, Any] = {
        "device_id": link["deviceId"],
        "role": link["role"],
        "since": clock.moment(link["since"]),
        "until": clock.moment(link["until"]) if "until" in link else None,
        "last_seen_at": await last_seen(link["ownershipId"], database=database),
    }
    device = await database["devices"].read(link["deviceId"], DEVICE_ITEM)
    if device is None or device["ownershipId"] != link["ownershipId"]:
        return Device(**period)
    first_connected = clock.moment(device["firstConnectedAt"])
    manufactured = clock.moment(device["manufacturedAt"]) if "manufacturedAt" in device else None
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
        manufactured_at=manufactured,
        first_connected_at=first_connected,
        age_days=(now - (manufactured or first_connected)).days,
        warranty=warranty(first_connected=first_connected, manufactured=manufactured, today=now.date()),
        update=await firmware_update(device, offers=database["offers"]),
    )


async def last_seen(ownership_id: str, *, database: Database) -> datetime | None:
    """When readings of this period last arrived; derived from the newest item, never stored."""
    query = "SELECT TOP 1 c.receivedAt FROM c WHERE IS_DEFINED(c.receivedAt) ORDER BY c.receivedAt DESC"
    async for newest in database["telemetry"].query(query, partition=ownership_id):
        return clock.moment(newest["receivedAt"])
    return None


def warranty(*, first_connected: datetime | None, manufactured: datetime | None, today: date) -> Warranty:
    """36 months from first connection, else from manufacture; the basis is named."""
    basis, start = ("first_connected", first_connected) if first_connected else ("manufactured", manufactured)
    if start is None:
        return Warranty(status="unknown", basis="unknown")
    ends_on = months_later(start.date(), WARRANTY_MONTHS)
    status = "in_warranty" if today < ends_on else "expired"
    return Warranty(status=status, basis=basis, starts_on=start.date().isoformat(), ends_on=ends_on.isoformat())


def months_later(day: date, months: int) -> date:
    """The same day some months later, or the last day of that month where it is shorter."""
    years, month = divmod(day.month - 1 + months, 12)
    year, month = day.year + years, month + 1
    return date(year, month, min(day.day, calendar.monthrange(year, month)[1]))
