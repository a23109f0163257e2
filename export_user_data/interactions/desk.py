"""Staff find what a person told us, and correct what they themselves had mistyped."""

from datetime import datetime
from typing import Final

from export_user_data.interactions.contacts import refuse_restricted
from export_user_data.interactions.contract import CorrectInteraction, FindInteractions, StaffInteractions
from export_user_data.rectification.contract import Channel, Rectification, Subject
from export_user_data.rectification.corrections import view
from export_user_data.rectification.interactions import item_id, list_interactions
from export_user_data.whom import person_named
from shared import clock, ledger
from shared.callers import Role, Staff
from shared.cosmos import Database
from shared.errors import Problem
from shared.people import PERSON, new_id
from shared.rectifying import Correction, Field, Means, rectify

_FIELDS: Final[dict[str, Field]] = {
    "text": Field.INTERACTION,
    "channel": Field.INTERACTION_CHANNEL,
    "subject": Field.INTERACTION_SUBJECT,
    "at": Field.INTERACTION_AT,
}
_WORDS: Final[dict[str, frozenset[str]]] = {"channel": frozenset(Channel), "subject": frozenset(Subject)}


async def find_interactions(
    staff: Staff, asked: FindInteractions, *, database: Database, identity_key: bytes, now: datetime
) -> StaffInteractions:
    """What a person told us, the newest first; the look is in their ledger before it is shown.

    Raises:
        Problem: person_unknown; data_restricted.
    """
    people = database["people"]
    person_id = await person_named(asked.who, database=database, identity_key=identity_key)
    await refuse_restricted(person_id, people=people)
    actor = ledger.staff(Role.SALES, staff.staff_id)
    step = ledger.Step(new_id(), "interactions_viewed", actor, {"purpose": asked.purpose.value})
    await ledger.record_about(person_id, step, database=database, now=now)
    found = await list_interactions(person_id, people=people)
    person = await people.read(person_id, PERSON)
    return StaffInteractions.model_validate(
        {
            "person_id": person_id,
            "has_account": person is not None and "identityKey" in person,
            "interactions": [one.model_dump() for one in found.interactions],
        }
    )


async def correct_interaction(
    staff: Staff, interaction_id: str, asked: CorrectInteraction, *, means: Means, now: datetime
) -> Rectification:
    """Let a value be what the person really said, or how and when; the old one is blocked, and the person is told.

    Raises:
        Problem: interaction_unknown; data_restricted; nothing_to_rectify; field_out_of_range; busy.
    """
    people, person_id = means.database["people"], asked.person_id
    name, value = _value(asked, now)
    item = await people.read(person_id, item_id(interaction_id))
    person = await people.read(person_id, PERSON)
    if item is None or person is None:
        raise Problem("interaction_unknown")
    await refuse_restricted(person_id, people=people)
    details = {"interactionId": interaction_id, "field": _FIELDS[name].value, "purpose": asked.purpose.value}
    actor = ledger.staff(Role.SALES, staff.staff_id)
    step = ledger.Step(new_id(), "interaction_correction_asked", actor, details)
    await ledger.record_about(person_id, step, database=means.database, now=now)
    told = {"at": item["at"], "channel": item["channel"], "text": item["text"]}
    correction = Correction(
        field=_FIELDS[name],
        subject_id=interaction_id,
        container="people",
        partition=person_id,
        item_id=item["id"],
        value=value,
        about={"email": person.get("email"), "formerly": told, **told, name: value},
        by="staff",
    )
    record = await rectify(person_id, correction, means=means, now=now)
    if record is None:
        raise Problem("nothing_to_rectify")
    return view(record)


def _value(asked: CorrectInteraction, now: datetime) -> tuple[str, str]:
    """What is corrected, and the value as it is stored."""
    if asked.at is not None:
        if asked.at > now:
            raise Problem("field_out_of_range", pointer="/at")
        return "at", clock.text(asked.at)
    given = {"text": asked.text, "channel": asked.channel, "subject": asked.subject}
    name, value = next((name, value) for name, value in given.items() if value is not None)
    if name in _WORDS and value not in _WORDS[name]:
        raise Problem("field_out_of_range", pointer=f"/{name}")
    return name, value
