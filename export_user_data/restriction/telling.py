"""Who is told of a restriction or a hold: the person, the ledger, and those who were given the data."""

from functools import partial
from typing import Final

from export_user_data.restriction.office import Event, Office
from shared import clock
from shared.cosmos import Item
from shared.data_map import Category
from shared.ledger import SERVICE, SERVICE_SUBJECT, THE_PERSON, Step, record, record_about
from shared.notifications import notify
from shared.people import PERSON

_HOLD_TOLD: Final = {
    "legal_claims": "legal_hold_claims",
    "legal_obligation": "legal_hold_obligation",
    "authority_order": "legal_hold_authority",
}

_OF_A_DEVICE: Final = (Category.DEVICE, Category.USAGE, Category.PERFORMANCE)


def is_new(found: Item) -> bool:
    """Whether nobody has come to the end of its begin yet."""
    return bool(found["nextLookAt"] <= found["since"])


async def tell_begun(found: Item, office: Office) -> None:
    """Tell of the begin, once, and of an announced end; who began or announced it is in the ledger already."""
    tell = partial(notify, found["personId"], people=office.people, now=office.now)
    if is_new(found) and found["type"] == "restriction":
        await tell("restriction_begun", found["restrictionId"], {"since": clock.moment(found["since"])})
        await after_change(found, "restriction", office)
    elif is_new(found) and found["ground"] in _HOLD_TOLD and not found.get("untold"):
        await tell(_HOLD_TOLD[found["ground"]], found["holdId"], {"until": clock.moment(found["until"])})
    if "liftsAt" in found:
        await tell("restriction_lifting", found["restrictionId"], {"until": clock.moment(found["liftsAt"])})


async def tell_ended(found: Item, office: Office) -> None:
    """Tell of the end, before it is one."""
    tell = partial(notify, found["personId"], people=office.people, now=office.now)
    if found["type"] == "legalHold":
        await note(found, Step(found["holdId"], "legal_hold_ended", SERVICE, {"holdId": found["holdId"]}), office)
        if not found.get("untold"):
            await tell("legal_hold_ended", found["holdId"], {"until": office.now})
        return
    actor = THE_PERSON if found["liftedBy"] == "person" else SERVICE
    details = {"restrictionId": found["restrictionId"]}
    await note(found, Step(found["restrictionId"], "restriction_lifted", actor, details), office)
    await tell("restriction_lifted", found["restrictionId"], {"until": clock.moment(found["liftsAt"])})
    await after_change(found, "restriction_lifted", office)


async def after_change(found: Item, event: Event, office: Office) -> None:
    """Tell those who were given the data, with what they need to find their copy."""
    person = await office.people.read(found["personId"], PERSON)
    known_by = {"email": person["email"]} if person is not None and "email" in person else {}
    await office.tell_recipients(
        found["restrictionId"],
        event,
        {"scope": found["scope"], **known_by},
        categories=_categories(found),
        person_id=found["personId"],
    )


def _categories(found: Item) -> list[Category]:
    if found["scope"] == "category":
        return [Category(found["category"])]
    if found["scope"] == "device":
        return list(_OF_A_DEVICE)
    return [category for category in Category if category is not Category.SERVICE]


async def note(found: Item, step: Step, office: Office) -> None:
    """Keep a step in the person's ledger; of what the person may not be told, in the service's own."""
    if found.get("untold"):
        await record(SERVICE_SUBJECT, step, ledger=office.database["ledger"], now=office.now)
    else:
        await record_about(found["personId"], step, database=office.database, now=office.now)
