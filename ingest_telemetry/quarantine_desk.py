"""What staff do with events that were set aside: list, inspect, try again, release. The ledger knows before it is done.

What is a monitor's lies with its present ownership, and the owner's ledger tells of it; what is nobody's lies in the
partition of the hub that it came through, and the service's own ledger tells of it.
"""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from ingest_telemetry.kept_events import REPLAY_OF
from ingest_telemetry.quarantine_contract import QuarantinedContent, QuarantinedEvent, QuarantinePage
from shared import clock
from shared.callers import Role, Staff
from shared.contract import Purpose
from shared.cosmos import Container, Database, Item, Stale
from shared.data_map import Category
from shared.errors import Problem
from shared.hubs import Hub
from shared.injection import reached
from shared.kept_items import rewritten
from shared.keys import keyed_id
from shared.ledger import SERVICE_SUBJECT, Step, record, record_about, staff
from shared.people import new_id
from shared.standing import refuse_restricted

PAGE_LENGTH: Final = 50
_TRIES: Final = 5
_DEVICE_ITEM: Final = "device"

_ACTIONS: Final = {
    "viewed": ("unstored_events_viewed", "quarantine_viewed"),
    "replayed": ("unstored_event_replayed", "quarantine_replayed"),
    "released": ("unstored_event_released", "quarantine_released"),
}
"""What the ledger says of an owner's events, and of nobody's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """A member of staff who looks at one place, for one purpose."""

    by: Staff
    purpose: Purpose
    container: Container
    partition: str
    owner_id: str | None
    """The person whose events they are; None when they are nobody's."""
    database: Database
    now: datetime

    @classmethod
    async def of_monitor(
        cls, by: Staff, purpose: Purpose, serial_number: str, *, database: Database, identity_key: bytes, now: datetime
    ) -> "Desk":
        """Before the events of a monitor, those of its present owner.

        Raises:
            Problem: device_not_registered; data_restricted.
        """
        device = await database["devices"].read(keyed_id(identity_key, "device", serial_number), _DEVICE_ITEM)
        if device is None or "ownershipId" not in device or "ownerPersonId" not in device:
            raise Problem("device_not_registered")
        await refuse_restricted(device["ownershipId"], Category.SERVICE, telemetry=database["telemetry"])
        return cls(
            by=by,
            purpose=purpose,
            container=database["telemetry"],
            partition=device["ownershipId"],
            owner_id=device["ownerPersonId"],
            database=database,
            now=now,
        )

    @classmethod
    def of_nobody(cls, by: Staff, purpose: Purpose, partition: str, *, database: Database, now: datetime) -> "Desk":
        """Before the events of one partition of the quarantine, such as `telemetry/0`."""
        return cls(
            by=by,
            purpose=purpose,
            container=database["quarantine"],
            partition=partition,
            owner_id=None,
            database=database,
            now=now,
        )

    async def page(self, cursor: str | None) -> QuarantinePage:
        """A page of events, oldest first. Those of one moment are put in order here, and so are read as a whole.

        Raises:
            Problem: cursor_invalid.
        """
        after = _place(cursor)
        await self._record("viewed")
        query = (
            "SELECT c.id, c.reason, c.enqueuedAt, c.sizeBytes, c.truncated, c.replayedAt, c.releasedAt, c.expiresAt "
            "FROM c WHERE c.enqueuedAt >= @after ORDER BY c.enqueuedAt"
        )
        found: list[Item] = []
        async for item in self.container.query(query, {"after": after[0]}, partition=self.partition):
            if _place_of(item) <= after:
                continue
            if len(found) > PAGE_LENGTH and item["enqueuedAt"] != found[-1]["enqueuedAt"]:
                break
            found.append(item)
        found.sort(key=_place_of)
        page = found[:PAGE_LENGTH]
        return QuarantinePage(
            events=[QuarantinedEvent(**_told(item)) for item in page],
            cursor=_cursor(page[-1]) if len(found) > PAGE_LENGTH else None,
        )

    async def inspect(self, event_id: str) -> QuarantinedContent:
        """One event as it came.

        Raises:
            Problem: quarantined_event_unknown.
        """
        item = await self._read(event_id)
        await self._record("viewed")
        return QuarantinedContent(**_told(item), body=item["body"], properties=item["properties"])

    async def replay(self, event_id: str, *, hub: Hub) -> QuarantinedEvent:
        """Send an event to the hub again as it came: it is decided anew, as any other is.

        It stays in quarantine, marked, until it expires. A repeat is harmless: a message is stored once, and what fails
        again keeps its id.

        Raises:
            Problem: quarantined_event_unknown, quarantined_event_cut or quarantined_event_released; hub_unavailable.
        """
        item = await self._read(event_id)
        if item["truncated"]:
            raise Problem("quarantined_event_cut")
        if "releasedAt" in item:
            raise Problem("quarantined_event_released")
        await self._record("replayed", reason=item["reason"])
        await reached("quarantine.recorded")
        properties = {**item["properties"], REPLAY_OF: event_id}
        await hub.send(
            base64.b64decode(item["body"]), key=item.get("ownershipId", self.partition), properties=properties
        )
        await reached("quarantine.replayed")
        return await self._marked(event_id, "replayedAt")

    async def release(self, event_id: str) -> QuarantinedEvent:
        """Give an event up: it is not tried again, and goes when it expires. A repeat changes nothing.

        Raises:
            Problem: quarantined_event_unknown.
        """
        item = await self._read(event_id)
        if "releasedAt" in item:
            return QuarantinedEvent(**_told(item))
        await self._record("released", reason=item["reason"])
        await reached("quarantine.recorded")
        return await self._marked(event_id, "releasedAt")

    async def _read(self, event_id: str) -> Item:
        item = await self.container.read(self.partition, event_id)
        if item is None:
            raise Problem("quarantined_event_unknown")
        return item

    async def _marked(self, event_id: str, when: str) -> QuarantinedEvent:
        """Replace the item by a marked one. It never makes one anew: an erasure may have taken it meanwhile."""
        for _ in range(_TRIES):
            item = await self._read(event_id)
            marked = rewritten(item, now=self.now) | {
                when: clock.text(self.now),
                "handledBy": self.by.staff_id,
                "purpose": self.purpose.value,
            }
            try:
                await self.container.replace(marked, item["_etag"])
            except Stale:
                continue
            return QuarantinedEvent(**_told(marked))
        raise Problem("busy", retry_after_s=1)

    async def _record(self, what: str, **details: str) -> None:
        """Tell the ledger, every time anew: each is another look, or another try."""
        of_owner, of_nobody = _ACTIONS[what]
        actor = staff(Role.FLEET, self.by.staff_id)
        told = {**details, "purpose": self.purpose.value}
        if self.owner_id is None:
            await record(
                SERVICE_SUBJECT, Step(new_id(), of_nobody, actor, told), ledger=self.database["ledger"], now=self.now
            )
        else:
            told["ownershipId"] = self.partition
            step = Step(self.partition, of_owner, actor, told, step=f"{of_owner}:{new_id()}")
            await record_about(self.owner_id, step, database=self.database, now=self.now)


def _told(item: Item) -> dict[str, Any]:
    return {
        "event_id": item["id"],
        "reason": item["reason"],
        "enqueued_at": item["enqueuedAt"],
        "size_bytes": item["sizeBytes"],
        "truncated": item["truncated"],
        "replayed_at": item.get("replayedAt"),
        "released_at": item.get("releasedAt"),
        "expires_at": item["expiresAt"],
    }


def _place_of(item: Mapping[str, Any]) -> tuple[str, str]:
    return item["enqueuedAt"], item["id"]


def _cursor(item: Mapping[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(_place_of(item)).encode()).decode()


def _place(cursor: str | None) -> tuple[str, str]:
    if cursor is None:
        return "", ""
    try:
        enqueued_at, event_id = json.loads(base64.urlsafe_b64decode(cursor))
        return clock.text(clock.moment(enqueued_at)), str(event_id)
    except (ValueError, TypeError, AttributeError, OverflowError, RecursionError, binascii.Error):
        raise Problem("cursor_invalid") from None
