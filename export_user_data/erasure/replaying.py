"""Erasing again what a restored backup still holds: not only the closed partition, but everything tied to it."""

import hashlib
from dataclasses import replace

from export_user_data.erasure import finding, purging
from export_user_data.erasure.narrowing import end_ownership, leave
from export_user_data.erasure.plan import Scope
from export_user_data.erasure.tools import Tools
from export_user_data.erasure.withdrawing import withdraw
from shared import clock
from shared.cosmos import Item
from shared.journal import Entry
from shared.policy import Policy


class _Known:
    """A journal that has all of it already. A new entry would let a database serve that is not done with yet."""

    async def narrowed(self, container: str, partition: str, policy: Policy) -> None:
        """Write nothing."""


async def erase_again(entry: Entry, *, tools: Tools) -> None:
    """Take away what a restore has brought back of an erased person, period or category; it may be repeated.

    To be called while the service answers nobody, before the partition itself is purged: it tells of all the rest. It
    changes no gate that the journal narrows: by those a restored database is known until all of it was replayed.
    """
    tools = replace(tools, journal=_Known())
    through = entry.policy.erased_through
    if entry.container == "people":
        if entry.policy.tombstone:
            await _erase(_item("person", entry.partition, entry), None, tools=tools)
        for category, moment in through.items() if not entry.policy.tombstone else ():
            item = _item("category", entry.partition, entry, category=category, through=clock.text(moment))
            await _erase(item, None, tools=tools)
        return
    query = "SELECT * FROM c WHERE c.type = 'link' AND c.ownershipId = @ownership AND c.role = 'owner'"
    links = tools.database["people"].query(query, {"ownership": entry.partition})
    for link in [link async for link in links]:
        owned = [entry.partition, link["deviceId"]]
        if entry.policy.tombstone:
            await _erase(_item("device", link["personId"], entry), owned, tools=tools)
        for category, moment in through.items() if not entry.policy.tombstone else ():
            item = _item("category", link["personId"], entry, category=category, through=clock.text(moment))
            await _erase(item, owned, tools=tools)


def _item(scope: Scope, person_id: str, entry: Entry, **fields: str) -> Item:
    """As the job of the erasure was; what is blocked once more is so until the same day."""
    name = f"restored\n{entry.partition}\n{entry.policy.epoch}\n{fields.get('category', '')}"
    return {
        "jobId": hashlib.sha256(name.encode()).hexdigest()[:32],
        "scope": scope,
        "personId": person_id,
        "narrowedAt": clock.text(entry.policy.changed_at or entry.policy.start),
        **fields,
    }


async def _erase(item: Item, owned: list[str] | None, *, tools: Tools) -> None:
    now = clock.moment(item["narrowedAt"])
    found = await finding.identifiers(item, database=tools.database)
    if owned is not None:
        found["owned"] = [owned]
    for ownership_id, device_id in found["owned"] if item["scope"] != "category" else ():
        await end_ownership(ownership_id, device_id, tools=tools, now=now)
    for guest_id, device_id in found["guest"]:
        await leave(item["personId"], guest_id, device_id, database=tools.database, now=now)
    await purging.purge_elsewhere(item, found, tools=tools, now=now)
    for place in finding.places(item, found):
        while not await purging.purge(place, item, tools=tools):
            pass
    if item["scope"] != "person":
        await withdraw(item["personId"], tools=tools, now=now)
