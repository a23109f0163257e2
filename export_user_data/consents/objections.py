"""Objections to statistics: of all monitors or of one, at once, and without being asked why."""

from dataclasses import replace
from datetime import datetime

from export_user_data.consents.age import check_of_age
from export_user_data.consents.contract import Objection, ObjectionEntry, Objections
from export_user_data.consents.recording import By, choices_of, entries, last, record
from export_user_data.consents.settling import Stores, settle
from shared import choices, clock
from shared.cosmos import Container, Item
from shared.data_map import Category
from shared.data_map.choices import COLLECTING
from shared.errors import Problem
from shared.injection import reached
from shared.people import new_id
from shared.policy import Policy

_CATEGORY = Category.USAGE


async def object_to_statistics(by: By, device_id: str | None, *, stores: Stores, now: datetime) -> Objections:
    """Object: nothing is collected from now on, and what is stored is counted nowhere. Again changes nothing.

    Raises:
        Problem: device_not_yours.
    """
    return await _choose(by, device_id, stores=stores, now=now, objected=True)


async def withdraw_objection(by: By, device_id: str | None, *, stores: Stores, now: datetime) -> Objections:
    """Take an objection back: that of one monitor, or every one. It is collected from now on; again changes nothing.

    Raises:
        Problem: device_not_yours; guardian_needed, by a minor.
    """
    return await _choose(by, device_id, stores=stores, now=now, objected=False)


async def _choose(by: By, device_id: str | None, *, stores: Stores, now: datetime, objected: bool) -> Objections:
    people = stores.database["people"]
    if not objected and by.guardianship_id is None:
        await check_of_age(by.person_id, now, people=people)
    if device_id is not None:
        await _check_own(by.person_id, device_id, people=people)

    def change(policy: Policy) -> Policy:
        named = choices.objection(_CATEGORY, device_id)
        if objected:
            return replace(policy, objected=policy.objected | {named})
        kept = {one for one in policy.objected if one != named} if device_id is not None else _others(policy)
        return replace(policy, objected=frozenset(kept))

    entry = _entry(by, device_id, now, objected=objected)
    await record(entry, change, people=people, journal=stores.journal, now=now)
    await reached("choices.recorded")
    await settle(by.person_id, stores=stores, now=now)
    return await list_objections(by.person_id, people=people)


def _others(policy: Policy) -> set[str]:
    """The objections to anything else."""
    return {one for one in policy.objected if one.partition(":")[0] != _CATEGORY.value}


async def _check_own(person_id: str, device_id: str, *, people: Container) -> None:
    query = "SELECT c.id FROM c WHERE c.type = 'link' AND c.role = 'owner' AND c.deviceId = @device"
    async for _ in people.query(query, {"device": device_id}, partition=person_id):
        return
    raise Problem("device_not_yours")


def _entry(by: By, device_id: str | None, now: datetime, *, objected: bool) -> Item:
    objection_id = new_id()
    return {
        "id": f"objection:{objection_id}",
        "type": "objection",
        "objectionId": objection_id,
        "category": _CATEGORY.value,
        "objected": objected,
        **({"deviceId": device_id} if device_id is not None else {}),
        **by.fields(now),
    }


async def list_objections(person_id: str, *, people: Container) -> Objections:
    """What stands, and all that was ever said."""
    policy = await choices_of(person_id, people=people)
    history = await entries(person_id, "objection", people=people)
    standing = []
    for named in sorted(policy.objected - _others(policy)):
        device_id = named.partition(":")[2] or None
        said = last(history, deviceId=device_id, objected=True)
        since = clock.moment(said["at"]) if said is not None else None
        standing.append(Objection(device_id=device_id, since=since))
    return Objections(
        after_objection=COLLECTING[_CATEGORY].after_objection,
        objections=standing,
        history=[_view(entry) for entry in history],
    )


def _view(entry: Item) -> ObjectionEntry:
    return ObjectionEntry(
        objection_id=entry["objectionId"],
        objected=entry["objected"],
        device_id=entry.get("deviceId"),
        at=clock.moment(entry["at"]),
        by=entry["by"],
    )
