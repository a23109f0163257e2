"""The guardian's side: who asked one to act for them, whom one acts for, and until when.

The minor's item is the truth, under its ETag; what lies with the guardian only finds it. Every part may be repeated.
"""

from contextlib import suppress
from datetime import date, datetime
from http import HTTPStatus
from typing import Final

from export_user_data.consents.age import OF_ASKING, check_of_age
from export_user_data.consents.contract import Ward, WardEnded, WardInvitation, Wards
from export_user_data.consents.recording import By
from shared import clock
from shared.callers import Resident
from shared.cosmos import BatchFailed, Conflict, Container, Create, Database, Delete, Item, Replace, Stale, declared
from shared.errors import Problem
from shared.gate import Erased, write_behind_gate
from shared.guardianship import AGE, is_guardian, is_minor, item_id, ward_id
from shared.injection import reached
from shared.invitations import take_back
from shared.ledger import THE_PERSON, Actor, Step, record_about
from shared.notifications import notify

OF_AGE: Final = 14
_TRIES: Final = 5
_WARDS: Final = "SELECT * FROM c WHERE c.type = 'ward'"


async def acting_for(caller: Resident, guardianship_id: str, *, people: Container, now: datetime) -> By:
    """The minor for whom a caller may act now.

    Raises:
        Problem: ward_unknown, also for a minor of somebody else, and once they are 14.
    """
    ward = await people.read(caller.person_id, ward_id(guardianship_id))
    own_age = await people.read(caller.person_id, AGE)
    if own_age is not None and is_minor(own_age, now):  # who is under 14 acts for nobody
        raise Problem("ward_unknown")
    age = await people.read(ward["wardPersonId"], AGE) if ward is not None else None
    if age is None or not (is_guardian(age, caller.person_id, guardianship_id) and is_minor(age, now)):
        raise Problem("ward_unknown")
    return By(age["personId"], guardianship_id, caller.person_id)


async def list_wards(caller: Resident, *, database: Database, now: datetime) -> Wards:
    """For whom one acts, and who asks one to; of nobody a name or an address."""
    people, wards = database["people"], []
    async for ward in people.query(_WARDS, partition=caller.person_id):
        age = await people.read(ward["wardPersonId"], AGE)
        if age is not None and is_guardian(age, caller.person_id, ward["guardianshipId"]) and is_minor(age, now):
            wards.append(_view(age))
    asked: list[Item] = []
    if caller.contact_key is not None:
        of_address = database["identities"].query("SELECT * FROM c", partition=caller.contact_key)
        asked = [item async for item in of_address if item["type"] == "guardianInvitation"]
    invitations = [
        WardInvitation(
            ward_id=item["invitationId"],
            invited_at=clock.moment(item["invitedAt"]),
            expires_at=clock.moment(item["expiresAt"]),
        )
        for item in sorted(asked, key=lambda item: (item["invitedAt"], item["id"]))
        if now < clock.moment(item["expiresAt"])
    ]
    return Wards(wards=sorted(wards, key=lambda ward: (ward.since, ward.ward_id)), invitations=invitations)


def first_day_of_age(month: str, now: datetime) -> date:
    """The day after the month in which somebody becomes 14: until then they may be younger.

    Raises:
        Problem: field_out_of_range, when that has come already, or they are not born.
    """
    if not f"{now:%Y-%m}" <= month <= f"{now.year + OF_AGE}-{now:%m}":
        raise Problem("field_out_of_range", pointer="/turns14On")
    year, number = int(month[:4]), int(month[5:])
    return date(year + number // 12, number % 12 + 1, 1)


async def accept(caller: Resident, guardianship_id: str, month: str, *, database: Database, now: datetime) -> Ward:
    """Become the guardian of who asked one, until the end of the month in which they become 14.

    Raises:
        Problem: ward_unknown, guardian_needed by who is a minor too, field_out_of_range, or busy.
    """
    people = database["people"]
    await check_of_age(caller.person_id, now, people=people)
    acts_from = first_day_of_age(month, now)
    person_id = await _asked_by(caller, guardianship_id, database=database, now=now)
    for _ in range(_TRIES):
        age = await _age(person_id, guardianship_id, people)
        if not is_guardian(age, caller.person_id, guardianship_id):
            if age["state"] != "asked":
                raise Problem("ward_unknown")
            await _found(caller, guardianship_id, person_id, people=people, now=now)
            await reached("guardians.accepting")
            granted = {
                "state": "accepted",
                "guardianPersonId": caller.person_id,
                "since": clock.text(now),
                "actsFrom": acts_from.isoformat(),
            }
            try:
                age = await _changed(age, granted, people)
            except Stale:
                continue  # another guardian was asked meanwhile
        await _tell(age, "guardian_accepted", "since", clock.moment(age["since"]), database=database, now=now)
        await _record_own(caller, guardianship_id, "ward_accepted", database=database, now=now)
        await reached("guardians.told")
        await _take_back(caller, guardianship_id, database)
        return _view(age)
    raise Problem("busy", retry_after_s=1)


async def decline(caller: Resident, guardianship_id: str, *, database: Database, now: datetime) -> WardEnded:
    """Decline to act for who asked one; a repeat completes what was cut off.

    Raises:
        Problem: ward_unknown, also once that is complete; or busy.
    """
    people = database["people"]
    person_id = await _invited_by(caller, guardianship_id, database=database, now=now)
    for _ in range(_TRIES):
        age = await _age(person_id, guardianship_id, people)
        if age["state"] == "accepted":
            raise Problem("ward_unknown")
        if age["state"] == "asked":
            try:
                await _changed(age, {"state": "none"}, people)
            except Stale:
                continue
        await _tell(age, "guardian_declined", "until", now, database=database, now=now)
        await reached("guardians.told")
        await _take_back(caller, guardianship_id, database)
        return WardEnded(ward_id=guardianship_id)
    raise Problem("busy", retry_after_s=1)


async def step_down(caller: Resident, guardianship_id: str, *, database: Database, now: datetime) -> WardEnded:
    """Act for a minor no more; what was consented to stays as it is. A repeat completes what was cut off.

    Raises:
        Problem: ward_unknown, also once that is complete; or busy.
    """
    people = database["people"]
    ward = await people.read(caller.person_id, ward_id(guardianship_id))
    if ward is None:
        raise Problem("ward_unknown")
    for _ in range(_TRIES):
        age = await people.read(ward["wardPersonId"], AGE)
        if is_guardian(age, caller.person_id, guardianship_id) and age is not None:
            try:
                age = await _changed(age, {"state": "none"}, people)
            except Stale:
                continue
        if age is not None and age["guardianshipId"] == guardianship_id and age["state"] == "none":
            await _tell(age, "guardian_ended", "until", now, database=database, now=now)
        await _record_own(caller, guardianship_id, "ward_ended", database=database, now=now)
        await reached("guardians.told")
        await _forget(ward, people)
        return WardEnded(ward_id=guardianship_id)
    raise Problem("busy", retry_after_s=1)


async def _asked_by(caller: Resident, guardianship_id: str, *, database: Database, now: datetime) -> str:
    """Who asked: it was found once, or is found by the invitation to the caller's verified address."""
    ward = await database["people"].read(caller.person_id, ward_id(guardianship_id))
    if ward is not None:
        return str(ward["wardPersonId"])
    return await _invited_by(caller, guardianship_id, database=database, now=now)


async def _invited_by(caller: Resident, guardianship_id: str, *, database: Database, now: datetime) -> str:
    if caller.contact_key is not None:
        item = await database["identities"].read(caller.contact_key, item_id(guardianship_id))
        if item is not None and now < clock.moment(item["expiresAt"]):
            return str(item["wardPersonId"])
    raise Problem("ward_unknown")


async def _age(person_id: str, guardianship_id: str, people: Container) -> Item:
    """The minor's item, while this is the guardianship that they asked for last."""
    age = await people.read(person_id, AGE)
    if age is None or age["guardianshipId"] != guardianship_id:
        raise Problem("ward_unknown")
    return age


async def _changed(age: Item, change: Item, people: Container) -> Item:
    """Replace the minor's item by what lasts of it and this.

    Raises:
        Stale: it has changed meanwhile.
    """
    written = {name: value for name, value in declared(age).items() if name not in OF_ASKING} | change
    try:
        await write_behind_gate(people, age["personId"], [Replace(written, age["_etag"])])
    except Erased as erased:
        raise Problem("ward_unknown") from erased
    await reached("guardians.answered")
    return written


async def _found(caller: Resident, guardianship_id: str, person_id: str, *, people: Container, now: datetime) -> None:
    ward = {
        "id": ward_id(guardianship_id),
        "type": "ward",
        "personId": caller.person_id,
        "guardianshipId": guardianship_id,
        "wardPersonId": person_id,
        "acceptedAt": clock.text(now),
    }
    with suppress(Conflict):  # a repeat
        await write_behind_gate(people, caller.person_id, [Create(ward)])


async def _tell(age: Item, action: str, parameter: str, moment: datetime, *, database: Database, now: datetime) -> None:
    """Tell the minor, and their ledger."""
    guardianship_id, person_id = age["guardianshipId"], age["personId"]
    step = Step(guardianship_id, action, Actor("guardian", guardianship_id), {"guardianshipId": guardianship_id})
    with suppress(Erased):  # nobody is left of whom it could be told
        await record_about(person_id, step, database=database, now=now)
    await notify(person_id, action, guardianship_id, {parameter: moment}, people=database["people"], now=now)


async def _record_own(
    caller: Resident, guardianship_id: str, action: str, *, database: Database, now: datetime
) -> None:
    step = Step(guardianship_id, action, THE_PERSON, {"guardianshipId": guardianship_id})
    await record_about(caller.person_id, step, database=database, now=now)


async def _take_back(caller: Resident, guardianship_id: str, database: Database) -> None:
    if caller.contact_key is not None:
        await take_back(caller.contact_key, item_id(guardianship_id), identities=database["identities"])


async def _forget(ward: Item, people: Container) -> None:
    try:
        await people.batch(ward["personId"], [Delete(ward["id"])])
    except BatchFailed as failed:
        if failed.status != HTTPStatus.NOT_FOUND:
            raise


def _view(age: Item) -> Ward:
    return Ward(
        ward_id=age["guardianshipId"],
        since=clock.moment(age["since"]),
        acts_from=date.fromisoformat(age["actsFrom"]),
    )
