"""The walk over everything held about a person, derived from the data map: the same containers, records and fields."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from shared import data_map
from shared.cosmos import Database, Item
from shared.data_map import READINGS, Record
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
