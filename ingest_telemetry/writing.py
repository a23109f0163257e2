"""Writing what was decided for one ownership: transactional batches, each of which reads the marker of the policy.

What is stored already is left out and written once. What the store refuses for good, whatever the reason, is set aside
alone: trying it again would hold up everything behind it for ever.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from http import HTTPStatus
from typing import Any, Final, Self

from ingest_telemetry.items import set_aside
from ingest_telemetry.messages import HubEvent
from ingest_telemetry.outcome import Outcome
from shared.cosmos import BatchFailed, Container, Create, Operation, Read
from shared.gate import KeptChanging, marker_id
from shared.injection import reached
from shared.policy import Policy

OPERATIONS_LIMIT: Final = 100
"""Operations of one transactional batch, the marker's read included."""

BATCH_LIMIT_BYTES: Final = 1_000_000
"""Half of what the store takes at once, and less than the HTTP client warns of."""

_ITEM_BYTES: Final = 2048
_DAY_BYTES: Final = len('"2026-03-01",')
"""What an item has beside its columns, or its event's body: ids, times and hash, and the days of its readings."""

WRITES_LIMIT: Final = 5
"""How often a batch is written again without what turned out to be stored already, before it is raised."""

_FOR_GOOD: Final = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE})
"""Answers that say something of the item. All others say something of the store, or of this service's right to use it:
they are raised, and the events wait."""


@dataclass(frozen=True, slots=True)
class Pending:
    """One item to create, and the event to quarantine should the item not be storable."""

    item: dict[str, Any]
    event: HubEvent
    now: datetime
    policy: Policy

    @property
    def is_quarantine(self) -> bool:
        """Whether the item is the event itself, set aside."""
        return bool(self.item["type"] == "attributableMalformed")

    def as_quarantined(self, reason: str) -> Self:
        """The event itself, in place of the item."""
        return replace(self, item=set_aside(self.event, reason, self.item["ownershipId"], self.policy, self.now))


async def write(
    ownership_id: str, pending: Sequence[Pending], policy: Policy, telemetry: Container, outcome: Outcome
) -> bool:
    """Store all of it once; False when the policy is not in force any more, and then some of it may be stored."""
    for chunk in _chunks(_distinct(pending, outcome)):
        if not await _write_batch(ownership_id, chunk, policy, telemetry, outcome):
            return False
        await reached("ingest.written")
    return True


def is_refused_for_good(error: Exception) -> bool:
    """Whether the store will never take what it was sent."""
    status = error.status if isinstance(error, BatchFailed) else getattr(error, "status_code", None)
    return status in _FOR_GOOD


def _distinct(pending: Iterable[Pending], outcome: Outcome) -> list[Pending]:
    """One of each id: a message that is there twice counts once, and one that took another's id is quarantined."""
    chosen: dict[str, Pending] = {}
    for one in pending:
        first = chosen.setdefault(one.item["id"], one)
        if first is one:
            continue
        if _same(first.item, one.item):
            outcome.items_repeated += 1
        else:
            other = one.as_quarantined("message_id_reused")
            chosen.setdefault(other.item["id"], other)
    return list(chosen.values())


def _same(stored: Mapping[str, Any], item: Mapping[str, Any]) -> bool:
    """Whether the stored item is this one; a quarantined event is told by its id alone."""
    return stored.get("bodyHash") == item.get("bodyHash")


def _chunks(pending: Sequence[Pending]) -> Iterator[list[Pending]]:
    """Transactional batches within the limits of operations and bytes; one operation is the marker's read."""
    chunk: list[Pending] = []
    size = 0
    for one in pending:
        item_size = _size_bound(one)
        if chunk and (len(chunk) + 1 >= OPERATIONS_LIMIT or size + item_size > BATCH_LIMIT_BYTES):
            yield chunk
            chunk, size = [], 0
        chunk.append(one)
        size += item_size
    if chunk:
        yield chunk


def _size_bound(one: Pending) -> int:
    """What an item takes as the client writes it, at most: writing it only to measure it would cost as much again."""
    if one.is_quarantine:
        return len(one.item["body"]) + _ITEM_BYTES
    body = one.event.body
    # The client sends ASCII: an emoji of four bytes becomes twelve.
    return len(body) * (1 if body.isascii() else 3) + len(one.item.get("days", ())) * _DAY_BYTES + _ITEM_BYTES


async def _write_batch(
    ownership_id: str, chunk: list[Pending], policy: Policy, telemetry: Container, outcome: Outcome
) -> bool:
    """Write one transactional batch; False when the marker of the policy is gone, and then nothing of it is stored."""
    for _ in range(WRITES_LIMIT):
        operations: list[Operation] = [Read(marker_id(policy.epoch)), *(Create(one.item) for one in chunk)]
        try:
            if chunk:
                await telemetry.batch(ownership_id, operations)
        except Exception as error:
            if isinstance(error, BatchFailed) and error.index == 0 and error.status == HTTPStatus.NOT_FOUND:
                return False
            if is_refused_for_good(error):
                return await _write_parts(ownership_id, chunk, policy, telemetry, outcome)
            if not isinstance(error, BatchFailed) or error.status != HTTPStatus.CONFLICT:
                raise
            await reached("ingest.conflicted")
            chunk = await _without_stored(ownership_id, chunk, telemetry, outcome)
            continue
        quarantined = [str(one.item["reason"]) for one in chunk if one.is_quarantine]
        outcome.set_aside(quarantined)
        outcome.items_stored += len(chunk) - len(quarantined)
        return True
    raise KeptChanging


async def _write_parts(
    ownership_id: str, chunk: list[Pending], policy: Policy, telemetry: Container, outcome: Outcome
) -> bool:
    """Halve a batch that the store refuses until the one item is found that it does not take, and quarantine that."""
    if len(chunk) > 1:
        half = len(chunk) // 2
        for part in (chunk[:half], chunk[half:]):
            if not await _write_batch(ownership_id, part, policy, telemetry, outcome):
                return False
        return True
    [refused] = chunk
    if refused.is_quarantine:
        outcome.lose(refused.item["reason"])
        return True
    return await _write_batch(ownership_id, [refused.as_quarantined("store_refused")], policy, telemetry, outcome)


async def _without_stored(
    ownership_id: str, chunk: list[Pending], telemetry: Container, outcome: Outcome
) -> list[Pending]:
    """What of a refused batch is not stored yet. Another item under the same id sends the event to quarantine, once."""
    names = {f"id{index}": one.item["id"] for index, one in enumerate(chunk)}
    query = f"SELECT c.id, c.bodyHash FROM c WHERE c.id IN ({', '.join(f'@{name}' for name in names)})"  # noqa: S608 - parameter names of ours
    stored = {item["id"]: item async for item in telemetry.query(query, names, partition=ownership_id)}
    left: dict[str, Pending] = {}
    for one in chunk:
        known = stored.get(one.item["id"])
        if known is None:
            left.setdefault(one.item["id"], one)
        elif _same(known, one.item):
            outcome.items_repeated += 1
        else:
            other = one.as_quarantined("message_id_reused")
            left.setdefault(other.item["id"], other)
    return list(left.values())
