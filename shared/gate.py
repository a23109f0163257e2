"""The gate: what may be stored for one person or one period of ownership, and the marker that locks it.

The gate item holds the policy under an epoch; beside it lies the marker item of that epoch. Whoever writes telemetry
reads the marker in the same transactional batch, so a write decided under an older policy fails as a whole. A change
replaces gate and marker in one batch.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from http import HTTPStatus
from random import SystemRandom
from typing import Any, Final, Protocol

from shared.cosmos import BatchFailed, Conflict, Container, Create, Delete, Operation, Read, Replace, Stale
from shared.injection import reached
from shared.policy import Policy

Change = Callable[[Policy], Policy]

GATE: Final = "gate"
"""Id of the gate item in its partition."""

_CHANGES_TRIED: Final = 10
_FIRST_PAUSE_S: Final = 0.005
_PAUSE_LIMIT_S: Final = 0.2

_random = SystemRandom()


class Erased(Exception):
    """The person or ownership was erased: nothing may be written for it any more."""


class KeptChanging(Exception):
    """Policy or stored items changed under every try; whoever asked may ask again."""


def marker_id(epoch: int) -> str:
    """Id of the marker item of an epoch."""
    return f"alive:{epoch}"


def _item(container: Container, partition: str, **fields: Any) -> dict[str, Any]:
    return {container.partition_key: partition, **fields}


def _gate_item(container: Container, partition: str, policy: Policy) -> dict[str, Any]:
    return _item(container, partition, id=GATE, type="gate", **policy.stored())


def _marker_item(container: Container, partition: str, epoch: int) -> dict[str, Any]:
    return _item(container, partition, id=marker_id(epoch), type="marker")


def opening(container: Container, partition: str, policy: Policy) -> list[Operation]:
    """The operations that create gate and marker, to be done in one batch with what founds the partition."""
    return [
        Create(_gate_item(container, partition, policy)),
        *([] if policy.tombstone else [Create(_marker_item(container, partition, policy.epoch))]),
    ]


async def create_gate(container: Container, partition: str, policy: Policy) -> Policy:
    """Create gate and marker; a repeat leaves what is there and returns it."""
    try:
        await container.batch(partition, opening(container, partition, policy))
    except BatchFailed as failed:
        if failed.status != HTTPStatus.CONFLICT:
            raise
        return await load_policy(container, partition)
    return policy


async def load_policy(container: Container, partition: str) -> Policy:
    """The policy in force.

    Raises:
        LookupError: there is no gate, so nothing may be stored.
    """
    item = await container.read(partition, GATE)
    if item is None:
        raise LookupError("there is no gate")
    return Policy.from_claims(item)


class NarrowingJournal(Protocol):
    """Where narrowing changes are kept for a database that is restored."""

    async def narrowed(self, container: str, partition: str, policy: Policy) -> None:
        """Keep a policy that admits less than the one before; a repeat changes nothing."""


async def change_policy(
    container: Container,
    partition: str,
    change: Change,
    *,
    journal: NarrowingJournal,
    now: datetime,
    beside: Sequence[Operation] = (),
) -> Policy:
    """Replace the policy under the next epoch: a write decided under an older one fails from now on.

    What is to be written beside is written in the same batch; when nothing changes it is not written.
    A change that narrows is in the journal when this returns. Cosmos batches are snapshot-isolated: one that read the
    old marker may still commit within the server's limit of 5 s: who purges after a change waits for that.

    Raises:
        LookupError: there is no gate.
        KeptChanging: others kept changing it.
    """
    old, new = await change_epoch(container, partition, change, by=1, now=now, beside=beside)
    # A change that was there already may be one whose journalling was cut off.
    if new == old or new.is_narrower_than(old):
        await reached("gate.changed")
        await journal.narrowed(container.name, partition, new)
    return new


async def change_epoch(
    container: Container,
    partition: str,
    change: Change,
    *,
    by: int,
    now: datetime,
    beside: Sequence[Operation] = (),
) -> tuple[Policy, Policy]:
    """Replace gate and marker under an epoch that is higher by so much; return the policies before and after.

    Raises:
        LookupError: there is no gate.
        KeptChanging: others kept changing it.
    """
    for attempt in range(_CHANGES_TRIED):
        item = await container.read(partition, GATE)
        if item is None:
            raise LookupError("there is no gate")
        await reached("gate.read")
        old = Policy.from_claims(item)
        changed = change(old)
        if changed == old and by == 1:
            return old, old
        new = replace(changed, epoch=old.epoch + by, changed_at=now)
        operations: list[Operation] = [
            Replace(_gate_item(container, partition, new), etag=item["_etag"]),
            *([] if old.tombstone else [Delete(marker_id(old.epoch))]),
            *([] if new.tombstone else [Create(_marker_item(container, partition, new.epoch))]),
            *beside,
        ]
        try:
            await container.batch(partition, operations)
        except BatchFailed as failed:
            if failed.status != HTTPStatus.PRECONDITION_FAILED:
                raise
            # Those who pause for the same time would meet again.
            await asyncio.sleep(_random.uniform(0, min(_PAUSE_LIMIT_S, _FIRST_PAUSE_S * 2**attempt)))
            continue
        return old, new
    raise KeptChanging


async def write_behind_gate(container: Container, partition: str, operations: Sequence[Operation]) -> None:
    """Do all operations while the partition's gate stands, or none.

    Raises:
        Erased: there is no gate any more, or its partition was erased.
        Conflict: a created item is there already.
        Stale: a replaced item has changed, or is gone.
    """
    for _ in range(_CHANGES_TRIED):
        try:
            policy = await load_policy(container, partition)
        except LookupError as error:
            raise Erased from error
        if policy.tombstone:
            raise Erased
        try:
            await container.batch(partition, [Read(marker_id(policy.epoch)), *operations])
        except BatchFailed as failed:
            if failed.index == 0 and failed.status == HTTPStatus.NOT_FOUND:
                continue  # the policy has changed between the two requests
            if failed.status == HTTPStatus.CONFLICT:
                raise Conflict(f"item in {container.name}") from failed
            if failed.status in {HTTPStatus.PRECONDITION_FAILED, HTTPStatus.NOT_FOUND}:
                raise Stale(f"item in {container.name}") from failed
            raise
        return
    raise KeptChanging
