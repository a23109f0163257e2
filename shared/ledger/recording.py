"""Recording: one transactional batch per step moves the head, adds the entry and locks the step."""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from random import SystemRandom
from typing import Final

from shared import clock
from shared.callers import Role
from shared.cosmos import BatchFailed, Conflict, Container, Create, Database, Item, Operation, Replace, declared
from shared.data_map import Detail, Undeclared
from shared.errors import Problem
from shared.gate import write_behind_gate
from shared.injection import reached
from shared.ledger.entries import GENESIS, HEAD, SERVICE_SUBJECT, Broken, check_details, entry_id, sealed
from shared.people import new_id

TRIES: Final = 20
"""How often a step is tried while others move the head of the same chain, before the caller is told to come back."""

PAUSE_LIMIT_S: Final = 1.0
_FIRST_PAUSE_S: Final = 0.01
_SUBJECT_ITEM: Final = "ledgerSubject"
_NAME: Final = re.compile(r"[0-9A-Za-z._:-]{1,128}")
"""A request id or a step: it becomes part of an item's id, and holds nothing that anybody typed."""

_OTHERS_WERE_FASTER: Final = {HTTPStatus.CONFLICT, HTTPStatus.PRECONDITION_FAILED}
"""An item of that id is there (the step, the first head, the entry), or the head has moved on."""

_random = SystemRandom()


@dataclass(frozen=True, slots=True)
class Actor:
    """Who did it: of which kind, and under which name in the ledger. None is the subject of the chain itself."""

    kind: str
    subject: str | None = None

    def __post_init__(self) -> None:
        """Refuse a name that is no id and so could be somebody's."""
        if self.subject not in {None, SERVICE_SUBJECT} and not re.fullmatch(Detail.ID.value, str(self.subject)):
            raise Undeclared("An actor of the ledger has a name that is no id.")


THE_PERSON: Final = Actor("person")
SERVICE: Final = Actor("service", SERVICE_SUBJECT)


def staff(role: Role, subject: str) -> Actor:
    """A member of staff, acting in a role; the subject is their id, a keyed hash."""
    return Actor(f"staff:{role.value}", subject)


@dataclass(frozen=True, slots=True)
class Step:
    """Something that was done. Request id and step name it for ever: a repeat of it counts once.

    The request id is that of the thing it is part of, never made up at each try. A request that does one action
    several times tells them apart by `step`.
    """

    request_id: str
    action: str
    actor: Actor
    details: Mapping[str, str | int] = field(default_factory=dict)
    step: str = ""

    def __post_init__(self) -> None:
        """Refuse what the data map does not declare, and names that could not be part of an id."""
        check_details(self.action, self.details)
        if not (_NAME.fullmatch(self.request_id) and _NAME.fullmatch(self.name)):
            raise Undeclared(f"Request id or step of '{self.action}' has characters that are not of an id.")

    @property
    def name(self) -> str:
        """What tells it from the other steps of its request."""
        return self.step or self.action

    @property
    def item_id(self) -> str:
        """Id of the item that locks it."""
        return f"step:{self.request_id}:{self.name}"


async def subject_of(person_id: str, *, people: Container) -> str:
    """The person's random name in the ledger, made when first needed.

    The item that holds it is all that ties a chain to a person. Who erases a person destroys it last, when nothing
    more is recorded of them.

    Raises:
        Erased: the person was erased, so that it is not made anew.
        Problem: busy, when another request made it and it cannot be read yet.
    """
    known = await people.read(person_id, _SUBJECT_ITEM)
    if known is None:
        known = {"id": _SUBJECT_ITEM, "type": _SUBJECT_ITEM, "personId": person_id, "ledgerSubject": new_id()}
        try:
            await write_behind_gate(people, person_id, [Create(known)])
        except Conflict:  # another request was faster: its name is the one
            known = await people.read(person_id, _SUBJECT_ITEM)
            if known is None:  # a name that was not stored would begin a chain that is nobody's
                raise Problem("busy", retry_after_s=1) from None
    return str(known["ledgerSubject"])


async def record_about(person_id: str, step: Step, *, database: Database, now: datetime) -> Item:
    """Record what was done to a person's data.

    Raises:
        Erased: the person was erased; otherwise as `record`.
    """
    subject = await subject_of(person_id, people=database["people"])
    return await record(subject, step, ledger=database["ledger"], now=now)


async def record(subject: str, step: Step, *, ledger: Container, now: datetime) -> Item:
    """Add a step to a subject's chain and return its entry; of a step that is there already, the first one.

    Raises:
        Problem: busy, when others kept moving the head.
        Broken: the step is there, but its entry is not.
    """
    for attempt in range(TRIES):
        known, head = await asyncio.gather(ledger.read(subject, step.item_id), ledger.read(subject, HEAD))
        if known is not None:
            return await _first_entry(subject, known, ledger)
        await reached("ledger.read")
        entry = _entry(subject, step, head, now)
        try:
            await ledger.batch(subject, _operations(entry, step, head))
        except BatchFailed as failed:
            if failed.status not in _OTHERS_WERE_FASTER:
                raise
            # Writers that pause for the same time would meet again.
            await asyncio.sleep(_random.uniform(0, min(PAUSE_LIMIT_S, _FIRST_PAUSE_S * 2**attempt)))
            continue
        return entry
    raise Problem("busy", retry_after_s=1)


async def _first_entry(subject: str, step_item: Item, ledger: Container) -> Item:
    entry = await ledger.read(subject, entry_id(step_item["seq"]))
    if entry is None:
        raise Broken("a recorded step has no entry")
    return declared(entry)


def _entry(subject: str, step: Step, head: Item | None, now: datetime) -> Item:
    seq = head["seq"] + 1 if head else 1
    return sealed(
        {
            "id": entry_id(seq),
            "type": "ledgerEntry",
            "subject": subject,
            "seq": seq,
            "at": clock.text(now),
            "action": step.action,
            "actorKind": step.actor.kind,
            "actor": step.actor.subject or subject,
            "requestId": step.request_id,
            "step": step.name,
            "details": dict(step.details),
            "previous": head["hash"] if head else GENESIS,
        }
    )


def _operations(entry: Item, step: Step, head: Item | None) -> list[Operation]:
    subject, seq = entry["subject"], entry["seq"]
    new_head = {"id": HEAD, "type": "ledgerHead", "subject": subject, "seq": seq, "hash": entry["hash"]}
    return [
        Create({"id": step.item_id, "type": "ledgerStep", "subject": subject, "seq": seq}),
        Create(entry),
        Create(new_head) if head is None else Replace(new_head, head["_etag"]),
    ]
