"""What follows from a choice: the gates of all the person's monitors, then ledger, notification and figures.

Every part may be repeated. The gates follow the choices as they stand when this runs, not as one entry says, so that of
two that are settled at once the newer one holds.
"""

import asyncio
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any, Final, Self

from shared import clock
from shared.callers import Role
from shared.choices import following, founded
from shared.cosmos import BatchFailed, Container, Database, Delete, Item
from shared.data_map.choices import PURPOSES
from shared.gate import Erased, NarrowingJournal, change_policy, create_gate, load_policy
from shared.hubs import Hub
from shared.injection import reached
from shared.ledger import THE_PERSON, Actor, Step, record_about, staff
from shared.notifications import notify
from shared.policy import Policy
from shared.services import Services
from shared.statistics import recompute_open
from shared.turns import Turns

CONCURRENT_GATES: Final = 8
REPAIRED_AFTER: Final = timedelta(minutes=2)
AT_ONCE: Final = 100

_MARKS: Final = "SELECT * FROM c WHERE c.type = 'unsettledChoice'"
_LINKS: Final = "SELECT * FROM c WHERE c.type = 'link' AND c.role = 'owner'"
_PENDING: Final = (
    "SELECT TOP @most c.personId FROM c "
    "WHERE c.pendingSince <= @before AND c.type = 'unsettledChoice' ORDER BY c.pendingSince"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stores:
    """What choices take effect on."""

    database: Database
    hub: Hub
    journal: NarrowingJournal

    @classmethod
    def of(cls, services: Services) -> Self:
        """Those of the app."""
        return cls(database=services.database, hub=services.hubs.jobs, journal=services.journal)


async def settle(person_id: str, *, stores: Stores, now: datetime) -> None:
    """Let everything follow the person's choices, as far as nobody has done it yet."""
    people = stores.database["people"]
    marks = [mark async for mark in people.query(_MARKS, partition=person_id)]
    if not marks:
        return
    person = await load_policy(people, person_id)
    if person.tombstone:
        return
    links = [link async for link in people.query(_LINKS, partition=person_id)]
    limit = asyncio.Semaphore(CONCURRENT_GATES)

    async def followed(link: Item) -> None:
        async with limit:
            await _follow(link, person, stores=stores, now=now)

    await asyncio.gather(*(followed(link) for link in links))
    await reached("choices.followed")
    for mark in sorted(marks, key=lambda mark: str(mark["pendingSince"])):
        entry = await people.read(person_id, mark["entryId"])
        if entry is not None:
            await _tell(entry, links, stores=stores, now=now)
        await reached("choices.told")
        await _remove(mark, people)


async def _follow(link: Item, person: Policy, *, stores: Stores, now: datetime) -> None:
    """Let one ownership follow; one that has no gate yet, as in the midst of a registration, is given it."""
    telemetry, ownership_id = stores.database["telemetry"], link["ownershipId"]

    def followed(policy: Policy) -> Policy:
        return following(policy, person, link, now=now)

    try:
        await change_policy(telemetry, ownership_id, followed, journal=stores.journal, now=now)
    except LookupError:
        await create_gate(telemetry, ownership_id, founded(person, link, start=clock.moment(link["since"])))
        await change_policy(telemetry, ownership_id, followed, journal=stores.journal, now=now)
    await reached("choices.gate_followed")


@dataclass(frozen=True, slots=True)
class _Said:
    """One entry as ledger and notifications tell of it."""

    action: str
    choice_id: str
    details: Mapping[str, str]
    ends_use: bool
    device_id: str | None = None


def _said(entry: Item) -> _Said:
    if entry["type"] == "objection":
        action = "objection_recorded" if entry["objected"] else "objection_withdrawn"
        scope = "one_device" if "deviceId" in entry else "all_devices"
        details = {"objectionId": entry["objectionId"], "category": entry["category"], "scope": scope}
        return _Said(action, entry["objectionId"], details, entry["objected"], entry.get("deviceId"))
    action = "consent_given" if entry["given"] else "consent_withdrawn"
    details = {"consentId": entry["consentId"], "purpose": entry["purpose"], "noticeHash": entry["noticeHash"]}
    is_of_use = PURPOSES[entry["purpose"]].category.value == "usage"
    return _Said(action, entry["consentId"], details, is_of_use and not entry["given"])


async def _tell(entry: Item, links: list[Item], *, stores: Stores, now: datetime) -> None:
    said, database = _said(entry), stores.database
    step = Step(said.choice_id, said.action, _actor(entry), said.details)
    await record_about(entry["personId"], step, database=database, now=now)
    if entry["by"] == "guardian":
        acted: dict[str, Any] = {
            "guardianshipId": entry["guardianshipId"],
            "choiceId": said.choice_id,
            "choice": said.action,
        }
        step = Step(said.choice_id, "ward_choice_made", THE_PERSON, acted)
        with suppress(Erased):  # the guardian may be gone; what they said stays
            await record_about(entry["guardianPersonId"], step, database=database, now=now)
    moments = {"since": clock.moment(entry["at"])}
    await notify(entry["personId"], said.action, said.choice_id, moments, people=database["people"], now=now)
    if said.ends_use:
        for link in links:
            if said.device_id in {None, link["deviceId"]}:
                await recompute_open(link["ownershipId"], said.choice_id, database=database, hub=stores.hub, now=now)


def _actor(entry: Item) -> Actor:
    if entry["by"] == "guardian":
        return Actor("guardian", entry["guardianshipId"])
    return staff(Role.PRIVACY, entry["enteredBy"]) if "enteredBy" in entry else THE_PERSON


async def _remove(mark: Item, people: Container) -> None:
    try:
        await people.batch(mark["personId"], [Delete(mark["id"])])
    except BatchFailed as failed:
        if failed.status != HTTPStatus.NOT_FOUND:  # somebody else has settled it as well
            raise


async def repair(*, stores: Stores, now: datetime) -> Counter[str]:
    """Settle the choices that were cut off and that nobody has repeated; return how many people that were.

    Raises:
        Exception: the first fault, after all others were tried.
    """
    before = {"before": clock.text(now - REPAIRED_AFTER), "most": AT_ONCE}
    found = stores.database["people"].query(_PENDING, before)
    people = dict.fromkeys([str(mark["personId"]) async for mark in found])
    turns = Turns()
    for person_id in people:
        await turns.take(_settled(person_id, stores, now))
    return turns.ended()


async def _settled(person_id: str, stores: Stores, now: datetime) -> str:
    await settle(person_id, stores=stores, now=now)
    return "settled"
