"""The gate: what may be stored for one person or one period of ownership, and the marker that locks it.

The gate item holds the policy under an epoch; beside it lies the marker item of that epoch. Whoever writes telemetry
reads the marker in the same transactional batch, so a write decided under an older policy fails as a whole. A change
replaces gate and marker in one batch.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from http import HTTPStatus
from random import SystemRandom
from typing import Any, Final, Protocol, Self

from shared import clock
from shared.cosmos import BatchFailed, Conflict, Container, Create, Delete, Operation, Read, Replace, Stale
from shared.injection import reached

WINDOWS_KEPT: Final = 8
"""Windows per category that a policy carries: it bounds the size of a device token."""

CLOCK_TOLERANCE: Final = timedelta(minutes=5)
"""How far a clock may be off and still count as right."""

Change = Callable[["Policy"], "Policy"]

GATE: Final = "gate"
"""Id of the gate item in its partition."""

_CHANGES_TRIED: Final = 10
_FIRST_PAUSE_S: Final = 0.005
_PAUSE_LIMIT_S: Final = 0.2

_random = SystemRandom()


@dataclass(frozen=True, slots=True)
class Window:
    """A time during which a category is collected: from, and until (None: open)."""

    start: datetime
    end: datetime | None = None

    def holds(self, moment: datetime) -> bool:
        """Whether the moment lies in it; the end is outside."""
        return self.start <= moment and (self.end is None or moment < self.end)


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What one ownership admits, under one epoch."""

    epoch: int
    start: datetime
    end: datetime | None = None
    windows: Mapping[str, tuple[Window, ...]] = field(default_factory=dict)
    tombstone: bool = False
    changed_at: datetime | None = None
    """When this epoch began; stored with the gate, and not carried by tokens."""

    def refusal(self, category: str, observed_at: datetime, received_at: datetime) -> str | None:
        """Why a reading of a category may not be stored; None when it may.

        It must lie in the period of ownership, and in a window of its category. What was observed before the end of
        a period but received after it is refused as well: the monitor belongs to somebody else by then. Nothing can
        have been observed after it was received: it would wait there for a window to come.
        """
        if self.tombstone or not Window(self.start, self.end).holds(observed_at):
            return "outside_ownership"
        if self.end is not None and received_at >= self.end:
            return "outside_ownership"
        if observed_at > received_at + CLOCK_TOLERANCE:
            return "observed_in_future"
        if not any(window.holds(observed_at) for window in self.windows.get(category, ())):
            return "category_not_open"
        return None

    def open_at(self, moment: datetime) -> list[str]:
        """The categories that are collected at a moment."""
        return [
            category for category, windows in self.windows.items() if any(window.holds(moment) for window in windows)
        ]

    def with_window(self, category: str, window: Window) -> Self:
        """The policy with one more window of a category; those that end first are let go."""
        windows = (*self.windows.get(category, ()), window)
        lasting = sorted(windows, key=lambda one: (one.end is None, one.end or one.start))[-WINDOWS_KEPT:]
        kept = tuple(one for one in windows if one in lasting)
        return replace(self, windows={**self.windows, category: kept})

    def without_window(self, category: str, begun: datetime) -> Self:
        """The policy without the window of a category that begun then: what was observed in it is refused as well."""
        windows = tuple(window for window in self.windows.get(category, ()) if window.start != begun)
        return replace(self, windows={**self.windows, category: windows})

    def claims(self) -> dict[str, Any]:
        """The policy as it is stored, put into tokens and stamped on events."""
        written: dict[str, Any] = {
            "epoch": self.epoch,
            "start": clock.text(self.start),
            "windows": {
                category: [
                    [clock.text(window.start)]
                    if window.end is None
                    else [clock.text(window.start), clock.text(window.end)]
                    for window in windows
                ]
                for category, windows in self.windows.items()
            },
        }
        if self.end is not None:
            written["end"] = clock.text(self.end)
        if self.tombstone:
            written["tombstone"] = True
        return written

    def stored(self) -> dict[str, Any]:
        """The policy as the gate holds it."""
        return self.claims() | ({"changedAt": clock.text(self.changed_at)} if self.changed_at else {})

    def is_narrower_than(self, other: Self) -> bool:
        """Whether it refuses anything that the other one admits."""
        if (self.tombstone and not other.tombstone) or (self.end is not None and self.end != other.end):
            return True
        return any(
            not set(windows) <= set(self.windows.get(category, ())) for category, windows in other.windows.items()
        )

    @classmethod
    def from_claims(cls, written: Mapping[str, Any]) -> Self:
        """Read what `claims` wrote."""
        return cls(
            epoch=int(written["epoch"]),
            start=clock.moment(written["start"]),
            end=clock.moment(written["end"]) if written.get("end") else None,
            windows={
                category: tuple(Window(*(clock.moment(edge) for edge in window)) for window in windows)
                for category, windows in written["windows"].items()
            },
            tombstone=bool(written.get("tombstone", False)),
            changed_at=clock.moment(written["changedAt"]) if "changedAt" in written else None,
        )


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
    container: Container, partition: str, change: Change, *, journal: NarrowingJournal, now: datetime
) -> Policy:
    """Replace the policy under the next epoch: a write decided under an older one fails from now on.

    A change that narrows is in the journal when this returns. Cosmos batches are snapshot-isolated: one that read the
    old marker may still commit within the server's limit of 5 s: who purges after a change waits for that.

    Raises:
        LookupError: there is no gate.
        KeptChanging: others kept changing it.
    """
    old, new = await change_epoch(container, partition, change, by=1, now=now)
    # A change that was there already may be one whose journalling was cut off.
    if new == old or new.is_narrower_than(old):
        await reached("gate.changed")
        await journal.narrowed(container.name, partition, new)
    return new


async def change_epoch(
    container: Container, partition: str, change: Change, *, by: int, now: datetime
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
