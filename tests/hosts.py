"""Owners with guests for use-case tests."""

from collections.abc import Awaitable
from typing import Any

import pytest

from local.mail import MailSink
from register_device import guests, invitations
from register_device.contract.devices import Device
from register_device.contract.guests import Guest
from register_device.devices import list_devices
from shared import ledger
from shared.callers import Resident
from shared.injection import Point, listening
from shared.invitations import deliver_due_invitations
from shared.mail import Mailer
from shared.people import own_record, resident
from shared.sign_in import Identity
from tests.people import IDENTITY_KEY, House


class Hosts:
    """A house whose owner has guests."""

    def __init__(self, house: House, sink: MailSink) -> None:
        """Nobody lives here yet."""
        self.house = house
        self.database = house.database
        self.clock = house.clock
        self.sink = sink
        self.mailer = Mailer.of(sink.address, sender="no-reply@blue.example", password=None)

    async def sign_in(self, name: str, *, subject: str = "", email: str | None = "") -> Resident:
        address = f"{name}@resident.example" if email == "" else email
        identity = Identity("https://sign-in.example", subject or name, address, frozenset())
        caller = await resident(identity, database=self.database, identity_key=IDENTITY_KEY, now=self.clock())
        await own_record(caller, database=self.database, now=self.clock())
        return caller

    async def move_in(self, name: str = "maria") -> Resident:
        owner = await self.sign_in(name)
        access = await self.house.pair(owner.person_id, model="VEO-XS WIFI", family="MONITOR", type="VEO")
        self.device_id = access.device_id
        return owner

    async def invite(self, owner: Resident, name: str) -> tuple[Guest, bool]:
        return await guests.invite(
            owner,
            self.device_id,
            f"{name}@resident.example",
            database=self.database,
            identity_key=IDENTITY_KEY,
            now=self.clock(),
        )

    async def invited(self, owner: Resident, name: str = "jordi") -> str:
        guest, is_new = await self.invite(owner, name)
        assert is_new
        return guest.guest_id

    async def invitations(self, caller: Resident) -> list[str]:
        found = await invitations.list_invitations(caller, database=self.database, now=self.clock())
        return [one.invitation_id for one in found]

    async def accept(self, caller: Resident, invitation_id: str) -> Device:
        return await invitations.accept(caller, invitation_id, database=self.database, now=self.clock())

    async def decline(self, caller: Resident, invitation_id: str) -> None:
        await invitations.decline(caller, invitation_id, database=self.database, now=self.clock())

    async def remove(self, owner: Resident, guest_id: str) -> Guest:
        return await guests.remove_guest(
            owner.person_id, self.device_id, guest_id, database=self.database, now=self.clock()
        )

    async def leave(self, caller: Resident) -> Device:
        return await invitations.leave(caller.person_id, self.device_id, database=self.database, now=self.clock())

    async def guests(self, owner: Resident) -> list[tuple[str, str]]:
        found = await guests.list_guests(owner.person_id, self.device_id, database=self.database, now=self.clock())
        return [(one.guest_id, one.state) for one in found]

    async def devices(self, caller: Resident) -> list[dict[str, Any]]:
        found = await list_devices(caller.person_id, database=self.database, now=self.clock())
        return [one.model_dump(by_alias=True, exclude_none=True) for one in found]

    async def send(self) -> dict[str, int]:
        return dict(await deliver_due_invitations(database=self.database, mailer=self.mailer, now=self.clock))

    async def told(self, caller: Resident) -> list[str]:
        return sorted(kind for kind, _ in await self.house.told(caller.person_id) if kind.startswith("guest_"))

    async def recorded(self, caller: Resident) -> list[tuple[str, str]]:
        subject = await ledger.subject_of(caller.person_id, people=self.database["people"])
        chain = self.database["ledger"].query(ledger.CHAIN, partition=subject)
        return [(item["action"], item["actorKind"]) async for item in chain if item["action"].startswith("guest_")]

    async def stored(self, container: str, item_type: str) -> list[dict[str, Any]]:
        query = "SELECT * FROM c WHERE c.type = @type"
        return [item async for item in self.database[container].query(query, {"type": item_type})]


class KilledError(Exception):
    """A worker is stopped where a test says so."""


async def cut_off(at: Point, doing: Awaitable[object]) -> None:
    """Do something whose worker dies at a point."""

    async def die(point: Point) -> None:
        if point == at:
            raise KilledError

    with listening(die), pytest.raises(KilledError):
        await doing
