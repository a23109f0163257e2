"""The job that keeps what a restriction or a hold covers from expiring, and lets it go when nothing keeps it any more.

It has no direction of its own: it brings every item to what stands for its person when it comes to it, what expires
first before the rest. Should that change under a step, it begins anew. So however many such jobs run, and wherever one
was cut off, the last one to look leaves every item as it should be.
"""

import hashlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any, Final

from export_user_data.restriction.records import ownerships_of
from shared import clock, data_map
from shared.cosmos import BatchFailed, Container, Database, Delete, Item, Operation, Read, Replace
from shared.data_map import CONTAINERS, Record
from shared.gate import load_policy, marker_id
from shared.hubs import Hub
from shared.injection import reached
from shared.jobs import Cursor, Later, Lease, Stepped, start_job
from shared.kept_items import kept
from shared.standing import Standing, standing
from shared.statistics import recompute_open

KIND: Final = "keepData"
AT_ONCE: Final = 25
BYTES_AT_ONCE: Final = 1_000_000
"""Half of what the store takes in one batch."""

URGENT: Final = timedelta(days=2)
"""What expires within this time comes first, wherever it lies."""

SETTLED_AFTER: Final = timedelta(seconds=10)
"""A write that was decided before the gate changed may still end for 5 s; what is let go waits for it."""

_TELEMETRY: Final = (
    "SELECT * FROM c WHERE c.type = @type AND c.{dated} >= @after AND c.{dated} <= @latest AND {wrong} "
    "ORDER BY c.{dated}"
)
_EXPIRING: Final = "SELECT * FROM c WHERE IS_DEFINED(c.expiresAt)"
_LATEST: Final = "9999"


@dataclass(frozen=True, slots=True)
class Place:
    """One partition with items of a person."""

    container: str
    partition: str
    ownership_ids: frozenset[str] = frozenset()
    """The person's periods of ownership: the items of others at the same device are not theirs."""

    @property
    def name(self) -> str:
        """How the cursor knows it, and in which order they come."""
        return f"{self.container}/{self.partition}"


async def start(found: Item, *, is_lifted: bool, database: Database, hub: Hub, now: datetime) -> None:
    """Start the work that a record asks for today; a repeat starts nothing twice."""
    name = f"{KIND}\n{found['personId']}\n{found['id']}\n{is_lifted}\n{found.get('liftsAt')}\n{now.date().isoformat()}"
    job_id = hashlib.sha256(name.encode()).hexdigest()[:32]
    details = {"lifted": is_lifted}
    await start_job(KIND, found["personId"], details, jobs=database["jobs"], hub=hub, now=now, job_id=job_id)


async def keep_some(lease: Lease, *, database: Database, hub: Hub) -> Stepped:
    """Bring the next items to what stands; those that expire soon come first."""
    cursor, now, person_id = lease.cursor, lease.now(), lease.item["personId"]
    settled_at = clock.moment(lease.item["createdAt"]) + SETTLED_AFTER
    if lease.item["lifted"] and now < settled_at:
        return Later(cursor, settled_at)
    places = await _places(person_id, database=database)
    place = next((one for one in places if one.name >= cursor.get("place", "")), None)
    lasting = {"rest": cursor.get("rest", False), "unmarked": cursor.get("unmarked", [])}
    if place is None and lasting["rest"]:
        await _count_unmarked(lease, database=database, hub=hub)
        return None
    if place is None:
        return lasting | {"rest": True}
    # In this order: what stands may change after it was read, and then the lock fails, or what is read below differs.
    lock = await _lock(place, database)
    stands = await standing(person_id, people=database["people"], now=now)
    after = cursor.get("after", {})
    before = None if lasting["rest"] else now + URGENT
    found = await _next_items(place, stands, after, database, before=before)
    if lock is None or not found:
        return lasting | {"place": f"{place.name}/"}
    if any("storeOnly" in item for item in found):
        lasting["unmarked"] = sorted({*lasting["unmarked"], place.partition})
    is_done = await _write(place, lock, found, stands, database, now)
    await reached("restriction.kept")
    if not is_done or await standing(person_id, people=database["people"], now=now) != stands:
        return lasting | {"rest": False}
    return lasting | {"place": place.name, "after": after | {item["type"]: _dated(place, item) for item in found}}


async def _count_unmarked(lease: Lease, *, database: Database, hub: Hub) -> None:
    """Count what is used again since its mark has gone."""
    for ownership_id in lease.cursor.get("unmarked", ()):
        await recompute_open(ownership_id, lease.item["jobId"], database=database, hub=hub, now=lease.now())


async def _lock(place: Place, database: Database) -> list[Operation] | None:
    """What fails with the batch when the policy of the place has changed; None where everything was erased.

    A device has no policy: it belongs to one person after the other.
    """
    if place.container == "devices":
        return []
    try:
        policy = await load_policy(database[place.container], place.partition)
    except LookupError:
        return None
    return None if policy.tombstone else [Read(marker_id(policy.epoch))]


async def _places(person_id: str, *, database: Database) -> list[Place]:
    links = await ownerships_of(person_id, people=database["people"])
    ownership_ids = frozenset(link["ownershipId"] for link in links)
    places = [Place("people", person_id)]
    places += [Place("devices", device_id, ownership_ids) for device_id in {link["deviceId"] for link in links}]
    places += [Place("telemetry", ownership_id) for ownership_id in ownership_ids]
    return sorted(places, key=lambda place: place.name)


async def _next_items(
    place: Place, stands: Standing, after: Cursor, database: Database, *, before: datetime | None
) -> list[Item]:
    """The next items of a place that are not as they should be, what expires first at the head."""
    container = database[place.container]
    found: list[Item] = []
    if place.container == "telemetry":
        for name, record in _kept_records(place).items():
            found += await _some(_of_record(name, record, place, stands, after, container, before))
    else:
        query = container.query(_EXPIRING, partition=place.partition)
        found += [item async for item in query if _is_wrong(item, place, stands, before)]
    return _within_a_batch(sorted(found, key=lambda item: (str(item["expiresAt"]), str(item["id"]))))


async def _some(items: AsyncIterator[Item]) -> list[Item]:
    found: list[Item] = []
    async for item in items:
        found.append(item)
        if len(found) == AT_ONCE:
            break
    return found


async def _of_record(
    name: str,
    record: Record,
    place: Place,
    stands: Standing,
    after: Cursor,
    container: Container,
    before: datetime | None,
) -> AsyncIterator[Item]:
    """Items of one record in the order in which they expire: they are kept equally long, and received in an order."""
    kept_by = stands.keeps(place.partition, record.category.value)
    wrong = "IS_DEFINED(c.keptBy)" if kept_by is None else "(NOT IS_DEFINED(c.keptBy) OR c.keptBy != @kept)"
    if not _is_restricted(stands, place.partition, record):
        wrong = f"({wrong} OR IS_DEFINED(c.storeOnly))"
    latest = _LATEST if before is None else clock.text(before - data_map.retention(place.container, name))
    parameters = {"type": name, "after": after.get(name, ""), "latest": latest, "kept": kept_by or ""}
    query = _TELEMETRY.format(dated=record.dated_from, wrong=wrong)
    async for item in container.query(query, parameters, partition=place.partition):
        yield item


def _kept_records(place: Place) -> dict[str, Record]:
    records = CONTAINERS[place.container].records
    return {name: record for name, record in records.items() if "keptBy" in record.fields}


def _is_restricted(stands: Standing, ownership_id: str | None, record: Record) -> bool:
    return any(one.covers(ownership_id, record.category.value) for one in stands.restrictions)


def _is_wrong(item: Item, place: Place, stands: Standing, before: datetime | None) -> bool:
    record = _kept_records(place).get(item["type"])
    is_theirs = place.container == "people" or item.get("ownershipId") in place.ownership_ids
    if record is None or not is_theirs or (before is not None and clock.moment(item["expiresAt"]) > before):
        return False
    return stands.keeps(item.get("ownershipId"), record.category.value) != item.get("keptBy")


def _within_a_batch(items: list[Item]) -> list[Item]:
    size = 0
    for number, item in enumerate(items[:AT_ONCE]):
        size += len(json.dumps(item))
        if number and size > BYTES_AT_ONCE:
            return items[:number]
    return items[:AT_ONCE]


def _dated(place: Place, item: Item) -> Any:
    return item[str(CONTAINERS[place.container].records[item["type"]].dated_from)]


async def _write(
    place: Place, lock: list[Operation], items: list[Item], stands: Standing, database: Database, now: datetime
) -> bool:
    """Write them in one batch; False when the policy has changed.

    An item that has changed meanwhile is left out: it is found again by the next step, or when its record is looked at
    again.
    """
    operations = [_operation(place, item, stands, now) for item in items]
    while operations:
        try:
            await database[place.container].batch(place.partition, [*lock, *operations])
        except BatchFailed as failed:
            if failed.status not in {HTTPStatus.NOT_FOUND, HTTPStatus.PRECONDITION_FAILED}:
                raise
            if failed.index < len(lock):
                return False
            del operations[failed.index - len(lock)]
            continue
        break
    return True


def _operation(place: Place, item: Item, stands: Standing, now: datetime) -> Operation:
    record = data_map.record(place.container, item["type"])
    ownership_id = item.get("ownershipId")
    kept_by = stands.keeps(ownership_id, record.category.value)
    written = kept(place.container, item, kept_by, now=now)
    if written is None:
        return Delete(item["id"], item["_etag"])
    if not _is_restricted(stands, ownership_id, record):
        written.pop("storeOnly", None)
    return Replace(written, item["_etag"])
