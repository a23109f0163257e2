"""A resident's home whose data is restricted and held, and the work that follows, done."""

import json
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from typing import Any, Self

from export_user_data.restriction import holds, keeping, restrictions
from export_user_data.restriction.contract import HoldRequest, Restriction, RestrictionRequest, StaffHold
from export_user_data.restriction.due import look_at_due
from export_user_data.restriction.office import Office
from local.cosmos.server import CosmosServer
from shared import clock as clocks
from shared.contract import Purpose
from shared.cosmos import Database, Item
from shared.data_map import Category
from shared.injection import Point, listening
from shared.jobs import Lease, run_job
from shared.keys import KeySet
from shared.standing import Standing, standing
from tests.conftest import SettableClock
from tests.doubles import RecordingHub
from tests.export_user_data.owned import Home
from tests.people import House

STAFF = "5" * 32


class Desk:
    """What restricts, holds and lifts, with the jobs that it starts."""

    def __init__(self, home: Home, cosmos: CosmosServer, journal: Any = None) -> None:
        self.home = home
        self.clock = home.clock
        self.database = home.database
        self.journal = journal or home.journal
        self.hub = RecordingHub()
        self.recipients_told: dict[tuple[str, str], tuple[dict[str, str], list[Category]]] = {}
        self._cosmos = cosmos

    @classmethod
    async def opened(
        cls, database: Database, keys: KeySet, clock: SettableClock, cosmos: CosmosServer, journal: Any = None
    ) -> Self:
        return cls(await Home.paired(House(database, keys, clock)), cosmos, journal)

    @property
    def office(self) -> Office:
        return Office(
            database=self.database,
            journal=self.journal,
            hub=self.hub,
            now=self.clock(),
            tell_recipients=self._tell_recipients,
        )

    async def _tell_recipients(
        self, request_id: str, event: str, about: Any, *, categories: Collection[Category], person_id: str
    ) -> None:
        assert person_id == "maria"
        self.recipients_told.setdefault((request_id, event), (dict(about), sorted(categories)))

    @property
    def ownership_id(self) -> str:
        return self.home.access.ownership_id

    def forward(self, **by: float) -> None:
        """Move the clock of the service and that of its store."""
        self.clock.forward(**by)
        self._cosmos.clock.forward(timedelta(**by).total_seconds())

    async def restrict(self, person_id: str = "maria", **asked: Any) -> Restriction:
        body = {"scope": "person", "ground": "unlawful"} | asked
        restriction, _ = await restrictions.restrict(person_id, restriction_request(body), self.office)
        return restriction

    async def lift(self, restriction: Restriction) -> Restriction:
        return await restrictions.lift_own("maria", restriction.restriction_id, self.office)

    async def announce(self, restriction: Restriction) -> Restriction:
        return await restrictions.lift_by_staff(
            "maria", restriction.restriction_id, Purpose.COMPLAINT, self.office, staff_id=STAFF
        )

    async def hold(self, days: float = 1000, **asked: Any) -> StaffHold:
        body = {
            "who": {"personId": "maria"},
            "scope": "person",
            "ground": "legal_claims",
            "reference": "LH-2026-17",
            "until": clocks.text(self.clock() + timedelta(days=days)),
        } | asked
        held, _ = await holds.set_hold("maria", hold_request(body), self.office, staff_id=STAFF)
        return held

    async def end(self, held: StaffHold) -> StaffHold:
        return await holds.end_hold("maria", held.hold_id, Purpose.COMPLAINT, self.office, staff_id=STAFF)

    async def look(self) -> int:
        """The timer."""
        return await look_at_due(self.office)

    async def work(self) -> list[str]:
        """Do the jobs that are queued, to their end."""

        async def sleep(seconds: float) -> None:
            self.forward(seconds=seconds)

        query = "SELECT * FROM c WHERE c.type = 'keepData' AND c.state IN ('queued', 'running')"
        ids = [job["jobId"] async for job in self.database["jobs"].query(query)]
        step = {keeping.KIND: partial(self._step)}
        return [
            await run_job(one, step, jobs=self.database["jobs"], hub=self.hub, now=self.clock, sleep=sleep)
            for one in ids
        ]

    async def _step(self, lease: Lease) -> Any:
        return await keeping.keep_some(lease, database=self.database, hub=self.hub)

    async def items(self, container: str = "telemetry", item_type: str = "usageReadings") -> list[Item]:
        query = "SELECT * FROM c WHERE c.type = @type"
        found = [item async for item in self.database[container].query(query, {"type": item_type})]
        return sorted(found, key=lambda item: str(item["expiresAt"]))

    async def kept_by(self, container: str = "telemetry", item_type: str = "usageReadings") -> list[str | None]:
        """Of each item what keeps it; it has a lifetime if and only if nothing does."""
        items = await self.items(container, item_type)
        assert all((item["ttl"] == -1) is ("keptBy" in item) for item in items)
        return [item.get("keptBy") for item in items]

    async def stands(self, person_id: str = "maria") -> Standing:
        return await standing(person_id, people=self.database["people"], now=self.clock())

    async def told(self) -> list[str]:
        return [template for template, _ in await self.home.told("maria") if template != "monitor_paired"]

    async def actions(self) -> list[str]:
        """What the ledger says that was done, in every chain."""
        query = "SELECT * FROM c WHERE c.type = 'ledgerEntry'"
        entries = [entry async for entry in self.database["ledger"].query(query)]
        said = sorted(entries, key=lambda entry: (entry["subject"] == "service", entry["seq"]))
        return [entry["action"] for entry in said if entry["action"] != "pairing_completed"]


def restriction_request(body: dict[str, Any]) -> RestrictionRequest:
    """A body as it comes over HTTP."""
    return RestrictionRequest.model_validate_json(json.dumps(body))


def hold_request(body: dict[str, Any]) -> HoldRequest:
    """A body as it comes over HTTP."""
    return HoldRequest.model_validate_json(json.dumps(body))


class Killed(BaseException):
    """The worker was stopped here; nothing catches that."""


@contextmanager
def killed_at(*points: Point, time: int = 1) -> Iterator[Callable[[], int]]:
    """Stop at the so manyth time that one of these points is reached; tells how often they were."""
    reached = 0

    async def die(point: Point) -> None:
        nonlocal reached
        if point in points:
            reached += 1
            if reached == time:
                raise Killed

    with listening(die):
        yield lambda: reached
