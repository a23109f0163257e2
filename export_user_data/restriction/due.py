"""The timer of restrictions and holds: what was announced comes to its end, what was cut off goes on, all is kept."""

import contextlib
from typing import Final

from export_user_data.restriction.effect import proceed
from export_user_data.restriction.office import Office
from shared import clock
from shared.gate import Erased
from shared.turns import Turns

AT_ONCE: Final = 100
_DUE: Final = "SELECT TOP @most c.personId, c.id FROM c WHERE c.nextLookAt <= @now ORDER BY c.nextLookAt"


async def look_at_due(office: Office) -> int:
    """Go on with every record whose time has come, the longest waiting first; return how many were looked at.

    The fault of one does not keep the others.

    Raises:
        Exception: the first fault, after all others were tried.
    """
    turns = Turns()
    query = office.people.query(_DUE, {"now": clock.text(office.now), "most": AT_ONCE})
    due = [(item["personId"], item["id"]) async for item in query]
    for person_id, item_id in due:
        await turns.take(_looked_at(person_id, item_id, office))
    return turns.ended().total()


async def _looked_at(person_id: str, item_id: str, office: Office) -> str:
    with contextlib.suppress(Erased, LookupError):  # the person was erased meanwhile
        await proceed(person_id, item_id, office)
    return "looked at"
