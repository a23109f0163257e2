"""Storing a batch of hub events: what can be is stored once, what cannot be read is quarantined, nothing is lost.

Events of one ownership are decided together under the highest epoch among them and written in transactional batches,
each of which reads the marker of that epoch: a batch decided under a policy that has changed fails as a whole and is
decided again. An outage of the store is raised once all that can be stored is; the trigger's retry policy brings the
whole batch again, and repeats are harmless.
"""

import asyncio
from collections.abc import Coroutine, Sequence
from datetime import datetime
from typing import Any, Final

from ingest_telemetry.items import admit, set_aside
from ingest_telemetry.messages import HubEvent, Malformed, Message, attributed_to, message_of
from ingest_telemetry.outcome import Outcome
from ingest_telemetry.quarantine import Quarantine
from ingest_telemetry.writing import Pending, write
from shared.clock import Clock, system_clock
from shared.cosmos import Database
from shared.counters import Counters
from shared.gate import KeptChanging, load_policy
from shared.injection import reached
from shared.policy import Policy

CONCURRENT_OWNERSHIPS: Final = 16
DECISIONS_LIMIT: Final = 3
"""How often a batch is decided again when its policy changed under it, before it is raised."""

INVOCATION_LIMIT_S: Final = 120
"""A batch that takes longer is raised and comes again. The host ends an invocation after its functionTimeout, and the
stream goes on behind a batch that was ended so: this bound must stay well below."""

_Read = tuple[HubEvent, Message | Malformed]


async def store_events(
    events: Sequence[HubEvent], *, database: Database, counters: Counters | None = None, now: Clock = system_clock
) -> Outcome:
    """Store or quarantine every event of a batch. One that fails does not keep its neighbours from being stored.

    Raises:
        ExceptionGroup: the store failed, the quarantine is full or a policy kept changing; the batch must come again.
        TimeoutError: it took too long; the batch must come again.
    """
    outcome, written_at = Outcome(events=len(events), counters=counters), now()
    quarantine = Quarantine(database["quarantine"], outcome, written_at)
    by_ownership: dict[str, list[_Read]] = {}
    limit = asyncio.Semaphore(CONCURRENT_OWNERSHIPS)
    work: list[Coroutine[Any, Any, None]] = []
    for event in events:
        read = _read(event)
        owner = read.ownership_id
        if owner is None:
            work.append(_set_aside(event, read, quarantine, limit))
        else:
            by_ownership.setdefault(owner, []).append((event, read))
    work.extend(
        _store_ownership(owner, owned, database, outcome, limit, written_at) for owner, owned in by_ownership.items()
    )
    async with asyncio.timeout(INVOCATION_LIMIT_S):
        ends = await asyncio.gather(*work, return_exceptions=True)
    failures = [end for end in ends if isinstance(end, BaseException)]
    if failures:
        raise BaseExceptionGroup("events that could not be stored yet", failures)
    return outcome


def _read(event: HubEvent) -> Message | Malformed:
    try:
        return message_of(event)
    except Malformed as malformed:
        return malformed
    except Exception:  # noqa: BLE001 - the outermost edge of one event: it is kept in quarantine, and no other waits for it
        return Malformed("unreadable", attributed_to(event))


async def _set_aside(
    event: HubEvent, read: Message | Malformed, quarantine: Quarantine, limit: asyncio.Semaphore
) -> None:
    reason = read.reason if isinstance(read, Malformed) else "unattributable"
    async with limit:
        await quarantine.set_aside(event, reason)


async def _store_ownership(
    ownership_id: str,
    owned: Sequence[_Read],
    database: Database,
    outcome: Outcome,
    limit: asyncio.Semaphore,
    now: datetime,
) -> None:
    async with limit:
        telemetry = database["telemetry"]
        messages = [read for _, read in owned if isinstance(read, Message)]
        policy = max((message.policy for message in messages), key=lambda policy: policy.epoch, default=None)
        for _ in range(DECISIONS_LIMIT):
            try:
                policy = policy or await load_policy(telemetry, ownership_id)
            except LookupError:
                outcome.refuse({"no_gate": len(owned)})
                return
            pending, refused = _decided(ownership_id, owned, policy, now)
            await reached("ingest.decided")
            if await write(ownership_id, pending, policy, telemetry, outcome):
                outcome.refuse(refused)
                return
            policy = None  # it has changed: load the one in force
    raise KeptChanging


def _decided(
    ownership_id: str, owned: Sequence[_Read], policy: Policy, now: datetime
) -> tuple[list[Pending], dict[str, int]]:
    """What is to be stored of all events under a policy, and how many readings are refused, by reason."""
    pending: list[Pending] = []
    refused: dict[str, int] = {}
    for event, read in owned:
        if isinstance(read, Malformed):
            pending.append(Pending(set_aside(event, read.reason, ownership_id, policy, now), event, now, policy))
            continue
        try:
            admitted = admit(read, policy, now=now)
        except Exception:  # noqa: BLE001 - the outermost edge of one event: it is kept in quarantine, and no other waits for it
            item = set_aside(event, "undecidable", ownership_id, policy, now)
            pending.append(Pending(item, event, now, policy))
            continue
        pending.extend(Pending(item, event, now, policy) for item in admitted.items)
        for reason, count in admitted.refused.items():
            refused[reason] = refused.get(reason, 0) + count
    if policy.tombstone:
        pending = []  # nothing of an erased ownership is kept, not even what cannot be read
    return pending, refused
