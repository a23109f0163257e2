"""The minor's side: that one is under 14, and whom one names as parent or guardian.

From the moment that it is said, the person's own consent does not count: those that stand are withdrawn in the same
batch. The age is not asked for, and no date of birth is kept.
"""

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any, Final

from export_user_data.consents.consents import withdrawals
from export_user_data.consents.contract import Age
from export_user_data.consents.recording import By, choices_of, living, written
from export_user_data.consents.settling import Stores, settle
from shared import clock, data_map
from shared.callers import Resident
from shared.choices import OWN_CONSENT
from shared.cosmos import Container, Create, Item, Replace, Stale, declared
from shared.errors import Problem
from shared.gate import change_policy, write_behind_gate
from shared.guardianship import AGE, is_asked, is_guardian, is_minor, item_id, ward_id
from shared.injection import reached
from shared.invitations import put_out, take_back
from shared.ledger import THE_PERSON, Step, record_about
from shared.notifications import language_for
from shared.people import PERSON, key_of_address, new_id
from shared.policy import Policy

ASKS_A_DAY: Final = 5
INVITATION_LIFE: Final = data_map.retention("identities", "guardianInvitation")
_TRIES: Final = 5
OF_ASKING: Final = frozenset({"guardianKey", "guardianPersonId", "since"})
"""What the minor's item says of one guardian, and loses with them."""


class _Overtaken(Exception):
    """Other consents stand than those that were read, or the age was said at the same time."""


async def attest_under_14(
    caller: Resident, guardian_email: str, *, stores: Stores, identity_key: bytes, now: datetime
) -> Age:
    """Say that one is under 14, and ask a guardian by mail. Naming the same one again completes what was cut off.

    Another address takes the place of one that has not answered.

    Raises:
        Problem: guardian_is_ward, guardian_accepted, guardian_not_needed, guardians_too_many or busy.
    """
    people, identities = stores.database["people"], stores.database["identities"]
    key = key_of_address(guardian_email, identity_key)
    record = await people.read(caller.person_id, PERSON)
    if key in {caller.contact_key, key_of_address(record["email"], identity_key) if record else None}:
        raise Problem("guardian_is_ward")
    for _ in range(_TRIES):
        known = await people.read(caller.person_id, AGE)
        await _check_may_ask(known, now, people=people)
        if known is not None and is_asked(known, known["guardianshipId"]):
            if known["guardianKey"] == key and now < clock.moment(known["askedAt"]) + INVITATION_LIFE:
                return await _asked(known, guardian_email, stores=stores, now=now)
            await take_back(known["guardianKey"], item_id(known["guardianshipId"]), identities=identities)
        asking = _asking(caller.person_id, known, key, now)
        try:
            if known is None:
                await _attested(asking, stores=stores, now=now)
            else:
                await write_behind_gate(people, caller.person_id, [Replace(asking, known["_etag"])])
        except (Stale, _Overtaken):
            continue
        return await _asked(asking, guardian_email, stores=stores, now=now)
    raise Problem("busy", retry_after_s=1)


async def _check_may_ask(known: Item | None, now: datetime, *, people: Container) -> None:
    if known is None:
        return
    if not is_minor(known, now):
        raise Problem("guardian_not_needed")
    if known["state"] == "accepted" and await _has_guardian(known, people=people):
        raise Problem("guardian_accepted")


async def _has_guardian(age: Item, *, people: Container) -> bool:
    """Whether the guardian is there still: with an erased one goes what made them one."""
    person_id, guardianship_id = age["guardianPersonId"], age["guardianshipId"]
    is_theirs = is_guardian(age, person_id, guardianship_id)
    return is_theirs and await people.read(person_id, ward_id(guardianship_id)) is not None


def _asking(person_id: str, known: Item | None, key: str, now: datetime) -> Item:
    today = now.date().isoformat()
    kept = {name: value for name, value in declared(known or {}).items() if name not in OF_ASKING}
    asks = kept["asks"] + 1 if kept.get("asksOn") == today else 1
    if asks > ASKS_A_DAY:
        tomorrow = datetime.combine(now.date() + timedelta(days=1), datetime.min.time(), now.tzinfo)
        raise Problem("guardians_too_many", retry_after_s=int((tomorrow - now).total_seconds()) + 1)
    first = {"id": AGE, "type": "attestedAge", "personId": person_id, "isUnder14": True, "attestedAt": clock.text(now)}
    return (
        first
        | kept
        | {
            "state": "asked",
            "guardianshipId": new_id(),
            "guardianKey": key,
            "askedAt": clock.text(now),
            "asksOn": today,
            "asks": asks,
        }
    )


async def _attested(asking: Item, *, stores: Stores, now: datetime) -> None:
    """Let the person's own consent count no more: from this one batch on, and none that stands is left."""
    people, person_id = stores.database["people"], asking["personId"]
    policy = await choices_of(person_id, people=people)
    entries = [one for entry in withdrawals(By(person_id), policy, now) for one in written(entry)]

    def change(present: Policy) -> Policy:
        if living(present).consented != policy.consented or OWN_CONSENT in present.objected:
            raise _Overtaken
        return replace(present, consented=frozenset(), objected=present.objected | {OWN_CONSENT})

    beside = [Create(asking), *entries]
    await change_policy(people, person_id, change, journal=stores.journal, now=now, beside=beside)


async def _asked(age: Item, email: str, *, stores: Stores, now: datetime) -> Age:
    """Everything that asking brings; every part may be repeated."""
    database, person_id, guardianship_id = stores.database, age["personId"], age["guardianshipId"]
    await reached("guardians.asked")
    step = Step(guardianship_id, "age_attested", THE_PERSON, {"guardianshipId": guardianship_id})
    await record_about(person_id, step, database=database, now=now)
    invitation = {
        "id": item_id(guardianship_id),
        "type": "guardianInvitation",
        "key": age["guardianKey"],
        "invitationId": guardianship_id,
        "wardPersonId": person_id,
        "invitedAt": age["askedAt"],
    }
    language = await language_for(person_id, people=database["people"])
    until = clock.moment(age["askedAt"]) + INVITATION_LIFE
    address = email.strip().lower()
    await put_out(invitation, address, language, until, identities=database["identities"], now=now)
    await settle(person_id, stores=stores, now=now)
    return _view(age)


async def own_age(person_id: str, *, people: Container) -> Age:
    """What the person said of their age, and how far their guardian is."""
    age = await people.read(person_id, AGE)
    return _view(age) if age is not None else Age(is_under_14=False, state="none")


async def check_of_age(person_id: str, now: datetime, *, people: Container) -> None:
    """Let somebody pass who speaks for themself.

    Raises:
        Problem: guardian_needed.
    """
    if is_minor(await people.read(person_id, AGE), now):
        raise Problem("guardian_needed")


def _view(age: Item) -> Age:
    said: dict[str, Any] = {"is_under_14": age["isUnder14"], "state": age["state"]}
    if age["state"] == "asked":
        said["answer_until"] = clock.moment(age["askedAt"]) + INVITATION_LIFE
    if "since" in age:
        said["since"] = clock.moment(age["since"])
    if "actsFrom" in age:
        said["acts_from"] = date.fromisoformat(age["actsFrom"])
    return Age.model_validate(said)
