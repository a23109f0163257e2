"""Moving a request on: a step is decided on the record as it is read, recorded, stored under its ETag, and told."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from export_user_data.requests.looking import proceed
from export_user_data.requests.records import Register, is_open, read, replaced
from shared.cosmos import Item, Stale
from shared.errors import Problem
from shared.injection import reached
from shared.ledger import Step, record_about

_TRIES: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """What a step writes: into the ledger, into the record, and which notification tells of it."""

    step: Step
    changes: Item = field(default_factory=dict)
    telling: str | None = None


Decide = Callable[[Item], Move | None]
"""The move of a step on a record; None when it was done already. Raises a `Problem` where it leads nowhere."""


async def move(person_id: str, request_id: str, decide: Decide, register: Register) -> Item:
    """Do a step of a request, and return the request as it is then; repeated it changes nothing.

    Raises:
        Problem: request_unknown; busy, when others kept changing it; or what `decide` raises.
    """
    for _ in range(_TRIES):
        found = await read(person_id, request_id, people=register.people)
        wanted = decide(found)
        if wanted is not None:
            await record_about(person_id, wanted.step, database=register.database, now=register.now)
            await reached("requests.recorded")
            telling = {"telling": wanted.telling} if wanted.telling is not None else {}
            try:
                await replaced(found, wanted.changes | telling, people=register.people, now=register.now)
            except Stale:
                continue
            await reached("requests.stored")
        return await proceed(person_id, request_id, register)
    raise Problem("busy", retry_after_s=1)


def check_open(found: Item) -> None:
    """Refuse to move what was decided.

    Raises:
        Problem: request_closed.
    """
    if not is_open(found):
        raise Problem("request_closed")


def check_state(found: Item, *states: str) -> None:
    """Refuse a step that does not lead on from there.

    Raises:
        Problem: request_closed; request_step_unfit.
    """
    check_open(found)
    if found["state"] not in states:
        raise Problem("request_step_unfit")
