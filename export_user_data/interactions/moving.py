"""What staff entered for the wrong person is taken away there, and entered for the right one when that is known.

The right person has it before the wrong one loses it; there it is blocked like everything that is corrected (LOPDGDD
32), and ledger, person and recipients are told before it is gone. Who is cut off does all of it again.
"""

import hashlib
from contextlib import suppress
from datetime import datetime
from typing import Final

from export_user_data.interactions.contacts import refuse_restricted, tell_contact
from export_user_data.interactions.contract import InteractionTakenAway, TakeAwayInteraction
from export_user_data.rectification.interactions import item_id
from export_user_data.whom import person_named
from shared import clock, ledger
from shared.callers import Role, Staff
from shared.cosmos import Conflict, Create, Delete, Item, Stale, declared
from shared.data_map import Category
from shared.errors import Problem
from shared.expiry import expiring
from shared.gate import write_behind_gate
from shared.injection import reached
from shared.keys import keyed_id
from shared.notifications import notify
from shared.people import PERSON
from shared.recipients import tell_recipients
from shared.rectifying import Means

_NOT_MOVED: Final = frozenset({"keptBy", "ttl", "expiresAt"})
"""What belongs to the item in its former place."""


async def take_away(
    staff: Staff, interaction_id: str, asked: TakeAwayInteraction, *, means: Means, now: datetime
) -> InteractionTakenAway:
    """Take an interaction away from a person whose it is not; a repeat completes what was cut off, and says the same.

    Raises:
        Problem: interaction_unknown; person_unknown, of whom it is to be; data_restricted; field_out_of_range, when it
            is to be moved to whom it is with; busy.
    """
    person_id, people = asked.person_id, means.database["people"]
    owner_id = await _owner(asked, means)
    taken = InteractionTakenAway(
        interaction_id=interaction_id,
        moved_to=owner_id,
        moved_as=_moved_id(owner_id, interaction_id, means) if owner_id is not None else None,
    )
    request_id = hashlib.sha256(f"taken away\n{person_id}\n{interaction_id}".encode()).hexdigest()[:32]
    item = await people.read(person_id, item_id(interaction_id))
    if item is None:
        if await people.read(person_id, f"told:{request_id}:rectification") is None:
            raise Problem("interaction_unknown")
        return taken
    await refuse_restricted(person_id, people=people, to_destroy=True)
    details = {"interactionId": interaction_id, "purpose": asked.purpose.value}
    actor = ledger.staff(Role.SALES, staff.staff_id)
    step = ledger.Step(request_id, "interaction_taken_away", actor, details)
    await ledger.record_about(person_id, step, database=means.database, now=now)
    await reached("interaction.recorded")
    if taken.moved_to is not None and taken.moved_as is not None:
        step = ledger.Step(taken.moved_as, "interaction_moved_here", actor, details | {"interactionId": taken.moved_as})
        await _enter(item, taken.moved_to, taken.moved_as, staff, step, means, now)
        await reached("interaction.moved")
    await _block_and_tell(request_id, item, means, now)
    await reached("interaction.told")
    try:
        await write_behind_gate(people, person_id, [Delete(item["id"], item["_etag"])])
    except Stale as stale:
        raise Problem("busy", retry_after_s=1) from stale
    return taken


async def _owner(asked: TakeAwayInteraction, means: Means) -> str | None:
    if asked.belongs_to is None:
        return None
    found = await person_named(asked.belongs_to, database=means.database, identity_key=means.identity_key)
    if found == asked.person_id:
        raise Problem("field_out_of_range", pointer="/belongsTo")
    return found


def _moved_id(owner_id: str, interaction_id: str, means: Means) -> str:
    return keyed_id(means.identity_key, "moved interaction", f"{owner_id}\n{interaction_id}")


async def _enter(
    item: Item, owner_id: str, moved_as: str, staff: Staff, step: ledger.Step, means: Means, now: datetime
) -> None:
    """Enter it for the right person: as old as it is, and kept by nothing of the wrong one's."""
    people = means.database["people"]
    moved = {name: value for name, value in declared(item).items() if name not in _NOT_MOVED} | {
        "id": item_id(moved_as),
        "personId": owner_id,
        "interactionId": moved_as,
        "enteredBy": staff.staff_id,
        **expiring("people", "interaction", since=clock.moment(item["createdAt"]), now=now),
    }
    await ledger.record_about(owner_id, step, database=means.database, now=now)
    with suppress(Conflict):  # a repeat
        await write_behind_gate(people, owner_id, [Create(moved)])
    await tell_contact(owner_id, people=people, now=now)


async def _block_and_tell(request_id: str, item: Item, means: Means, now: datetime) -> None:
    from shared.vault import block  # noqa: PLC0415 - no cold start waits for what seals

    person_id, people = item["personId"], means.database["people"]
    person = await people.read(person_id, PERSON) or {}
    stored = [("people", declared(item))]
    await block(
        request_id, "taken-away", stored, ground="rectification", person_id=person_id, vault=means.vault, now=now
    )
    await reached("interaction.blocked")
    await notify(person_id, "interaction_taken_away", item["interactionId"], {"since": now}, people=people, now=now)
    about = {name: item[name] for name in ("at", "channel")}  # the wrong person sees the notice: no words of another's
    await tell_recipients(
        request_id,
        "rectification",
        {"email": person.get("email"), "takenAway": about},
        categories=[Category.INTERACTIONS],
        person_id=person_id,
        database=means.database,
        webhooks=means.webhooks,
        now=now,
    )
