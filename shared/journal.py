"""The journal of narrowing changes: what a database restored from a backup must not forget.

Every change that makes a policy admit less (an end, a withdrawal, an objection, an erasure) is written create-only into
blobs that nobody can change, before its success is told. A database older than the newest entry was restored: it
serves nothing until `python -m export_user_data replay-erasures` has narrowed it again. Entries hold random ids only.
"""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, Self

from shared import clock, data_map
from shared.blobs import JOURNAL, Blobs
from shared.cosmos import Conflict, Container, Database, Delete
from shared.gate import change_epoch, create_gate, load_policy
from shared.policy import Policy
from shared.standing import records_of, remembered

PREFIX: Final = "narrowed/"
EPOCH_STRIDE: Final = 1_000_000
"""How far a replay raises every epoch: beyond any that a token of before the restore can carry."""

_LATEST_MS: Final = 10**16
_PURGE_AT_ONCE: Final = 100


class RestoredDatabase(Exception):
    """The database is older than the newest entry of the journal: run `python -m export_user_data replay-erasures`."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One narrowing change: the policy that was in force after it."""

    container: str
    partition: str
    policy: Policy

    @property
    def name(self) -> str:
        """Its blob's name; the time is counted backwards, so that the newest is listed first."""
        changed_at = self.policy.changed_at or self.policy.start
        backwards = _LATEST_MS - int(changed_at.timestamp() * 1000)
        return f"{PREFIX}{backwards:016d}-{self.partition}-{self.policy.epoch}.json"

    def written(self) -> bytes:
        """Its blob's content."""
        return json.dumps(
            {
                "container": self.container,
                "partition": self.partition,
                "policy": self.policy.stored(),
            }
        ).encode()

    @classmethod
    def read(cls, content: bytes) -> Self:
        """Read what `written` wrote."""
        written: dict[str, Any] = json.loads(content)
        return cls(written["container"], written["partition"], Policy.from_claims(written["policy"]))


class Journal:
    """The journal in its blobs."""

    def __init__(self, blobs: Blobs) -> None:
        """Take the blobs."""
        self._blobs = blobs

    async def narrowed(self, container: str, partition: str, policy: Policy) -> None:
        """Write a change; a repeat changes nothing."""
        entry = Entry(container, partition, policy)
        try:
            await self._blobs.create(JOURNAL, entry.name, entry.written())
        except Conflict:
            return

    async def newest(self) -> Entry | None:
        """The last change, or None."""
        async for name in self._blobs.names(JOURNAL, PREFIX):
            return await self._entry(name)
        return None

    async def entries(self) -> AsyncIterator[Entry]:
        """Every change, the newest first."""
        async for name in self._blobs.names(JOURNAL, PREFIX):
            yield await self._entry(name)

    async def _entry(self, name: str) -> Entry:
        content = await self._blobs.read(JOURNAL, name)
        if content is None:
            raise LookupError("a journal entry that was listed is gone: the journal must be immutable")
        return Entry.read(content)


async def refuse_restored(database: Database, journal: Journal) -> None:
    """Let a database pass that knows the newest change.

    Raises:
        RestoredDatabase: it does not.
    """
    newest = await journal.newest()
    if newest is None:
        return
    try:
        policy = await load_policy(database[newest.container], newest.partition)
    except LookupError as error:
        raise RestoredDatabase from error
    if policy.epoch < newest.policy.epoch:
        raise RestoredDatabase


Again = Callable[[Entry], Awaitable[None]]
"""Erases again what was tied to a partition of which everything, or a category, was erased."""


async def _nothing_elsewhere(_entry: Entry) -> None:
    """What was erased lay in its own partition alone."""


async def replay(database: Database, journal: Journal, *, now: datetime, again: Again = _nothing_elsewhere) -> int:
    """Narrow a restored database again, raise every epoch, and purge what was erased; return the number of entries.

    It may be cut off and run again at any point. The partition of the newest entry, by which a restored database is
    known, comes last and is done in one change: until then the database is refused.
    """
    latest: dict[tuple[str, str], Entry] = {}  # one per partition, since an entry holds the whole policy
    count = 0
    async for entry in journal.entries():
        count += 1
        partition = entry.container, entry.partition
        latest[partition] = max(latest.get(partition, entry), entry, key=_weight)
    newest = next(iter(latest), None)
    for partition, entry in latest.items():
        if partition != newest:
            await _narrow(entry, database, again, now=now)
    for name in ("people", "telemetry"):
        container = database[name]
        async for gate in container.query("SELECT * FROM c WHERE c.id = 'gate'"):
            gated = name, str(gate[container.partition_key])
            if gated != newest:
                await change_epoch(container, gated[1], lambda policy: policy, by=EPOCH_STRIDE, now=now)
            if name == "people":
                await _remember(gated[1], latest.get(gated), database, now=now)
    if newest is not None:
        await _narrow(latest[newest], database, again, now=now)
    return count


async def _remember(person_id: str, entry: Entry | None, database: Database, *, now: datetime) -> None:
    """Keep a record of each restriction and hold that the restored database does not know."""
    people = database["people"]
    policy = await load_policy(people, person_id)
    if entry is not None:
        policy = intersection(policy, entry.policy)
    if policy.tombstone or not (policy.store_only or policy.held):
        return
    for record in remembered(person_id, policy, await records_of(person_id, people=people), now):
        await people.create(record)


def _weight(entry: Entry) -> tuple[bool, int]:
    return entry.policy.tombstone, entry.policy.epoch


async def _narrow(entry: Entry, database: Database, again: Again, *, now: datetime) -> None:
    """Narrow one partition and raise its epoch, in one change.

    A gate that has the entry's epoch knows of it already, and what was opened afterwards stays open: that is so when
    the backup is younger than the entry, and when a replay that was cut off is run again.
    """
    container = database[entry.container]
    if entry.policy.tombstone:
        await again(entry)
        await purge(container, entry.partition)
    elif entry.policy.erased_through and not await _is_known(entry, container):
        await again(entry)
        for category, through in entry.policy.erased_through.items():
            await _purge_category(container, entry.partition, category, through)

    def narrowed(policy: Policy) -> Policy:
        is_known = policy.epoch >= entry.policy.epoch and not entry.policy.tombstone
        return policy if is_known else intersection(policy, entry.policy)

    try:
        await change_epoch(container, entry.partition, narrowed, by=EPOCH_STRIDE, now=now)
    except LookupError:  # it began after the backup: nothing is known of it, so nothing of it is admitted
        tombstone = replace(entry.policy, tombstone=True, epoch=entry.policy.epoch + EPOCH_STRIDE, changed_at=now)
        await create_gate(container, entry.partition, tombstone)


def intersection(policy: Policy, narrowed: Policy) -> Policy:
    """What both admit."""
    ends = [end for end in (policy.end, narrowed.end) if end is not None]
    windows = {
        category: tuple(
            replace(window, end=_earlier(window.end, other.end))
            for window in of_category
            for other in narrowed.windows.get(category, ())
            if other.start == window.start
        )
        for category, of_category in policy.windows.items()
    }
    erased = {**policy.erased_through}
    for category, moment in narrowed.erased_through.items():
        erased[category] = max(moment, erased.get(category, moment))
    return replace(
        policy,
        end=min(ends, default=None),
        windows=windows,
        erased_through=erased,
        store_only=policy.store_only | narrowed.store_only,
        held=policy.held | narrowed.held,
        objected=policy.objected | narrowed.objected,
        consented=policy.consented & narrowed.consented,
        tombstone=policy.tombstone or narrowed.tombstone,
    )


async def _is_known(entry: Entry, container: Container) -> bool:
    try:
        return (await load_policy(container, entry.partition)).epoch >= entry.policy.epoch
    except LookupError:
        return False


def _earlier(one: datetime | None, other: datetime | None) -> datetime | None:
    return min((end for end in (one, other) if end is not None), default=None)


async def purge(container: Container, partition: str) -> int:
    """Delete everything of a partition but its gate and marker; return how many items that were."""
    query = "SELECT c.id FROM c WHERE c.type NOT IN ('gate', 'marker')"
    ids = [item["id"] async for item in container.query(query, partition=partition)]
    return await _delete(ids, container, partition)


async def _purge_category(container: Container, partition: str, category: str, through: datetime) -> int:
    """Delete what was received of a category until then, and what was not understood until then."""
    records = data_map.CONTAINERS[container.name].records.items()
    names = [name for name, record in records if record.category == category or name == "attributableMalformed"]
    query = f"SELECT c.id FROM c WHERE {data_map.until(container.name, names)}"  # noqa: S608 - names of the data map
    found = container.query(query, {"through": clock.text(through)}, partition=partition)
    return await _delete([item["id"] async for item in found], container, partition)


async def _delete(ids: list[str], container: Container, partition: str) -> int:
    for start in range(0, len(ids), _PURGE_AT_ONCE):
        await container.batch(partition, [Delete(item_id) for item_id in ids[start : start + _PURGE_AT_ONCE]])
    return len(ids)
