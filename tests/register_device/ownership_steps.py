"""What is done with ownership in tests, and what must be true of it afterwards."""

import itertools
from collections.abc import Awaitable

from register_device import admissions, disputes
from register_device.contract.monitors import DeviceAccess, DeviceData, Registration, Renewal
from register_device.contract.ownership import Dispute
from register_device.devices import release_device
from register_device.registration import register_monitor, renew_access
from shared import ledger
from shared.callers import AttestedMonitor, Role, Staff
from shared.cosmos import Item
from shared.gate import load_policy
from shared.injection import Point, listening
from shared.keys import keyed_id
from tests.people import IDENTITY_KEY, SERIAL, House

SUPPORT = Staff("5" * 32, frozenset({Role.SUPPORT}))
FLEET = Staff("f" * 32, frozenset({Role.FLEET}))
DEVICE_ID = keyed_id(IDENTITY_KEY, "device", SERIAL)

CUTS: list[Point] = [
    "registration.claimed",
    "registration.linked",
    "registration.gated",
    "registration.owned",
    "ownership.gate_ended",
    "ownership.link_ended",
    "registration.finished",
]


class CutOff(Exception):
    """A worker is killed."""


async def cut(work: Awaitable[object], at: Point) -> bool:
    """Do some work until a point; return whether it was reached."""

    async def die(point: Point) -> None:
        if point == at:
            raise CutOff

    with listening(die):
        try:
            await work
        except CutOff:
            return True
    return False


async def released(house: House, person_id: str = "maria") -> None:
    await release_device(person_id, DEVICE_ID, database=house.database, journal=house.journal, now=house.clock())


async def renewed(
    house: House, serial: str = SERIAL, *, group: str = "veo-wifi", token: str | None = None
) -> DeviceAccess:
    return await renew_access(
        AttestedMonitor(serial, group),
        Renewal(token=token),
        database=house.database,
        keys=house.keys,
        identity_key=IDENTITY_KEY,
        journal=house.journal,
        now=house.clock(),
    )


async def disputed(house: House, person_id: str = "maria") -> Dispute:
    return await disputes.open_dispute(person_id, DEVICE_ID, database=house.database, now=house.clock())


async def decided(house: House, dispute: Dispute, outcome: disputes.Outcome) -> Dispute:
    return await disputes.decide(
        SUPPORT,
        DEVICE_ID,
        dispute.dispute_id,
        outcome,
        "complaint",
        database=house.database,
        journal=house.journal,
        now=house.clock(),
    )


async def revoked(house: House, serial: str = SERIAL) -> None:
    await admissions.revoke(
        FLEET,
        keyed_id(IDENTITY_KEY, "device", serial),
        serial,
        "security_incident",
        database=house.database,
        journal=house.journal,
        now=house.clock(),
    )


async def pasts(house: House) -> list[Item]:
    query = "SELECT * FROM c WHERE c.type = 'pastOwnership'"
    found = [item async for item in house.database["devices"].query(query, partition=DEVICE_ID)]
    return sorted(found, key=lambda past: str(past["since"]))


async def owner(house: House) -> str | None:
    device = await house.database["devices"].read(DEVICE_ID, "device")
    return device.get("ownerPersonId") if device else None


async def check_history(house: House, *, people: tuple[str, ...] = ("maria", "jordi")) -> None:
    """One owner at most; periods follow each other; every gate and link says what the device says."""
    device = await house.database["devices"].read(DEVICE_ID, "device")
    assert device is not None
    past = await pasts(house)
    for earlier, later in itertools.pairwise(past):
        assert earlier["until"] <= later["since"]
    for item in past:
        assert (await load_policy(house.database["telemetry"], item["ownershipId"])).end is not None
        assert "settledAt" in item
    if "ownershipId" in device:
        assert (await load_policy(house.database["telemetry"], device["ownershipId"])).end is None
        assert all(item["until"] <= device["ownedSince"] for item in past)
    ended = {item["ownershipId"] for item in past}
    for person in people:
        query = "SELECT * FROM c WHERE c.type = 'link'"
        async for link in house.database["people"].query(query, partition=person):
            if link["state"] == "active":
                assert (device.get("ownershipId"), device["ownerPersonId"]) == (link["ownershipId"], person)
            elif link["state"] == "ended":
                assert link["ownershipId"] in ended
            else:
                assert link["ownershipId"] not in ended | {device.get("ownershipId")}


async def register_as_new(house: House) -> None:
    """Another account's claim, and a monitor that says its serial number only."""
    await register_monitor(
        AttestedMonitor(SERIAL, "veo-wifi"),
        Registration(claim=await house.claim("jordi"), device=DeviceData.model_validate({"serialNumber": SERIAL})),
        database=house.database,
        keys=house.keys,
        identity_key=IDENTITY_KEY,
        journal=house.journal,
        now=house.clock(),
    )


async def moved(house: House, group: str) -> None:
    await admissions.move_to_group(
        FLEET,
        DEVICE_ID,
        group,
        "security_incident",
        groups={"veo-wifi", "veo-wifi-2"},
        database=house.database,
        journal=house.journal,
        now=house.clock(),
    )


async def said(house: House, person: str) -> list[str]:
    """What the ledger says was done to a person's data."""
    subject = await ledger.subject_of(person, people=house.database["people"])
    return [item["action"] async for item in house.database["ledger"].query(ledger.CHAIN, partition=subject)]
