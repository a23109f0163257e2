"""Recipients (GDPR 19): each of them that holds something of a person is told of what becomes of it here.

A notice lies with the request that it is part of and not with the person, so that it outlives their erasure; what the
recipient needs to find its copy is in it until the recipient has acknowledged it, and no longer.
"""

import asyncio
import hashlib
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from shared import clock, data_map, ledger
from shared.cosmos import Conflict, Container, Create, Database, Item
from shared.data_map import RECIPIENTS, Category
from shared.expiry import expiring
from shared.gate import Erased, write_behind_gate
from shared.injection import reached
from shared.webhooks import Webhooks

Event = Literal["erasure", "restriction", "restriction_lifted", "rectification"]

PENDING: Final = "pending"
ACKNOWLEDGED: Final = "acknowledged"

_NOTICES: Final = "SELECT * FROM c WHERE c.type = 'recipientNotice'"


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """What became of telling one recipient."""

    recipient: str
    event: Event
    state: str
    """pending or acknowledged; or why there is nothing to acknowledge: person, lapses, in_place."""
    told_at: datetime
    """When the notice was made."""
    acknowledged_at: datetime | None

    @property
    def is_settled(self) -> bool:
        """Whether nothing is waited for."""
        return self.state != PENDING


def item_id(event: str, recipient: str) -> str:
    """Id of the stored notice."""
    return f"notice:{event}:{recipient}"


def repeat_key(request_id: str, event: str, recipient: str) -> str:
    """What tells a recipient that a notice is one that it has had already."""
    return hashlib.sha256(f"{request_id}\n{event}\n{recipient}".encode()).hexdigest()


def concerned(categories: Collection[Category], *, in_use: Collection[str]) -> list[str]:
    """The recipients that are given something of these categories."""
    return [
        name
        for name, recipient in RECIPIENTS.items()
        if not recipient.given.keys().isdisjoint(categories) and (recipient.notice != "webhook" or name in in_use)
    ]


async def tell_recipients(
    request_id: str,
    event: Event,
    about: Mapping[str, Any],
    *,
    categories: Collection[Category],
    person_id: str | None,
    database: Database,
    webhooks: Webhooks,
    now: datetime,
) -> None:
    """Have every recipient told that is given something of these categories; a repeat tells nobody twice.

    `about` is what a recipient needs to find its copy, such as the e-mail address, and what has changed. The person is
    who may see that it was told; None when there is nobody left to see it.
    """
    names = concerned(categories, in_use=webhooks.names)
    items = [_notice(request_id, event, name, about, categories, now) for name in names]
    await asyncio.gather(*(_create(item, database["jobs"]) for item in items))
    await reached("recipients.queued")
    if person_id is not None:
        with suppress(Erased):
            await _keep_for(person_id, request_id, event, database=database, now=now)
            step = ledger.Step(
                request_id,
                "recipients_told",
                ledger.SERVICE,
                {"event": event, "recipients": len(names)},
                step=f"recipients_told:{event}",
            )
            await ledger.record_about(person_id, step, database=database, now=now)


async def _create(item: Item, jobs: Container) -> None:
    with suppress(Conflict):
        await jobs.create(item)


def _notice(
    request_id: str, event: str, name: str, about: Mapping[str, Any], categories: Collection[Category], now: datetime
) -> Item:
    notice, retention = RECIPIENTS[name].notice, data_map.retention("jobs", "recipientNotice")
    item = {
        "id": item_id(event, name),
        "type": "recipientNotice",
        "jobId": request_id,
        "recipient": name,
        "event": event,
        "categories": sorted(category.value for category in RECIPIENTS[name].given.keys() & set(categories)),
        "createdAt": clock.text(now),
        "expiresAt": clock.text(now + retention),
        "ttl": int(retention.total_seconds()),
    }
    if notice != "webhook":
        return item | {"state": notice}
    return item | {"state": PENDING, "about": dict(about), "attempts": 0, "nextAttemptAt": clock.text(now)}


async def _keep_for(person_id: str, request_id: str, event: str, *, database: Database, now: datetime) -> None:
    """Let the person find the notices, which lie under the request."""
    item = {
        "id": f"told:{request_id}:{event}",
        "type": "recipientsTold",
        "personId": person_id,
        "requestId": request_id,
        "event": event,
        "createdAt": clock.text(now),
        **expiring("people", "recipientsTold", since=now, now=now),
    }
    with suppress(Conflict):
        await write_behind_gate(database["people"], person_id, [Create(item)])


async def notices(request_id: str, *, jobs: Container) -> list[Item]:
    """The notices of a request."""
    return [item async for item in jobs.query(_NOTICES, partition=request_id)]


async def acknowledgements(request_id: str, *, database: Database) -> Sequence[Acknowledgement]:
    """What became of telling the recipients of a request, for its receipt."""
    found = await notices(request_id, jobs=database["jobs"])
    return sorted((acknowledgement(item) for item in found), key=lambda one: (one.event, one.recipient))


def acknowledgement(item: Item) -> Acknowledgement:
    """What a stored notice says."""
    at = item.get("acknowledgedAt")
    return Acknowledgement(
        recipient=item["recipient"],
        event=item["event"],
        state=item["state"],
        told_at=clock.moment(item["createdAt"]),
        acknowledged_at=clock.moment(at) if at is not None else None,
    )
