"""Interactions: what people told us through the website, to sales or to technicians; it is theirs to correct."""

from contextlib import suppress
from datetime import datetime
from typing import Final

from export_user_data.interactions.contacts import tell_contact
from export_user_data.rectification.contract import (
    Interaction,
    InteractionEntered,
    InteractionEntry,
    Interactions,
    InteractionText,
    Rectification,
)
from export_user_data.rectification.corrections import view
from export_user_data.whom import device_named, owner_of
from shared import clock, ledger
from shared.callers import Role, Staff
from shared.cosmos import Conflict, Container, Create, Database, Item
from shared.errors import Problem
from shared.expiry import expiring
from shared.gate import write_behind_gate
from shared.injection import reached
from shared.keys import keyed_id
from shared.people import PERSON, new_id, person_without_account
from shared.rectifying import Correction, Field, Means, rectify

SHOWN: Final = 100
"""The newest; an export has them all."""

_NEWEST: Final = "SELECT TOP @most * FROM c WHERE c.type = 'interaction' ORDER BY c.createdAt DESC"


async def enter_interaction(
    staff: Staff, entry: InteractionEntry, *, database: Database, identity_key: bytes, now: datetime
) -> InteractionEntered:
    """Keep what a person told us. An address that nobody gave before makes a person without an account, who is told.

    Raises:
        Problem: field_out_of_range, for a time to come; device_not_registered, when the device has no owner.
    """
    if entry.at > now:
        raise Problem("field_out_of_range", pointer="/at")
    person_id = await _person(entry, database=database, identity_key=identity_key, now=now)
    named = keyed_id(identity_key, "interaction", f"{person_id}\n{entry.request_id}") if entry.request_id else new_id()
    item = {
        "id": item_id(named),
        "type": "interaction",
        "personId": person_id,
        "interactionId": named,
        "channel": entry.channel.value,
        "at": clock.text(entry.at),
        "subject": entry.subject.value,
        "text": entry.text,
        "basis": entry.basis.value,
        "enteredBy": staff.staff_id,
        "createdAt": clock.text(now),
        **expiring("people", "interaction", since=now, now=now),
    }
    with suppress(Conflict):  # entered already
        await write_behind_gate(database["people"], person_id, [Create(item)])
    await reached("interaction.entered")
    details = {"interactionId": named, "channel": entry.channel.value, "subject": entry.subject.value}
    actor = ledger.staff(Role.SALES, staff.staff_id)
    step = ledger.Step(named, "interaction_entered", actor, details | {"purpose": entry.purpose.value})
    await ledger.record_about(person_id, step, database=database, now=now)
    await tell_contact(person_id, people=database["people"], now=now)
    return InteractionEntered(interaction_id=named, person_id=person_id)


async def _person(entry: InteractionEntry, *, database: Database, identity_key: bytes, now: datetime) -> str:
    if entry.email is not None:
        return await person_without_account(entry.email, database=database, identity_key=identity_key, now=now)
    device_id = device_named(entry.device_id, entry.serial_number, identity_key)
    owner = await owner_of(str(device_id), devices=database["devices"], at=entry.at)
    if owner is None:
        raise Problem("device_not_registered")
    return owner


def item_id(interaction_id: str) -> str:
    """Id of the stored item."""
    return f"interaction:{interaction_id}"


async def list_interactions(person_id: str, *, people: Container) -> Interactions:
    """What the person told us, the newest first."""
    found = [item async for item in people.query(_NEWEST, {"most": SHOWN}, partition=person_id)]
    return Interactions(interactions=[_view(item) for item in found])


async def rectify_interaction(
    person_id: str, interaction_id: str, said: InteractionText, *, means: Means, now: datetime
) -> Rectification:
    """Let the text be what the person says that it was.

    Raises:
        Problem: interaction_unknown, also when it is somebody else's; nothing_to_rectify; busy.
    """
    correction = await interaction_correction(person_id, interaction_id, said.text, means=means)
    record = await rectify(person_id, correction, means=means, now=now)
    if record is None:
        raise Problem("nothing_to_rectify")
    return view(record)


async def interaction_correction(person_id: str, interaction_id: str, text: str, *, means: Means) -> Correction:
    """Another text of an interaction of the person's.

    Raises:
        Problem: interaction_unknown.
    """
    people = means.database["people"]
    item = await people.read(person_id, item_id(interaction_id))
    person = await people.read(person_id, PERSON)
    if item is None or person is None:
        raise Problem("interaction_unknown")
    return Correction(
        field=Field.INTERACTION,
        subject_id=interaction_id,
        container="people",
        partition=person_id,
        item_id=item["id"],
        value=text,
        about={"email": person.get("email"), "at": item["at"], "channel": item["channel"], "text": text},
    )


def _view(item: Item) -> Interaction:
    return Interaction(
        interaction_id=item["interactionId"],
        channel=item["channel"],
        subject=item["subject"],
        at=clock.moment(item["at"]),
        text=item["text"],
        basis=item.get("basis"),
        created_at=clock.moment(item["createdAt"]),
        updated_at=clock.moment(item["updatedAt"]) if "updatedAt" in item else None,
        expires_at=clock.moment(item["expiresAt"]),
    )
