"""An ownership with its gate, for tests of what is stored under it."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

from ingest_telemetry.messages import HubEvent, Message, event_of
from shared.cosmos import Database, Item
from shared.gate import create_gate
from shared.policy import Policy, Window
from tests.conftest import SettableClock
from tests.doubles import changed


class Owned:
    """One ownership with its gate, and the events of its monitor."""

    def __init__(self, database: Database, clock: SettableClock, ownership_id: str) -> None:
        self.database = database
        self.clock = clock
        self.id = ownership_id
        self.policy = Policy(
            epoch=1, start=clock() - timedelta(days=1), windows={"usage": (Window(clock() - timedelta(days=1)),)}
        )
        self._sequence = 0

    async def begin(self) -> "Owned":
        await create_gate(self.database["telemetry"], self.id, self.policy)
        return self

    async def begun_before(self, age: timedelta) -> Policy:
        """Let the ownership have begun so long ago; return its policy then."""
        start = self.clock() - age
        return await changed(
            self.database["telemetry"],
            self.id,
            lambda policy: replace(policy, start=start, windows={"usage": (Window(start),)}),
        )

    def raw(self, body: bytes, **properties: str) -> HubEvent:
        self._sequence += 1
        return HubEvent(
            body=body, properties=properties, partition="0", sequence_number=self._sequence, enqueued_at=self.clock()
        )

    def event(self, *readings: dict[str, Any], message_id: str | None = None, policy: Policy | None = None) -> HubEvent:
        body, properties = event_of(
            Message(
                ownership_id=self.id,
                policy=policy or self.policy,
                message_id=message_id or str(uuid4()),
                schema_version=1,
                sent_at=self.clock(),
                received_at=self.clock(),
                readings=list(readings) or [self.call()],
            )
        )
        return self.raw(body, **properties)

    def call(self, outcome: str = "answered", **fields: Any) -> dict[str, Any]:
        observed_at = (self.clock() - timedelta(minutes=1)).isoformat()
        return {"kind": "call", "observedAt": observed_at, "outcome": outcome, **fields}

    def health(self, cpu_percent: float = 5.0) -> dict[str, Any]:
        return {"kind": "system_health", "observedAt": self.clock().isoformat(), "cpuPercent": cpu_percent}

    def log(self, message: str) -> dict[str, Any]:
        return {"kind": "event_log", "observedAt": self.clock().isoformat(), "level": "info", "message": message}

    async def open_performance(self) -> None:
        self.policy = await changed(
            self.database["telemetry"],
            self.id,
            lambda policy: policy.with_window("performance", Window(self.policy.start)),
        )

    async def stored(self, item_type: str = "usageReadings") -> list[Item]:
        query = "SELECT * FROM c WHERE c.type = @type"
        found = self.database["telemetry"].query(query, {"type": item_type}, partition=self.id)
        return [item async for item in found]
