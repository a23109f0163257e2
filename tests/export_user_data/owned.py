"""A resident's monitor and its messages, stored as the worker stores them."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Self
from uuid import uuid4

from ingest_telemetry.messages import HubEvent, Message, event_of
from ingest_telemetry.storing import store_events
from register_device.contract.monitors import DeviceAccess
from shared.gate import load_policy
from shared.policy import Policy, Window
from tests.doubles import changed
from tests.people import SERIAL, House


@dataclass(frozen=True, slots=True)
class Home(House):
    """A house with one monitor, whose messages are stored."""

    access: DeviceAccess = field(kw_only=True)

    @classmethod
    async def paired(
        cls, house: House, person_id: str = "maria", serial: str = SERIAL, *, country: str | None = None
    ) -> Self:
        """Its monitor collects everything, as if it had been paired a month ago."""
        claim = await house.claim(person_id, country=country)
        access, _ = await house.register(claim, serial, model="VEO", region=country or "ES")
        month_ago = house.clock() - timedelta(days=31)
        await changed(house.database["telemetry"], access.ownership_id, partial(_open_since, begin=month_ago))
        return cls(house.database, house.keys, house.clock, house.journal, access=access)

    async def policy(self) -> Policy:
        return await load_policy(self.database["telemetry"], self.access.ownership_id)

    async def event(
        self, *readings: dict[str, Any], offset: timedelta = timedelta(0), policy: Policy | None = None
    ) -> HubEvent:
        body, properties = event_of(
            Message(
                ownership_id=self.access.ownership_id,
                policy=policy or await self.policy(),
                message_id=str(uuid4()),
                schema_version=1,
                sent_at=self.clock() - offset,
                received_at=self.clock(),
                readings=list(readings) or [self.call()],
                clock_offset=offset,
                product={"model": "VEO", "region": "ES"},
            )
        )
        return HubEvent(body=body, properties=properties, partition="0", sequence_number=1, enqueued_at=self.clock())

    async def store(self, *events: HubEvent) -> None:
        await store_events(list(events), database=self.database, now=self.clock)

    async def messages(self, number: int) -> list[HubEvent]:
        """So many messages of two readings, told apart by the duration of their call, and stored."""
        sent = [await self.event(self.call(durationS=place), self.health()) for place in range(number)]
        await self.store(*sent)
        return sent

    def call(self, at: datetime | None = None, outcome: str = "answered", **fields: Any) -> dict[str, Any]:
        return {"kind": "call", "observedAt": _text(at or self.clock()), "outcome": outcome, **fields}

    def opening(self, at: datetime | None = None, door: str = "GENERAL") -> dict[str, Any]:
        return {"kind": "door_opening", "observedAt": _text(at or self.clock()), "accessType": door}

    def health(self, at: datetime | None = None, cpu_percent: float = 5.0) -> dict[str, Any]:
        return {"kind": "system_health", "observedAt": _text(at or self.clock()), "cpuPercent": cpu_percent}


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _open_since(policy: Policy, begin: datetime) -> Policy:
    windows = {category: (Window(begin),) for category in ("usage", "performance")}
    return Policy(epoch=policy.epoch, start=begin, windows=windows)
