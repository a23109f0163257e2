"""Purging: what is blocked goes into the vault first, then all of it is deleted, a bounded number of pages a step."""

import asyncio
import hashlib
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from http import HTTPStatus
from typing import Final

from export_user_data.erasure import finding
from export_user_data.erasure.finding import Identifiers
from export_user_data.erasure.plan import Place
from export_user_data.erasure.tools import Tools
from shared import clock
from shared.blobs import EXPORTS
from shared.cosmos import BatchFailed, Container, Delete, Item, Stale, declared
from shared.ending_ownership import DEVICE_ITEM, lasting
from shared.guardianship import item_id as guardianship_item
from shared.injection import reached
from shared.vault import block

PAGE: Final = 100
"""Most operations of one batch, and items that are sealed together."""

IDS_AT_ONCE: Final = 1_000
"""Ids that one request reads where nothing is blocked."""

PAGES_OF_A_STEP: Final = 100
BATCHES_AT_ONCE: Final = 4

INVITATIONS: Final = ("invitation", "guardianInvitation")
"""What lies under somebody's address without naming their person."""

_NAMES: Final = ("personId", "deviceId", "identifiers", "places", "waitsFor")
"""What an erasure says of whom and what it is about."""

_FORMER: Final = ("formerPersonId", "formerInstallationId")


async def purge(place: Place, item: Item, *, tools: Tools) -> bool:
    """Take items of a place away, so many at most; whether it is empty then."""
    blocked = tuple(record for record in place.records if place.blocks(record))
    destroyed = tuple(record for record in place.records if not place.blocks(record))
    pages = 0
    if blocked:
        while page := await _page(place, blocked, tools=tools):
            await _block(item, [(place.container, one) for one in page], tools=tools)
            await _delete(tools.database[place.container], place.partition, [one["id"] for one in page])
            if (pages := pages + 1) >= PAGES_OF_A_STEP:
                return False
    return not destroyed or await _destroy(place, destroyed, PAGES_OF_A_STEP - pages, tools=tools)


async def _destroy(place: Place, records: tuple[str, ...], pages: int, *, tools: Tools) -> bool:
    """Delete without looking at anything but ids."""
    container = tools.database[place.container]
    condition, parameters = place.condition(records)
    query = f"SELECT TOP {IDS_AT_ONCE} c.id FROM c WHERE {condition}"  # noqa: S608 - names of the data map
    for _ in range(max(1, pages * PAGE // IDS_AT_ONCE)):
        found = container.query(query, parameters, partition=place.partition, page_size=IDS_AT_ONCE)
        ids = [one["id"] async for one in found]
        limit = asyncio.Semaphore(BATCHES_AT_ONCE)

        async def one_batch(batch: list[str], limit: asyncio.Semaphore = limit) -> None:
            async with limit:
                await _delete(container, place.partition, batch)

        async with asyncio.TaskGroup() as group:
            for start in range(0, len(ids), PAGE):
                group.create_task(one_batch(ids[start : start + PAGE]))
        if len(ids) < IDS_AT_ONCE:
            return True
    return False


async def _page(place: Place, records: tuple[str, ...], *, tools: Tools) -> list[Item]:
    condition, parameters = place.condition(records)
    query = f"SELECT TOP {PAGE} * FROM c WHERE {condition}"  # noqa: S608 - names of the data map
    found = tools.database[place.container].query(query, parameters, partition=place.partition)
    return [one async for one in found]


async def _block(item: Item, items: Sequence[tuple[str, Item]], *, tools: Tools) -> None:
    """Seal items under a name made of theirs: a repeat seals the same again, and another page never in its stead."""
    names = sorted(f"{container}\n{one['id']}" for container, one in items)
    part = hashlib.sha256("\n".join(names).encode()).hexdigest()[:32]
    remaining = item["personId"] if item["scope"] != "person" else None
    narrowed_at = clock.moment(item["narrowedAt"])  # and not the present: a repeat blocks until the same day
    await block(
        item["jobId"],
        part,
        [(container, declared(one)) for container, one in items],
        ground="erasure",
        person_id=remaining,
        vault=tools.vault,
        now=narrowed_at,
    )
    await reached("erasure.blocked")


async def _delete(container: Container, partition: str, ids: list[str]) -> None:
    """Delete items in one batch, or one by one when some of them are gone already."""
    try:
        await container.batch(partition, [Delete(item_id) for item_id in ids])
    except BatchFailed as failed:
        if failed.status != HTTPStatus.NOT_FOUND:
            raise
        for item_id in ids:
            await _delete_one(container, partition, item_id)
    await reached("erasure.deleted")


async def _delete_one(container: Container, partition: str, item_id: str) -> None:
    try:
        await container.batch(partition, [Delete(item_id)])
    except BatchFailed as failed:
        if failed.status != HTTPStatus.NOT_FOUND:
            raise


async def purge_elsewhere(item: Item, found: Identifiers, *, tools: Tools, now: datetime) -> None:
    """What lies under names that only this erasure knows: look-ups, invitations, exports, what a device was told."""
    for _, device_id in found["owned"] if item["scope"] != "category" else ():
        await _forget_owner(item, device_id, tools=tools, now=now)
    for key in {*found["pushKeys"], *await finding.push_keys(item, database=tools.database)}:
        await _purge_push_address(key, found["personId"], tools=tools)
    for key in found["lookUps"]:
        await _purge_identities(item, key, found["personId"], tools=tools)
    for key, guardianship_id in found["guardian"]:
        await _delete_one(tools.database["identities"], key, guardianship_item(guardianship_id))
    if item["scope"] == "person":
        await _purge_jobs(item, found, tools=tools)


async def _purge_jobs(item: Item, found: Identifiers, *, tools: Tools) -> None:
    """Every job of the person, also one that came since; of earlier erasures the names."""
    jobs, query = tools.database["jobs"], "SELECT * FROM c WHERE c.personId = @person"
    theirs = [one async for one in jobs.query(query, {"person": found["personId"]})]
    exports = {*found["exports"], *(one["jobId"] for one in theirs if one["type"] == "export")}
    for export_id in sorted(exports):
        await tools.blobs.clear(EXPORTS, f"{export_id}/")
    for one in theirs:
        if one["type"] != "erasure":
            await _delete_one(jobs, one["jobId"], one["id"])
        elif one["jobId"] != item["jobId"]:
            await _forget_names(one, tools=tools)


async def _forget_names(erasure: Item, *, tools: Tools) -> None:
    """Let an earlier erasure of a part be nobody's; one that is not done goes with this one."""
    kept = {name: value for name, value in declared(erasure).items() if name not in _NAMES}
    is_done = "erasedAt" in erasure
    with suppress(Stale):  # its worker has just gone on: the next round finds it again
        await tools.database["jobs"].replace(kept | ({} if is_done else {"state": "done"}), erasure["_etag"])


async def _forget_owner(item: Item, device_id: str, *, tools: Tools, now: datetime) -> None:
    """Let a device that has no owner know nothing but what it is, whoever owns it."""
    devices = tools.database["devices"]
    device = await devices.read(device_id, DEVICE_ITEM)
    if device is None or "ownershipId" in device:
        return
    kept: Item = {
        **lasting(device),
        **{name: device[name] for name in ("id", "type", "deviceId", "ownerlessSince", "revokedAt") if name in device},
        "updatedAt": device.get("updatedAt", clock.text(now)),
    }
    if declared(device).keys() == kept.keys():
        return
    await _block(item, [("devices", device)], tools=tools)
    try:
        await devices.replace(kept, device["_etag"])
    except Stale:  # somebody has just paired it: a new period begins with what it is
        return


async def _purge_push_address(key: str, person_id: str, *, tools: Tools) -> None:
    identities = tools.database["identities"]
    entry = await identities.read(key, key)
    if entry is None:
        return
    if entry["personId"] == person_id:
        await _delete_one(identities, key, key)
    elif entry.get("formerPersonId") == person_id:  # it rings for somebody else by now
        kept = {name: value for name, value in declared(entry).items() if name not in _FORMER}
        await identities.replace(kept, entry["_etag"])


async def _purge_identities(item: Item, key: str, person_id: str, *, tools: Tools) -> None:
    """The look-up of a sign-in or an address, and the invitations that lie under the address."""
    identities = tools.database["identities"]
    entries = [one async for one in identities.query("SELECT * FROM c", partition=key)]
    # An invitation that was made later is for the new person whom the address may be by now.
    invitations = [one for one in entries if one["type"] in INVITATIONS and str(one["invitedAt"]) <= item["narrowedAt"]]
    if invitations:
        await _block(item, [("identities", one) for one in invitations], tools=tools)
    theirs = [one for one in entries if one.get("personId") == person_id]
    for one in (*invitations, *theirs):
        await _delete_one(identities, key, one["id"])
