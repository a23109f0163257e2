"""Rectification (GDPR 16): a value that a person has corrected takes the place of the old one, and that is blocked.

What is wanted is stored first, beside the person, and removed when all of it was done: the old value sealed, the new
one in its place, what hangs on it moved, the ledger, the person and the recipients told. Who is cut off on the way is
completed by a repeat, or by a timer.
"""

import hashlib
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, Literal, Self

from shared import clock, ledger
from shared.callers import Role
from shared.cosmos import Conflict, Create, Database, Item, Operation, Replace, Stale, declared
from shared.data_map import Category
from shared.errors import Problem
from shared.expiry import expiring
from shared.gate import Erased, write_behind_gate
from shared.injection import reached
from shared.kept_items import rewritten
from shared.moved_address import follow_address
from shared.notifications import notify
from shared.people import PERSON, key_of_address
from shared.recipients import tell_recipients
from shared.turns import Turns
from shared.vault import VaultStore
from shared.webhooks import Webhooks

if TYPE_CHECKING:
    from shared.services import Services

COMPLETED_AFTER: Final = timedelta(minutes=5)
"""A rectification takes seconds; what is older was cut off."""

AT_ONCE: Final = 100
SHOWN: Final = 100
_TRIES: Final = 5
_UNTIL_DONE: Final = frozenset({"value", "about", "formerKey", "pendingSince"})
_NEWEST: Final = "SELECT TOP @most * FROM c WHERE c.type = 'rectification' ORDER BY c.createdAt DESC"
_OF_A_FIELD: Final = "SELECT * FROM c WHERE c.type = 'rectification' AND c.field = @field AND c.subjectId = @subject"
_CUT_OFF: Final = (
    "SELECT TOP @most * FROM c WHERE c.pendingSince <= @before AND c.type = 'rectification' ORDER BY c.pendingSince"
)


class Field(StrEnum):
    """What a person may correct."""

    EMAIL = "email"
    INVOICED_ON = "invoiced_on"
    REGION = "region"
    INTERACTION = "interaction"
    INTERACTION_AT = "interaction_at"
    INTERACTION_CHANNEL = "interaction_channel"
    INTERACTION_SUBJECT = "interaction_subject"


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What a rectification stands on."""

    database: Database
    vault: "VaultStore"
    webhooks: Webhooks
    identity_key: bytes

    @classmethod
    def of(cls, services: "Services") -> Self:
        """From the services."""
        return cls(
            database=services.database,
            vault=services.vault,
            webhooks=services.webhooks,
            identity_key=services.settings.identity_key,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """One value that a person wants to be another."""

    field: Field
    subject_id: str
    """What it is a value of: a period of ownership, or an interaction; the person has no id beside their own."""
    container: str
    partition: str
    item_id: str
    value: str | None
    about: Mapping[str, Any]
    """What recipients need to find their copy, and what it shall be."""
    by: Literal["person", "staff"] = "person"
    """Who corrects it; of staff the ledger knows before whom and why."""
    entered_by: str | None = None
    """Id of the member of staff who acts for the person, and below how the person had asked them."""
    channel: str | None = None


_OF_INTERACTIONS: Final[dict[Field, str]] = {
    Field.INTERACTION: "text",
    Field.INTERACTION_AT: "at",
    Field.INTERACTION_CHANNEL: "channel",
    Field.INTERACTION_SUBJECT: "subject",
}
"""The stored field of each."""

_CATEGORIES: Final[dict[Field, tuple[Category, ...]]] = {
    Field.EMAIL: (Category.PERSON, Category.INTERACTIONS),  # who was told of a contact was given the address with it
    Field.INVOICED_ON: (Category.DEVICE,),
    Field.REGION: (Category.DEVICE,),
    **dict.fromkeys(_OF_INTERACTIONS, (Category.INTERACTIONS,)),
}

_OLD: Final[dict[Field, tuple[str, ...]]] = {
    Field.EMAIL: ("email", "contactKey"),
    Field.INVOICED_ON: ("invoicedOn",),
    Field.REGION: ("region", "regionSource"),
    **{field: (name,) for field, name in _OF_INTERACTIONS.items()},
}
"""The fields that the new value takes the place of."""

_NAMES: Final = frozenset({"id", "type", "personId", "deviceId", "ownershipId", "interactionId"})
"""What tells in the vault whose and of what the old value was."""


async def rectify(person_id: str, correction: Correction, *, means: Means, now: datetime) -> Item | None:
    """Correct a value; return the record of it. A repeat completes what was cut off, and of what was done says so.

    None: the value is that already, and always was.

    Raises:
        Problem: busy. Erased: the person was erased.
    """
    people = means.database["people"]
    for _ in range(_TRIES):
        known = await _of_field(person_id, correction, means=means)
        last = known[-1] if known else None
        if last is not None and "pendingSince" in last:
            done = await complete(last, means=means, now=now)
            if last.get("value") == correction.value:
                return done
            continue
        target = await means.database[correction.container].read(correction.partition, correction.item_id)
        if target is None or _with_value(target, correction.field, correction.value, means) == declared(target):
            return last
        record = _record(person_id, correction, target, len(known) + 1, now)
        try:
            await write_behind_gate(people, person_id, [Create(record)])
        except Conflict:
            continue  # another one was faster
        await reached("rectification.begun")
        return await complete(record, means=means, now=now)
    raise Problem("busy", retry_after_s=1)


async def settled(person_id: str, correction: Correction, *, means: Means, now: datetime) -> bool:
    """Complete what was cut off of earlier corrections of the same value; whether there was something."""
    known = await _of_field(person_id, correction, means=means)
    if not known or "pendingSince" not in known[-1]:
        return False
    await complete(known[-1], means=means, now=now)
    return True


async def complete(record: Item, *, means: Means, now: datetime) -> Item:
    """Do all that a stored correction brings, from wherever it was cut off.

    Raises:
        Problem: busy. Erased: the person was erased.
    """
    field, person_id = Field(record["field"]), record["personId"]
    await _replace(record, field, means, now)
    await reached("rectification.replaced")
    if "formerKey" in record:
        key = key_of_address(record["value"], means.identity_key)
        await follow_address(person_id, record["formerKey"], key, database=means.database, now=now)
    await reached("rectification.moved")
    await _tell(record, field, means, now)
    await reached("rectification.told")
    return await _done(record, means.database, now)


async def complete_cut_off(*, means: Means, now: datetime) -> Counter[str]:
    """Complete what was cut off and nobody has repeated; the fault of one does not keep the others.

    Raises:
        Exception: the first fault, after all others were tried.
    """
    turns = Turns()
    before = {"before": clock.text(now - COMPLETED_AFTER), "most": AT_ONCE}
    for record in [item async for item in means.database["people"].query(_CUT_OFF, before)]:
        await turns.take(_completed(record, means, now))
    return turns.ended()


async def _completed(record: Item, means: Means, now: datetime) -> str:
    try:
        await complete(record, means=means, now=now)
    except Erased:
        return "erased"
    return "completed"


async def rectifications(person_id: str, *, database: Database) -> list[Item]:
    """The person's rectifications, the newest first."""
    return [item async for item in database["people"].query(_NEWEST, {"most": SHOWN}, partition=person_id)]


async def _of_field(person_id: str, correction: Correction, *, means: Means) -> list[Item]:
    wanted = {"field": correction.field.value, "subject": correction.subject_id}
    found = means.database["people"].query(_OF_A_FIELD, wanted, partition=person_id)
    return sorted([item async for item in found], key=lambda item: int(item["number"]))


def _record(person_id: str, correction: Correction, target: Item, number: int, now: datetime) -> Item:
    """What is wanted; its id is the same however often it is asked for, until it is done."""
    field, subject_id = correction.field.value, correction.subject_id
    named = f"rectification\n{person_id}\n{field}\n{subject_id}\n{number}"
    stated = {
        "value": correction.value,
        "formerKey": target.get("contactKey") if correction.field is Field.EMAIL else None,
        "enteredBy": correction.entered_by,
        "channel": correction.channel,
    }
    return {
        "id": f"rectification:{field}:{subject_id}:{number}",
        "type": "rectification",
        "personId": person_id,
        "rectificationId": hashlib.sha256(named.encode()).hexdigest()[:32],
        "field": field,
        "subjectId": subject_id,
        "by": correction.by,
        "number": number,
        "place": [correction.container, correction.partition, correction.item_id],
        "about": dict(correction.about),
        "createdAt": clock.text(now),
        "pendingSince": clock.text(now),
        **expiring("people", "rectification", since=now, now=now),
        **{name: value for name, value in stated.items() if value is not None},
    }


def _with_value(target: Item, field: Field, value: str | None, means: Means) -> Item:
    """The item with the new value. What is somebody else's by now stays as it is."""
    kept = {name: of for name, of in declared(target).items() if name not in _OLD[field]}
    match field:
        case Field.EMAIL:
            new = {"email": value, "contactKey": key_of_address(str(value), means.identity_key)}
        case Field.INVOICED_ON:
            new = {"invoicedOn": value}
        case Field.REGION:
            new = {"region": value, "regionSource": "person"}
        case _:
            new = {_OF_INTERACTIONS[field]: value}
    return kept | {name: of for name, of in new.items() if of is not None}


async def _replace(record: Item, field: Field, means: Means, now: datetime) -> None:
    """Seal the old value, then put the new one in its place."""
    container, partition, item_id = record["place"]
    for _ in range(_TRIES):
        target = await means.database[container].read(partition, item_id)
        if target is None or (field is Field.REGION and target.get("ownershipId") != record["subjectId"]):
            return  # it is gone, or somebody else's by now
        changed = _with_value(target, field, record.get("value"), means)
        if changed == declared(target):
            return
        await _seal(record, field, container, declared(target), means, now)
        await reached("rectification.blocked")
        if field in _OF_INTERACTIONS:
            changed |= {"updatedAt": clock.text(now)}
        if "expiresAt" in changed:
            changed = rewritten(changed, now=now)
        try:
            await _write(container, partition, Replace(changed, target["_etag"]), means.database)
        except Stale:
            continue
        return
    raise Problem("busy", retry_after_s=1)


async def _seal(record: Item, field: Field, container: str, target: Item, means: Means, now: datetime) -> None:
    from shared.vault import block  # noqa: PLC0415 - no cold start waits for what seals

    old = {name: target[name] for name in (*_NAMES, *_OLD[field]) if name in target}
    if old.keys() & set(_OLD[field]):
        await block(
            record["rectificationId"],
            "old",
            [(container, old)],
            ground="rectification",
            person_id=record["personId"],
            vault=means.vault,
            now=now,
        )


async def _write(container: str, partition: str, operation: Operation, database: Database) -> None:
    if container == "people":
        await write_behind_gate(database[container], partition, [operation])
    elif isinstance(operation, Replace):
        await database[container].replace(operation.item, operation.etag)


async def _tell(record: Item, field: Field, means: Means, now: datetime) -> None:
    person_id, rectification_id = record["personId"], record["rectificationId"]
    details: dict[str, str | int] = {"rectificationId": rectification_id, "field": field.value}
    is_own, entered_by = record.get("by") != "staff", record.get("enteredBy")
    actor = ledger.THE_PERSON if is_own else ledger.SERVICE
    if entered_by is not None:
        actor = ledger.staff(Role.PRIVACY, entered_by)
    step = ledger.Step(rectification_id, "data_rectified", actor, details)
    await ledger.record_about(person_id, step, database=means.database, now=now)
    since = clock.moment(record["createdAt"])
    template = "data_rectified" if is_own else "interaction_corrected"
    await notify(person_id, template, rectification_id, {"since": since}, people=means.database["people"], now=now)
    await tell_recipients(
        rectification_id,
        "rectification",
        record["about"],
        categories=_CATEGORIES[field],
        person_id=person_id,
        database=means.database,
        webhooks=means.webhooks,
        now=now,
    )


async def _done(record: Item, database: Database, now: datetime) -> Item:
    """Without the value, and without what it was needed for."""
    done = {name: value for name, value in declared(record).items() if name not in _UNTIL_DONE}
    done = rewritten(done | {"doneAt": clock.text(now)}, now=now)
    people, person_id = database["people"], record["personId"]
    present = await people.read(person_id, record["id"])
    if present is None or "pendingSince" not in present:
        return present or done
    with suppress(Stale):  # another worker has completed it as well
        await write_behind_gate(people, person_id, [Replace(done, present["_etag"])])
    return done


def person_correction(person_id: str, former: str, address: str) -> Correction:
    """The person's address."""
    return Correction(
        field=Field.EMAIL,
        subject_id=person_id,
        container="people",
        partition=person_id,
        item_id=PERSON,
        value=address,
        about={"formerEmail": former, "email": address},
    )
