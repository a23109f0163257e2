"""Expiry of what the data map blocks: found when its time is over, sealed into the vault, then deleted where it lay.

What the data map destroys is deleted by the database itself. What a restriction or a legal hold keeps has no TTL, and
is left alone until that is over.
"""

import hashlib
from collections import Counter
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Final

from shared import clock, data_map
from shared.clock import Clock
from shared.cosmos import BatchFailed, Container, Database, Delete, Item, declared
from shared.ending_ownership import DEVICE_ITEM
from shared.injection import reached
from shared.standing import standing
from shared.turns import Turns
from shared.vault import VaultStore, block

RUN_LIMIT: Final = timedelta(minutes=4)
"""After so long a run leaves the rest to the next one, which has days for it."""


def blocked_records() -> dict[str, list[str]]:
    """Per container the records that are blocked when their time is over."""
    found: dict[str, list[str]] = {}
    for container, definition in data_map.CONTAINERS.items():
        for name, record in definition.records.items():
            if record.retention is not None and data_map.blocking(record) is not None:
                found.setdefault(container, []).append(name)
    return found


def is_kept(item: Item) -> bool:
    """Whether a restriction or a legal hold keeps it although its time is over."""
    return "keptBy" in item or item.get("ttl", 0) < 0


async def block_expired(*, vault: VaultStore, now: Clock) -> Counter[str]:
    """Move what has expired into the vault; return what became of it. The fault of one item does not keep the others.

    Raises:
        Exception: the first fault, after all others were tried.
    """
    turns = Turns()
    last_start = now() + RUN_LIMIT
    for name, records in blocked_records().items():
        container = vault.database[name]
        # The types are names of the data map; of what has not expired the index keeps the query away.
        types = ", ".join(f"'{record}'" for record in records)
        query = f"SELECT * FROM c WHERE c.expiresAt <= @now AND c.type IN ({types})"  # noqa: S608
        async for item in container.query(query, {"now": clock.text(now())}):
            if now() >= last_start:
                break  # the next run sees the rest
            await turns.take(_move(item, container, vault=vault, now=now))
    return turns.ended()


async def _move(item: Item, container: Container, *, vault: VaultStore, now: Clock) -> str:
    if is_kept(item):
        return "kept"
    person_id = await _person_of(item, vault.database)
    if person_id is not None and await _must_stay(person_id, item, container, vault.database, now()):
        return "kept"
    partition = str(item[container.partition_key])
    # One case for all that one period of ownership lets expire in a month; a repeat seals the item as the same part.
    name = f"expiry\n{container.name}\n{partition}\n{item.get('ownershipId', '')}"
    await block(
        hashlib.sha256(name.encode()).hexdigest()[:32],
        hashlib.sha256(item["id"].encode()).hexdigest()[:32],
        [(container.name, declared(item))],
        ground="expiry",
        person_id=person_id,
        vault=vault,
        now=now(),
    )
    await reached("expiry.blocked")
    try:
        await container.batch(partition, [Delete(item["id"], item["_etag"])])
    except BatchFailed as failed:
        if failed.status not in {HTTPStatus.NOT_FOUND, HTTPStatus.PRECONDITION_FAILED}:
            raise
        return "changed meanwhile"  # kept by a hold, or dated anew: the next run sees it
    return "blocked"


async def _must_stay(person_id: str, item: Item, container: Container, database: Database, now: datetime) -> bool:
    """Whether a restriction or a hold keeps it whose job has not come to it yet."""
    stands = await standing(person_id, people=database["people"], now=now)
    category = data_map.record(container.name, item["type"]).category
    return stands.keeps(item.get("ownershipId"), category) is not None


async def _person_of(item: Item, database: Database) -> str | None:
    """Whose it is: named in it, or the owner of the period that it belongs to."""
    if "personId" in item:
        return str(item["personId"])
    if "deviceId" not in item or "ownershipId" not in item:
        return None
    devices = database["devices"]
    device = await devices.read(item["deviceId"], DEVICE_ITEM)
    if device is not None and device.get("ownershipId") == item["ownershipId"]:
        return str(device["ownerPersonId"]) if "ownerPersonId" in device else None
    past = await devices.read(item["deviceId"], f"past:{item['ownershipId']}")
    return str(past["ownerPersonId"]) if past is not None else None
