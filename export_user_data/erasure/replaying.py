"""Erasing again what a restored backup still holds: not only the closed partition, but everything tied to it."""

import hashlib
from dataclasses import replace
from datetime import datetime

from export_user_data.erasure import finding, purging
from export_user_data.erasure.narrowing import narrow
from export_user_data.erasure.plan import Scope
from export_user_data.erasure.tools import Tools
from shared import clock
from shared.cosmos import Item
from shared.policy import Policy


class _Known:
    """A journal that has all of it already. A new entry would let a database serve that is not done with yet."""

    async def narrowed(self, container: str, partition: str, policy: Policy) -> None:
        """Write nothing."""


async def erase_again(container: str, partition: str, *, tools: Tools, now: datetime) -> None:
    """Take away what a restore has brought back of an erased person, or of an erased period; it may be repeated.

    To be called while the service answers nobody, before the partition itself is purged: it tells of all the rest.
    """
    tools = replace(tools, journal=_Known())
    if container == "people":
        await _erase("person", partition, None, tools=tools, now=now)
        return
    query = "SELECT * FROM c WHERE c.type = 'link' AND c.ownershipId = @ownership AND c.role = 'owner'"
    links = tools.database["people"].query(query, {"ownership": partition})
    for link in [link async for link in links]:
        await _erase("device", link["personId"], [partition, link["deviceId"]], tools=tools, now=now)


async def _erase(scope: Scope, person_id: str, owned: list[str] | None, *, tools: Tools, now: datetime) -> None:
    item: Item = {
        "jobId": hashlib.sha256(f"restored\n{owned or person_id}\n{clock.text(now)}".encode()).hexdigest()[:32],
        "scope": scope,
        "personId": person_id,
        "narrowedAt": clock.text(now),
    }
    found = await finding.identifiers(item, database=tools.database)
    if owned is not None:
        found["owned"] = [owned]
    for ownership_id, device_id in found["owned"]:
        await narrow(item, ownership_id, device_id, tools=tools, now=now)
    await purging.purge_elsewhere(item, found, tools=tools, now=now)
    for place in finding.places(item, found):
        while not await purging.purge(place, item, tools=tools):
            pass
