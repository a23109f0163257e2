"""Repairs: what was cut off and nobody has repeated is completed: registrations, or else taken back, and their ends."""

import contextlib
from collections import Counter
from datetime import datetime, timedelta
from typing import Final

from register_device import ownership
from shared import clock, data_map, ending_ownership
from shared.cosmos import Database, Delete, Item, Replace, Stale, declared
from shared.ending_ownership import DEVICE_ITEM
from shared.gate import Erased, NarrowingJournal, change_policy, write_behind_gate
from shared.turns import Turns

REPAIRED_AFTER: Final = timedelta(minutes=5)
"""A registration takes seconds, and a monitor repeats one that was cut off within minutes."""

AT_ONCE: Final = 100


async def repair(*, database: Database, journal: NarrowingJournal, now: datetime) -> Counter[str]:
    """Finish what was cut off: ownerships that have ended, and links that are pending; return what became of them.

    The fault of one does not keep the others.

    Raises:
        Exception: the first fault, after all others were tried.
    """
    turns = Turns()
    for container, kind, mend in (("devices", "pastOwnership", _settled), ("people", "link", _repaired)):
        # The oldest first; what has to wait is put behind the others, so that nothing waits for it.
        query = "SELECT TOP @most * FROM c WHERE c.pendingSince <= @before AND c.type = @kind ORDER BY c.pendingSince"
        before = {"before": clock.text(now - REPAIRED_AFTER), "most": AT_ONCE, "kind": kind}
        pending = [item async for item in database[container].query(query, before)]
        for item in pending:
            await turns.take(mend(item, database=database, journal=journal, now=now))
    return turns.ended()


async def _settled(past: Item, *, database: Database, journal: NarrowingJournal, now: datetime) -> str:
    await ending_ownership.settle(past["deviceId"], database=database, journal=journal, now=now)
    return "settled"


async def _repaired(link: Item, *, database: Database, journal: NarrowingJournal, now: datetime) -> str:
    device = await database["devices"].read(link["deviceId"], DEVICE_ITEM)
    past = await database["devices"].read(link["deviceId"], f"past:{link['ownershipId']}")
    if device is not None and (past is not None or device.get("ownershipId") == link["ownershipId"]):
        await ownership.finish(device, database=database, journal=journal, now=now)
        return "completed"
    # Nobody owns it under this link. Its claim may still be shown again while it is kept, and would resume it.
    if now < clock.moment(link["since"]) + data_map.retention("claims", "claim") + REPAIRED_AFTER:
        waiting = declared(link) | {"pendingSince": clock.text(now)}
        with contextlib.suppress(Erased, Stale):  # it has changed, and is looked at the next time
            await write_behind_gate(database["people"], link["personId"], [Replace(waiting, link["_etag"])])
        return "waited for"
    with contextlib.suppress(LookupError):  # it was cut off before it had a gate
        await change_policy(
            database["telemetry"],
            link["ownershipId"],
            lambda policy: ending_ownership.ended(policy, end=policy.start),
            journal=journal,
            now=now,
        )
    try:
        await write_behind_gate(database["people"], link["personId"], [Delete(link["id"])])
    except (Erased, Stale):
        return "gone already"
    return "removed"
