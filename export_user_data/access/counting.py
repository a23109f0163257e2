"""How many items there are of each record, counted in the places where they lie.

One query a place reads what kind each item is of, and no more than a number of them, so that the price is bounded
however much a monitor has sent: modelled, 2.5 RU a place and 0.25 a KB of what is counted. Where there are more the
answer says that it is at least so many; the pages have them all.
"""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from export_user_data.access.meaning import named
from export_user_data.walk import Place, places
from shared.cosmos import Database

COUNTED_AT_MOST: Final = 1000
"""Items of one place."""

PLACES_AT_ONCE: Final = 8


@dataclass(slots=True)
class Counted:
    """Items by record, and the records of which there may be more."""

    items: Counter[str] = field(default_factory=Counter)
    at_least: set[str] = field(default_factory=set)


async def counted(person_id: str, *, database: Database, most: int = COUNTED_AT_MOST) -> Counted:
    """What there is of the person now; what is not to be told is not counted."""
    found, limit = Counted(), asyncio.Semaphore(PLACES_AT_ONCE)

    async def one(place: Place) -> None:
        async with limit:
            await _count(place, found, database, most)

    await asyncio.gather(*(one(place) for place in await places(person_id, database=database)))
    return found


async def _count(place: Place, found: Counted, database: Database, most: int) -> None:
    """Count a place; one more than is counted tells that there are more."""
    query = "SELECT c.type FROM c WHERE ARRAY_CONTAINS(@names, c.type) AND NOT IS_DEFINED(c.untold)"
    parameters: dict[str, object] = {"names": sorted(place.records)}
    if place.only is not None:
        query += f" AND c.{place.only[0]} = @only"
        parameters["only"] = place.only[1]
    seen = 0
    async for item in database[place.container].query(query, parameters, partition=place.partition, page_size=most + 1):
        if seen == most:
            found.at_least |= {named(place.container, name) for name in place.records}
            return
        seen += 1
        found.items[named(place.container, item["type"])] += 1
