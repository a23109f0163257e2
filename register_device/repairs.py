"""Repairs: registrations that were cut off and that nobody has repeated are completed, or taken back."""

import contextlib
from collections import Counter
from datetime import datetime, timedelta
from typing import Final

from register_device import ownership
from register_device.ownership import DEVICE_ITEM
from shared import clock, data_map
from shared.cosmos import Database, Delete, Item, Stale
from shared.gate import Erased, NarrowingJournal, change_policy, write_behind_gate

REPAIRED_AFTER: Final = timedelta(minutes=5)
"""A registration takes seconds, and a monitor repeats one that was cut off within minutes."""

AT_ONCE: Final = 100


async def repair_links(*, database: Database, journal: NarrowingJournal, now: datetime) -> Counter[str]:
    """Complete or remove the links that have been pending for long; return how many came to which end."""
    query = "SELECT TOP @most * FROM c WHERE c.pendingSince <= @before"
    before = {"before": clock.text(now - REPAIRED_AFTER), "most": AT_ONCE}
    pending = [link async for link in database["people"].query(query, before)]
    ends: Counter[str] = Counter()
    for link in pending:
        ends[await _repaired(link, database=database, journal=journal, now=now)] += 1
    return ends


async def _repaired(link: Item, *, database: Database, journal: NarrowingJournal, now: datetime) -> str:
    device = await database["devices"].read(link["deviceId"], DEVICE_ITEM)
    past = await database["devices"].read(link["deviceId"], f"past:{link['ownershipId']}")
    if device is not None and (past is not None or device.get("ownershipId") == link["ownershipId"]):
        await ownership.finish(device, database=database, journal=journal, now=now)
        return "completed"
    # Nobody owns it under this link. Its claim may still be shown again while it is kept, and would resume it.
    if now < clock.moment(link["pendingSince"]) + data_map.retention("claims", "claim") + REPAIRED_AFTER:
        return "waited for"
    with contextlib.suppress(LookupError):  # it was cut off before it had a gate
        await change_policy(
            database["telemetry"],
            link["ownershipId"],
            lambda policy: ownership.ended(policy, end=policy.start),
            journal=journal,
            now=now,
        )
    try:
        await write_behind_gate(database["people"], link["personId"], [Delete(link["id"])])
    except (Erased, Stale):
        return "gone already"
    return "removed"
