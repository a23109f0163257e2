"""The walk over everything held about a person, derived from the data map: the same containers, records and fields."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from shared import data_map
from shared.cosmos import Database, Item
from shared.data_map import READINGS, Erasure, Record
from shared.guardianship import item_id
from shared.invitations import place_of
from shared.ledger import CHAIN
from shared.readings import rows
from shared.recipients import notices

_EVERYTHING: Final = "SELECT * FROM c"


@dataclass(frozen=True, slots=True)
class Held:
    """One stored item of a person, as the export shows it."""

    record_name: str
    record: Record
    item: Item
    device_id: str | None


async def held_about(person_id: str, *, database: Database) -> AsyncIterator[Held]:
    """Every item held about a person: the account, what the ledger says, then each period of ownership."""
    async for held in _everything(person_id, database=database):
        if held.record.export is not None and not held.item.get("untold"):
            yield held


async def _everything(person_id: str, *, database: Database) -> AsyncIterator[Held]:
    own: list[Item] = []
    async for item in database["people"].query(_EVERYTHING, partition=person_id):
        own.append(item)
        yield _held("people", item, None)
    for item in own:
        async for held in _named_by(item, database=database):
            yield held
    for link in sorted((item for item in own if item["type"] == "link"), key=lambda link: str(link["since"])):
        if link["role"] == "owner":  # what lies with the device of a guest is its owner's
            async for held in _of_ownership(link, database=database):
                yield held


async def _named_by(item: Item, *, database: Database) -> AsyncIterator[Held]:
    """What lies elsewhere under a name that only the person's own item knows."""
    if item["type"] == "ledgerSubject":
        async for entry in database["ledger"].query(CHAIN, partition=item["ledgerSubject"]):
            yield _held("ledger", entry, None)
    if item["type"] == "recipientsTold":
        for notice in await notices(item["requestId"], jobs=database["jobs"]):
            if notice["event"] == item["event"]:
                yield _held("jobs", notice, None)
    if "contactKey" in item:
        async for entry in database["identities"].query(_EVERYTHING, partition=item["contactKey"]):
            if entry["type"] in {"invitation", "guardianInvitation"}:
                yield _held("identities", entry, None)


async def _of_ownership(link: Item, *, database: Database) -> AsyncIterator[Held]:
    async for item in database["devices"].query(_EVERYTHING, partition=link["deviceId"]):
        if item.get("ownershipId") == link["ownershipId"]:  # others' periods are not shown
            yield _held("devices", item, link["deviceId"])
    async for item in database["telemetry"].query(_EVERYTHING, partition=link["ownershipId"]):
        yield _held("telemetry", item, link["deviceId"])


@dataclass(frozen=True, slots=True)
class Reached:
    """One stored item that an erasure of a person reaches, and what becomes of it."""

    container: str
    partition: str
    item_id: str
    record_name: str
    becomes: Erasure


async def erasure_walk(person_id: str, *, database: Database) -> AsyncIterator[Reached]:
    """Every stored item that an erasure of a person reaches: what an export shows, and the look-ups and jobs behind it.

    It is the walk of a job, never of a request: jobs are found across partitions.
    """
    keys: list[str] = []
    async for held in _everything(person_id, database=database):
        keys += [str(held.item[name]) for name in ("identityKey", "contactKey") if name in held.item]
        keys += held.item.get("pushKeys", ())
        yield _reached(held.record.container, held.item, database)
        if "guardianKey" in held.item:  # the invitation of a minor's guardian, which is not shown to the minor
            asked = await database["identities"].read(held.item["guardianKey"], item_id(held.item["guardianshipId"]))
            if asked is not None:
                yield _reached("identities", asked, database)
        if held.record_name == "link" and held.item["role"] == "guest":
            place = await place_of(held.item["guestId"], held.item["deviceId"], devices=database["devices"])
            if place is not None and place.get("guestPersonId") == person_id:  # the guest's keys, nothing of the owner
                yield _reached("devices", place, database)
    for key in keys:
        entry = await database["identities"].read(key, key)
        if entry is not None and entry["personId"] == person_id:  # a push address may be somebody else's by now
            yield _reached("identities", entry, database)
    async for job in database["jobs"].query("SELECT * FROM c WHERE c.personId = @person", {"person": person_id}):
        yield _reached("jobs", job, database)


def _reached(container: str, item: Item, database: Database) -> Reached:
    name = str(item["type"])
    partition = str(item[database[container].partition_key])
    return Reached(container, partition, item["id"], name, data_map.record(container, name).erasure)


def _held(container: str, item: Item, device_id: str | None) -> Held:
    name = str(item["type"])
    return Held(name, data_map.record(container, name), item, device_id)


def shown(held: Held) -> dict[str, Any]:
    """The fields of an item that the data map exports."""
    return {name: held.item[name] for name, field in held.record.fields.items() if field.exported and name in held.item}


READING_HEAD: Final = ("kind", "observedAt")
READING_TAIL: Final = ("messageId", "sentAt", "receivedAt", "clockOffsetS", "timeQuality", "expiresAt")


def readings(item: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The readings of a columnar item, one object each, with what they share."""
    shared = {name: item[name] for name in READING_TAIL if name in item}
    return [{"kind": kind, **values, **shared} for kind, values in rows(item)]


def reading_columns(category: str) -> list[str]:
    """The columns of a table of readings of a category: every declared field of its kinds."""
    fields = dict.fromkeys(
        name for kind in READINGS.values() if kind.category.value == category for name in kind.fields
    )
    return [*READING_HEAD, *fields, *READING_TAIL]
