"""Whether there is something to be shown at all: not to who was erased, and not of a category that there is not."""

from datetime import datetime

from shared.callers import Resident
from shared.cosmos import Database
from shared.data_map import Category
from shared.errors import Problem
from shared.gate import Erased, load_policy
from shared.people import own_record


async def admitted(caller: Resident, *, database: Database, now: datetime) -> str:
    """The id of a person who was not erased. A restriction of processing keeps nothing from them.

    Raises:
        Problem: person_erased. Erased: the same, once an erasure is under way.
    """
    await own_record(caller, database=database, now=now)
    if (await load_policy(database["people"], caller.person_id)).tombstone:
        raise Erased
    return caller.person_id


def category_named(name: str) -> Category:
    """The category of a name.

    Raises:
        Problem: category_unknown.
    """
    try:
        return Category(name)
    except ValueError:
        raise Problem("category_unknown") from None
