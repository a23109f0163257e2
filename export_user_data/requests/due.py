"""The timer of requests: warns of what becomes due, and goes on with what was cut off."""

import contextlib
from typing import Final

from export_user_data.requests.looking import proceed
from export_user_data.requests.records import Register
from shared import clock
from shared.gate import Erased
from shared.turns import Turns

AT_ONCE: Final = 100
"""Requests that one run looks at; it finds the rest the next time."""

_DUE: Final = "SELECT TOP @most c.personId, c.requestId FROM c WHERE c.nextWarnAt <= @now ORDER BY c.nextWarnAt"


async def look_at_due(register: Register) -> int:
    """Look at every request whose time has come, the longest waiting first; return how many were looked at.

    The fault of one does not keep the others.

    Raises:
        Exception: the first fault, after all others were tried.
    """
    turns = Turns()
    # The one query over all partitions: its index holds open requests, and what was not told yet.
    query = register.people.query(_DUE, {"now": clock.text(register.now), "most": AT_ONCE})
    due = [(item["personId"], item["requestId"]) async for item in query]
    for person_id, request_id in due:
        await turns.take(_looked_at(person_id, request_id, register))
    return turns.ended().total()


async def _looked_at(person_id: str, request_id: str, register: Register) -> str:
    with contextlib.suppress(Erased, LookupError):  # the person was erased meanwhile
        await proceed(person_id, request_id, register)
    return "looked at"
