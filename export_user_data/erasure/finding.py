"""What an erasure has to find before anything is gone: keys, ids and places, kept with the job until then."""

from datetime import datetime
from typing import Any, Final

from export_user_data.erasure import plan
from export_user_data.erasure.plan import OF_MONITORS
from export_user_data.requests.precedence import asked_before
from shared import data_map
from shared.cosmos import Database, Item
from shared.data_map import Category
from shared.ledger import subject_of
from shared.people import PERSON
from shared.standing import OF_AN_OWNERSHIP, standing

Identifiers = dict[str, Any]

_LOOK_UPS: Final = ("identityKey", "contactKey", "formerKey")
"""Fields of the person's own items that name a look-up."""

UNDER_REVIEW: Final = "under_review"
"""What is said of a hold that the person may not be told of."""


async def identifiers(item: Item, *, database: Database) -> Identifiers:
    """Under which names things lie that this erasure takes away.

    `personId`; `owned` as pairs of ownership and device; of a person also `guest` links, `lookUps` as keys of sign-in
    and addresses, `guardian` invitations, `email`, `language`; `pushKeys` of installations that go; `exports` as ids.
    """
    own = [one async for one in database["people"].query("SELECT * FROM c", partition=item["personId"])]
    links = [one for one in own if one["type"] == "link"]
    owned = [
        [link["ownershipId"], link["deviceId"]]
        for link in sorted(links, key=lambda link: str(link["since"]))
        if link["role"] == "owner" and item.get("deviceId") in {None, link["deviceId"]}
    ]
    if item.get("category") not in {None, *OF_MONITORS}:  # it lies with the person alone
        owned = []
    found: Identifiers = {"personId": item["personId"], "owned": owned, "guest": [], "pushKeys": [], "exports": []}
    found |= {"lookUps": [], "guardian": []}
    found["pushKeys"] = _push_keys(item, own)
    person = next((one for one in own if one["id"] == PERSON), {})
    found |= {name: person[name] for name in ("email",) if name in person}  # by which recipients know them
    if item["scope"] == "person":
        found["lookUps"] = sorted({one[name] for one in own for name in _LOOK_UPS if name in one})
        found["guardian"] = [[one["guardianKey"], one["guardianshipId"]] for one in own if "guardianKey" in one]
        found["guest"] = [[link["guestId"], link["deviceId"]] for link in links if link["role"] == "guest"]
        found["exports"] = await _exports(item["personId"], database=database)
        found["language"] = _language(own)
    return found


async def push_keys(item: Item, *, database: Database) -> list[str]:
    """The keys of the push addresses that go, as they are now: a phone may have got another one meanwhile."""
    query = "SELECT * FROM c WHERE c.type = 'appInstallation'"
    return _push_keys(item, [one async for one in database["people"].query(query, partition=item["personId"])])


def _push_keys(item: Item, own: list[Item]) -> list[str]:
    if item["scope"] == "category" and item["category"] != Category.APP:
        return []
    if item["scope"] == "device":
        return []
    installations = [one for one in own if one["type"] == "appInstallation"]
    through = item.get("through") if item["scope"] == "category" else None
    going = [one for one in installations if through is None or one["updatedAt"] <= through]
    return [key for one in going for key in one.get("pushKeys", ())]


def places(item: Item, found: Identifiers) -> list[plan.Place]:
    """The partitions that are purged, in their order."""
    person_id, owned = found["personId"], found["owned"]
    if item["scope"] == "person":
        return list(plan.of_person(person_id, owned))
    if item["scope"] == "device":
        of_periods = [place for pair in owned for place in plan.of_ownership(*pair)]
        return [*of_periods, *(plan.of_link(person_id, ownership_id) for ownership_id, _ in owned)]
    return list(plan.of_category(Category(item["category"]), person_id, owned, item["through"]))


async def _exports(person_id: str, *, database: Database) -> list[str]:
    """The person's exports: a job reads across partitions, and no request does."""
    query = "SELECT c.jobId FROM c WHERE c.personId = @person AND c.type = 'export'"
    return [one["jobId"] async for one in database["jobs"].query(query, {"person": person_id})]


def _language(own: list[Item]) -> str | None:
    installations = [one for one in own if one["type"] == "appInstallation"]
    newest = max(installations, key=lambda one: str(one["updatedAt"]), default={})
    return newest.get("language")


async def held(places_to_purge: list[plan.Place], *, database: Database) -> dict[str, int]:
    """How many items of each record there are to go, as `container/record`."""
    counted: dict[str, int] = {}
    for place in places_to_purge:
        condition, parameters = place.condition(place.records)
        query = f"SELECT c.type FROM c WHERE {condition}"  # noqa: S608 - names of the data map
        found = database[place.container].query(query, parameters, partition=place.partition, page_size=1000)
        async for one in found:
            name = f"{place.container}/{one['type']}"
            counted[name] = counted.get(name, 0) + 1
    return counted


def blocked_categories(counted: dict[str, int]) -> list[Category]:
    """The categories of what is not gone but blocked."""
    records = [data_map.record(*name.split("/")) for name in counted]
    return sorted({record.category for record in records if plan.becomes(record) == "block"})


async def ledger_subject(person_id: str, *, database: Database) -> str:
    """The person's random name in the ledger."""
    return await subject_of(person_id, people=database["people"])


async def held_by(item: Item, *, database: Database, now: datetime) -> str | None:
    """The legal hold or restriction that keeps something of this erasure; it waits as a whole for as long as that."""
    stand = await standing(item["personId"], people=database["people"], now=now)
    if not (stand.holds or stand.restrictions):
        return None
    if any(hold.untold for hold in stand.holds):
        return UNDER_REVIEW
    if item["scope"] == "person":
        return "legal_hold" if stand.holds else "restriction"
    found = item.get("identifiers") or await identifiers(item, database=database)
    owned = [ownership_id for ownership_id, _ in found["owned"]]
    categories = [item["category"]] if "category" in item else [None, *OF_AN_OWNERSHIP]
    kept = {stand.keeps(ownership_id, category) for ownership_id in (None, *owned) for category in categories}
    return next((reason for reason in ("legal_hold", "restriction") if reason in kept), None)


async def held_or_asked(item: Item, *, database: Database, now: datetime) -> str | None:
    """What keeps something of an erasure, or what its person asked for and was not answered yet."""
    kept = await held_by(item, database=database, now=now)
    return kept or await asked_before(item["personId"], people=database["people"])


async def waits_for(item: Item, *, database: Database, now: datetime) -> str | None:
    """What goes before an erasure: a legal hold, a restriction, an access; also one that is still asked for."""
    asked = await held_or_asked(item, database=database, now=now)
    if asked is not None:
        return asked
    query = "SELECT c.state FROM c WHERE c.personId = @person AND c.type = 'export'"
    states = {one["state"] async for one in database["jobs"].query(query, {"person": item["personId"]})}
    return "access_request" if states & {"queued", "running"} else None
