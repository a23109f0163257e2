"""An owner and support staff around one monitor, for tests of support cases."""

from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from ingest_telemetry.messages import HubEvent, Message, event_of
from ingest_telemetry.storing import store_events
from register_device import admissions, devices, staff_support, support_cases
from register_device.contract.monitors import DeviceAccess
from register_device.contract.support import DeviceFound, SupportCase, SupportData
from shared import ledger
from shared.callers import Role, Staff
from shared.contract import Purpose
from shared.cosmos import Item
from shared.errors import Problem
from shared.gate import load_policy
from shared.injection import Point, listening
from tests.people import IDENTITY_KEY, SERIAL, House

STAFF_ID = "5" * 32
CALL = Purpose.SUPPORT_CALL


@dataclass
class Desk:
    """What owners and support staff do, one line each."""

    house: House
    access: DeviceAccess
    owner: str = "maria"
    staff_id: str = STAFF_ID
    _sequence: list[int] = field(default_factory=lambda: [0])

    @property
    def _by_owner(self) -> dict[str, Any]:
        return {"database": self.house.database, "journal": self.house.journal, "now": self.house.clock()}

    @property
    def _by_staff(self) -> dict[str, Any]:
        return {"staff_id": self.staff_id, "database": self.house.database, "now": self.house.clock()}

    async def open(self, days: int = 7, log: str | None = None, request_id: UUID | None = None) -> SupportCase:
        return await support_cases.open_case(
            self.owner, self.access.device_id, days, log=log, request_id=request_id, **self._by_owner
        )

    async def agree(self, case_id: str) -> SupportCase:
        return await support_cases.agree(self.owner, self.access.device_id, case_id, **self._by_owner)

    async def decline(self, case_id: str) -> SupportCase:
        return await support_cases.decline(
            self.owner, self.access.device_id, case_id, database=self.house.database, now=self.house.clock()
        )

    async def close(self, case_id: str) -> SupportCase:
        return await support_cases.close_case(self.owner, self.access.device_id, case_id, **self._by_owner)

    async def cases(self) -> list[SupportCase]:
        return await support_cases.list_cases(
            self.owner, self.access.device_id, database=self.house.database, now=self.house.clock()
        )

    async def states(self) -> list[tuple[str, str]]:
        """Of the owner's cases, newest first: who asked, and the state."""
        return [(case.asked_by, case.state.value) for case in await self.cases()]

    async def release(self) -> None:
        await devices.release_device(self.owner, self.access.device_id, **self._by_owner)

    async def revoke(self) -> None:
        by = Staff(self.staff_id, frozenset({Role.FLEET}))
        await admissions.revoke(by, self.access.device_id, SERIAL, "security_incident", **self._by_owner)

    async def look_up(self, serial: str = SERIAL) -> DeviceFound:
        return await staff_support.look_up(serial, CALL, identity_key=IDENTITY_KEY, **self._by_staff)

    async def ask(self, days: int = 7, serial: str = SERIAL) -> SupportCase:
        case, _ = await staff_support.ask(serial, days, CALL, identity_key=IDENTITY_KEY, **self._by_staff)
        return case

    async def close_for_staff(self, case_id: str) -> SupportCase:
        return await staff_support.close_for_staff(
            self.access.device_id, case_id, journal=self.house.journal, **self._by_staff
        )

    async def see(self, case_id: str, cursor: str | None = None) -> SupportData:
        return await staff_support.support_data(self.access.device_id, case_id, CALL, cursor, **self._by_staff)

    async def pages(self, case_id: str) -> list[SupportData]:
        found = [await self.see(case_id)]
        while (cursor := found[-1].cursor) is not None:
            found.append(await self.see(case_id, cursor))
        return found

    async def collected(self) -> list[str]:
        """The categories that are collected now."""
        policy = await load_policy(self.house.database["telemetry"], self.access.ownership_id)
        return policy.open_at(self.house.clock())

    async def said(self) -> list[Item]:
        """The owner's ledger, after the pairing."""
        subject = await ledger.subject_of(self.owner, people=self.house.database["people"])
        chain = self.house.database["ledger"].query(ledger.CHAIN, partition=subject)
        return [entry async for entry in chain if entry["action"] != "pairing_completed"]

    async def actions(self) -> list[str]:
        return [entry["action"] for entry in await self.said()]

    async def told(self) -> list[str]:
        """Of what, in the order of the alphabet: many things are told at one moment."""
        return sorted(template for template, _ in await self.house.told(self.owner) if template != "monitor_paired")

    async def send(self, *readings: dict[str, Any], clock_offset: timedelta = timedelta(0)) -> None:
        """One message of the monitor, under the policy in force."""
        self._sequence[0] += 1
        body, properties = event_of(
            Message(
                ownership_id=self.access.ownership_id,
                policy=await load_policy(self.house.database["telemetry"], self.access.ownership_id),
                message_id=str(uuid4()),
                schema_version=1,
                sent_at=self.house.clock(),
                received_at=self.house.clock(),
                readings=list(readings),
                clock_offset=clock_offset,
            )
        )
        event = HubEvent(
            body=body,
            properties=properties,
            partition="0",
            sequence_number=self._sequence[0],
            enqueued_at=self.house.clock(),
        )
        await store_events([event], database=self.house.database)

    def health(self, cpu_percent: float, observed_at: datetime | None = None) -> dict[str, Any]:
        moment = observed_at or self.house.clock()
        return {"kind": "system_health", "observedAt": moment.isoformat(), "cpuPercent": cpu_percent}

    def call(self) -> dict[str, Any]:
        return {"kind": "call", "observedAt": self.house.clock().isoformat(), "outcome": "missed"}


def cpu(pages: Sequence[SupportData]) -> list[float]:
    """The processor loads that staff see, in their order."""
    items = [item for page in pages for item in page.readings]
    return [value for item in items for value in item.columns["system_health"]["cpuPercent"]]


async def refused(doing: Awaitable[object]) -> str:
    with pytest.raises(Problem) as caught:
        await doing
    return caught.value.code


async def cut_off(doing: Awaitable[object], at: Point) -> None:
    """A worker that dies at a point."""

    async def die(point: Point) -> None:
        if point == at:
            raise ConnectionError

    with listening(die), pytest.raises(ConnectionError):
        await doing
