"""Storing a batch of hub events: what can be is stored once, what cannot be read is quarantined, nothing is lost.

Events of one ownership are decided together under the highest epoch among them and written in transactional batches,
each of which reads the marker of that epoch: a batch decided under a policy that has changed fails as a whole and is
decided again. An outage of the store is raised; the trigger's retry policy brings the whole batch again, and repeats
are harmless.
"""

import asyncio
import json
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Any, Final, Self

from ingest_telemetry.messages import HubEvent, Malformed, Message, admit, message_of, quarantine_item
from shared.cosmos import BatchFailed, Conflict, Container, Create, Database, Operation, Read
from shared.gate import KeptChanging, Policy, load_policy, marker_id
from shared.injection import reached

CONCURRENT_OWNERSHIPS: Final = 16
OPERATIONS_LIMIT: Final = 100
"""Operations of one transactional batch, the marker's read included."""

BATCH_LIMIT_BYTES: Final = 1_200_000
DECISIONS_LIMIT: Final = 3
"""How often a batch is decided again when its policy changed under it, before it is raised."""

WRITES_LIMIT: Final = 5
"""How often a batch is written again without what turned out to be stored already, before it is raised."""

_log = logging.getLogger("blue.ingest")


@dataclass(slots=True)
class Outcome:
    """What became of a batch of events, in counts: the only thing that is logged of it."""

    events: int = 0
    items_stored: int = 0
    items_repeated: int = 0
    events_quarantined: int = 0
    readings_refused: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Pending:
    """One item to create, and the event to quarantine should another item have its id."""

    item: dict[str, Any]
    event: HubEvent

    @property
    def is_quarantine(self) -> bool:
        return bool(self.item["type"] == "attributableMalformed")

    def as_quarantined(self) -> Self:
        """The event itself, for a message whose id was taken by another."""
        item = quarantine_item(self.event, "message_id_reused", self.item["ownershipId"])
        return replace(self, item=item)


async def store_events(events: Sequence[HubEvent], *, database: Database) -> Outcome:
    """Store or quarantine every event of a batch.

    Raises:
        ExceptionGroup: the store failed, or a policy kept changing; the batch must come again.
    """
    outcome = Outcome(events=len(events))
    by_ownership: dict[str, list[tuple[HubEvent, Message | Malformed]]] = {}
    limit = asyncio.Semaphore(CONCURRENT_OWNERSHIPS)
    async with asyncio.TaskGroup() as tasks:
        for event in events:
            read = _read(event)
            owner = read.ownership_id
            if owner is None:
                tasks.create_task(_quarantine_unattributable(event, read, database["quarantine"], outcome, limit))
            else:
                by_ownership.setdefault(owner, []).append((event, read))
        for owner, owned in by_ownership.items():
            tasks.create_task(_store_ownership(owner, owned, database, outcome, limit))
    return outcome


def _read(event: HubEvent) -> Message | Malformed:
    try:
        return message_of(event)
    except Malformed as malformed:
        return malformed


async def _quarantine_unattributable(
    event: HubEvent, read: Message | Malformed, quarantine: Container, outcome: Outcome, limit: asyncio.Semaphore
) -> None:
    reason = read.reason if isinstance(read, Malformed) else "unattributable"
    async with limit:
        try:
            await quarantine.create(quarantine_item(event, reason, None))
        except Conflict:
            return  # redelivered: it is there
    outcome.events_quarantined += 1


async def _store_ownership(
    ownership_id: str,
    owned: Sequence[tuple[HubEvent, Message | Malformed]],
    database: Database,
    outcome: Outcome,
    limit: asyncio.Semaphore,
) -> None:
    async with limit:
        telemetry = database["telemetry"]
        messages = [read for _, read in owned if isinstance(read, Message)]
        policy = max((message.policy for message in messages), key=lambda policy: policy.epoch, default=None)
        for _ in range(DECISIONS_LIMIT):
            try:
                policy = policy or await load_policy(telemetry, ownership_id)
            except LookupError:
                _count(outcome, {"no_gate": len(owned)})
                return
            if await _decided_and_written(ownership_id, owned, policy, telemetry, outcome):
                return
            policy = None  # it has changed: load the one in force
    raise KeptChanging


async def _decided_and_written(
    ownership_id: str,
    owned: Sequence[tuple[HubEvent, Message | Malformed]],
    policy: Policy,
    telemetry: Container,
    outcome: Outcome,
) -> bool:
    """Decide all events under a policy and write them; False when the policy is not in force any more."""
    pending: list[_Pending] = []
    refused: dict[str, int] = {}
    for event, read in owned:
        if isinstance(read, Malformed):
            pending.append(_Pending(quarantine_item(event, read.reason, ownership_id), event))
            continue
        admitted = admit(read, policy)
        pending.extend(_Pending(item, event) for item in admitted.items)
        for reason, count in admitted.refused.items():
            refused[reason] = refused.get(reason, 0) + count
    if policy.tombstone:
        pending = []  # nothing of an erased ownership is kept, not even what cannot be read
    await reached("ingest.decided")
    for chunk in _chunks(_distinct(pending, outcome)):
        if not await _write(ownership_id, chunk, policy, telemetry, outcome):
            return False
        await reached("ingest.written")
    _count(outcome, refused)
    return True


def _count(outcome: Outcome, refused: Mapping[str, int]) -> None:
    for reason, count in refused.items():
        outcome.readings_refused[reason] = outcome.readings_refused.get(reason, 0) + count


def _distinct(pending: Iterable[_Pending], outcome: Outcome) -> list[_Pending]:
    """One of each id: a message that is there twice counts once, and one that took another's id is quarantined."""
    chosen: dict[str, _Pending] = {}
    for one in pending:
        first = chosen.setdefault(one.item["id"], one)
        if first is one:
            continue
        if _same(first.item, one.item):
            outcome.items_repeated += 1
        else:
            other = one.as_quarantined()
            chosen.setdefault(other.item["id"], other)
    return list(chosen.values())


def _same(stored: Mapping[str, Any], item: Mapping[str, Any]) -> bool:
    """Whether the stored item is this one; a quarantined event is told by its id alone."""
    return stored.get("bodyHash") == item.get("bodyHash")


def _chunks(pending: Sequence[_Pending]) -> Iterator[list[_Pending]]:
    """Transactional batches within the limits of operations and bytes; one operation is the marker's read."""
    chunk: list[_Pending] = []
    size = 0
    for one in pending:
        item_size = len(json.dumps(one.item, ensure_ascii=False).encode())
        if chunk and (len(chunk) + 1 >= OPERATIONS_LIMIT or size + item_size > BATCH_LIMIT_BYTES):
            yield chunk
            chunk, size = [], 0
        chunk.append(one)
        size += item_size
    if chunk:
        yield chunk


async def _write(
    ownership_id: str, chunk: list[_Pending], policy: Policy, telemetry: Container, outcome: Outcome
) -> bool:
    """Write one transactional batch; False when the marker of the policy is gone, and then nothing of it is stored."""
    for _ in range(WRITES_LIMIT):
        operations: list[Operation] = [Read(marker_id(policy.epoch)), *(Create(one.item) for one in chunk)]
        try:
            if chunk:
                await telemetry.batch(ownership_id, operations)
        except BatchFailed as failed:
            if failed.index == 0 and failed.status == HTTPStatus.NOT_FOUND:
                return False
            if failed.status != HTTPStatus.CONFLICT:
                raise
            chunk = await _without_stored(ownership_id, chunk, telemetry, outcome)
            continue
        quarantined = sum(one.is_quarantine for one in chunk)
        outcome.events_quarantined += quarantined
        outcome.items_stored += len(chunk) - quarantined
        return True
    raise KeptChanging


async def _without_stored(
    ownership_id: str, chunk: list[_Pending], telemetry: Container, outcome: Outcome
) -> list[_Pending]:
    """What of a refused batch is not stored yet. Another item under the same id sends the event to quarantine."""
    names = {f"id{index}": one.item["id"] for index, one in enumerate(chunk)}
    query = f"SELECT c.id, c.bodyHash FROM c WHERE c.id IN ({', '.join(f'@{name}' for name in names)})"  # noqa: S608 - parameter names of ours
    stored = {item["id"]: item async for item in telemetry.query(query, names, partition=ownership_id)}
    left: list[_Pending] = []
    for one in chunk:
        known = stored.get(one.item["id"])
        if known is None:
            left.append(one)
        elif _same(known, one.item):
            outcome.items_repeated += 1
        else:
            left.append(one.as_quarantined())
    return left


def log_outcome(outcome: Outcome) -> None:
    """Say in counts what became of a batch; a quarantined event is a warning."""
    level = logging.WARNING if outcome.events_quarantined else logging.INFO
    _log.log(
        level,
        "events %d, items stored %d, repeated %d, events quarantined %d, readings refused %s",
        outcome.events,
        outcome.items_stored,
        outcome.items_repeated,
        outcome.events_quarantined,
        json.dumps(outcome.readings_refused),
    )
