"""The walk over everything held about a person, derived from the data map: the same containers, records and fields."""

from collections.abc import AsyncIterator, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from shared import data_map
from shared.cosmos import PAGE_SIZE, Database, Item
from shared.data_map import READINGS, Record
from shared.readings import rows

_LEADING: Final = ("person", "link", "ledgerSubject", "recipientsTold")
"""The person's own items that say where else something of theirs lies."""

_LEADS: Final = "SELECT * FROM c WHERE ARRAY_CONTAINS(@names, c.type)"


@dataclass(frozen=True, slots=True)
class Held:
    """One stored item of a person, as the export shows it."""

    record_name: str
    record: Record
    item: Item
    device_id: str | None


@dataclass(frozen=True, slots=True)
class Place:
    """One partition with items of a person, and which of them are theirs."""

    container: str
    partition: str
    device_id: str | None = None
    only: tuple[str, str] | None = None
    """Field and value that the person's items have there, where others have some as well."""
    order: str | None = None
    """The indexed field that gives the items their order, where it matters."""
    since: str = ""
    """Since when there is something, of places that are many of a kind; it gives them their order."""
    country: str | None = None
    """Of a period of ownership: where the monitor was paired, by which it is known what rests on consent."""

    @property
    def records(self) -> dict[str, Record]:
        """The records there that are shown to the person."""
        declared = data_map.CONTAINERS[self.container].records
        return {name: record for name, record in declared.items() if record.export is not None}


@dataclass(frozen=True, slots=True)
class Shown:
    """Some items of a place, and where the next ones begin; None: there are no others."""

    held: list[Held]
    after: str | None


async def places(person_id: str, *, database: Database) -> list[Place]:
    """Where something of the person lies: their own partition, what only that names, then each period of ownership.

    What lies with the device of a guest is its owner's. The order is that of the times, so a later call gives the same
    places and perhaps more.
    """
    leads: dict[str, list[Item]] = {name: [] for name in _LEADING}
    async for item in database["people"].query(_LEADS, {"names": list(_LEADING)}, partition=person_id):
        leads[item["type"]].append(item)
    found = [Place("people", person_id)]
    found += [Place("ledger", item["ledgerSubject"], order="seq") for item in leads["ledgerSubject"]]
    told = sorted(leads["recipientsTold"], key=lambda item: (item["createdAt"], item["id"]))
    found += [Place("jobs", item["requestId"], only=("event", item["event"]), since=item["createdAt"]) for item in told]
    found += [Place("identities", item["contactKey"]) for item in leads["person"] if "contactKey" in item]
    owned = [link for link in leads["link"] if link["role"] == "owner"]
    for link in sorted(owned, key=lambda link: (link["since"], link["ownershipId"])):
        of_owner = ("ownershipId", link["ownershipId"])
        device_id, since, country = link["deviceId"], link["since"], link.get("country")
        found.append(Place("devices", device_id, device_id, of_owner, since=since, country=country))
        found.append(Place("telemetry", link["ownershipId"], device_id, since=since, country=country))
    return found


async def page_of(
    place: Place,
    after: str | None,
    *,
    database: Database,
    records: Collection[str] | None = None,
    most: int = PAGE_SIZE,
) -> Shown:
    """The next items of a place that are shown to the person, of all records or of some.

    A page may be empty and not the last: what is not to be told is left out of it.
    """
    names = sorted(place.records.keys() if records is None else place.records.keys() & set(records))
    if not names:
        return Shown([], None)
    query = "SELECT * FROM c WHERE ARRAY_CONTAINS(@names, c.type)"
    parameters: dict[str, object] = {"names": names}
    if place.only is not None:
        query += f" AND c.{place.only[0]} = @only"
        parameters["only"] = place.only[1]
    if place.order is not None:
        query += f" ORDER BY c.{place.order}"
    page = await database[place.container].page(query, parameters, partition=place.partition, after=after, most=most)
    held = [_held(place, item) for item in page.items if not item.get("untold")]
    return Shown(held, page.after)


async def held_about(person_id: str, *, database: Database) -> AsyncIterator[Held]:
    """Every item held about a person, in the order of the places."""
    for place in await places(person_id, database=database):
        after: str | None = None
        while True:
            page = await page_of(place, after, database=database)
            for held in page.held:
                yield held
            after = page.after
            if after is None:
                break


def _held(place: Place, item: Item) -> Held:
    name = str(item["type"])
    return Held(name, data_map.record(place.container, name), item, place.device_id)


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
