"""The scan after a purge: reads every place as a whole and judges each item by whose it is, not by what was purged."""

from collections.abc import AsyncIterator
from typing import Final

from export_user_data.erasure.finding import Identifiers
from export_user_data.erasure.purging import INVITATIONS
from export_user_data.erasure.tools import Tools
from export_user_data.erasure.withdrawing import not_withdrawn
from shared.blobs import EXPORTS
from shared.cosmos import Item
from shared.data_map import CONTAINERS, READINGS

_OWNER_NAMES: Final = ("personId", "ownerPersonId", "guestPersonId", "formerPersonId")
_EVERYTHING: Final = "SELECT * FROM c"


async def leftovers(item: Item, found: Identifiers, *, tools: Tools) -> list[str]:
    """What is still there and should not be, as `container/record`; nothing that says whose it was."""
    scan = _SCANS[item["scope"]]
    left = [name async for name in scan(item, found, tools)]
    purged_at = item["cursor"].get("purgedAt")
    if item["scope"] != "person" and purged_at is not None:
        left += [name async for name in not_withdrawn(found["personId"], purged_at, tools=tools)]
    return left


async def _of_person(item: Item, found: Identifiers, tools: Tools) -> AsyncIterator[str]:
    person_id = found["personId"]
    async for one in tools.database["people"].query(_EVERYTHING, partition=person_id):
        if not _may_stay("people", one):
            yield f"people/{one['type']}"
    async for name in _of_devices(item, found, tools):
        yield name
    async for name in _of_look_ups(item, found, tools):
        yield name
    query = "SELECT * FROM c WHERE c.personId = @person"
    async for one in tools.database["jobs"].query(query, {"person": person_id}):
        if one["jobId"] != item["jobId"]:
            yield f"jobs/{one['type']}"
    for export_id in found["exports"]:
        async for _ in tools.blobs.names(EXPORTS, f"{export_id}/", unpublished=True):
            yield "blobs/exports"


async def _of_look_ups(item: Item, found: Identifiers, tools: Tools) -> AsyncIterator[str]:
    for key in (*found["pushKeys"], *found["lookUps"], *(key for key, _ in found["guardian"])):
        async for one in tools.database["identities"].query(_EVERYTHING, partition=key):
            if _is_of(one, found["personId"]) or (key in found["lookUps"] and _is_older(one, item)):
                yield f"identities/{one['type']}"


async def _of_devices(item: Item, found: Identifiers, tools: Tools) -> AsyncIterator[str]:
    person_id = found["personId"]
    for ownership_id, device_id in found["owned"]:
        async for one in tools.database["telemetry"].query(_EVERYTHING, partition=ownership_id):
            if not _may_stay("telemetry", one):
                yield f"telemetry/{one['type']}"
        async for one in tools.database["devices"].query(_EVERYTHING, partition=device_id):
            # Of a person who stays the device may be theirs again, in another period.
            is_of_them = item["scope"] == "person" and _is_of(one, person_id)
            if is_of_them or one.get("ownershipId") == ownership_id:
                yield f"devices/{one['type']}"
        link = await tools.database["people"].read(person_id, f"link:{ownership_id}")
        if link is not None:
            yield "people/link"


async def _of_category(item: Item, found: Identifiers, tools: Tools) -> AsyncIterator[str]:
    category, through = item["category"], item["through"]
    kinds = {name for name, kind in READINGS.items() if kind.category == category}
    for ownership_id, device_id in found["owned"] if kinds else ():
        async for one in tools.database["telemetry"].query(_EVERYTHING, partition=ownership_id):
            if kinds & one.get("columns", {}).keys() and str(one["receivedAt"]) <= through:
                yield f"telemetry/{one['type']}"
        async for one in tools.database["devices"].query(_EVERYTHING, partition=device_id):
            is_older = str(one.get("receivedAt", one.get("createdAt", ""))) <= through
            if one.get("ownershipId") == ownership_id and _category("devices", one) == category and is_older:
                yield f"devices/{one['type']}"
    if not kinds:
        async for one in tools.database["people"].query(_EVERYTHING, partition=found["personId"]):
            if _category("people", one) == category and str(one.get("updatedAt", one.get("createdAt"))) <= through:
                yield f"people/{one['type']}"


_SCANS: Final = {"person": _of_person, "device": _of_devices, "category": _of_category}


def _may_stay(container: str, one: Item) -> bool:
    """Random ids that mean nothing any more: the closed gate, and nothing that opens it."""
    return CONTAINERS[container].records[one["type"]].erasure == "keep_random_ids" and bool(one.get("tombstone"))


def _is_of(one: Item, person_id: str) -> bool:
    return person_id in {one.get(name) for name in _OWNER_NAMES}


def _is_older(one: Item, item: Item) -> bool:
    return bool(one["type"] in INVITATIONS and str(one["invitedAt"]) <= item["narrowedAt"])


def _category(container: str, one: Item) -> str:
    return CONTAINERS[container].records[one["type"]].category.value
