"""What of a person's data must stay: the restrictions and legal holds in force, and what they cover.

The records of both lie with the person. What they cover is written as scopes into the person's gate as well: there it
is journalled, so that a restored database knows of it, and there a new ownership finds it.
"""

import hashlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from shared import clock
from shared.cosmos import Container, Database, Item
from shared.data_map import Category
from shared.errors import Problem
from shared.gate import NarrowingJournal, change_policy, load_policy
from shared.policy import KeptBy, Policy

ALL: Final = "all"
"""The scope of everything about a person. A category is a scope by its name, and a period of ownership by its id."""

OF_AN_OWNERSHIP: Final = frozenset({Category.DEVICE, Category.USAGE, Category.PERFORMANCE, Category.SERVICE})
"""The categories of what is held under a period of ownership."""

RESTORED_HOLD: Final = timedelta(days=365)
"""How long a hold lasts that only the journal remembers: its own end is not known any more."""

_RECORDS: Final = "SELECT * FROM c WHERE c.type IN ('restriction', 'legalHold')"


@dataclass(frozen=True, slots=True)
class InForce:
    """One restriction or one hold."""

    id: str
    scope: str
    """`ALL`, a category, or the id of a period of ownership."""
    ground: str
    until: datetime | None = None
    """When a hold ends; when a restriction ends that is being lifted."""
    untold: bool = False
    """Whether the person may not be told of it, as of an authority's hold."""

    def covers(self, ownership_id: str | None, category: str | None) -> bool:
        """Whether something is in its scope. What has no ownership or no category is only in the scopes without one."""
        return self.scope in {ALL, ownership_id, category}


@dataclass(frozen=True, slots=True)
class Standing:
    """What of a person's data must stay, and why."""

    holds: tuple[InForce, ...] = ()
    restrictions: tuple[InForce, ...] = ()

    def keeps(self, ownership_id: str | None, category: str | None) -> KeptBy | None:
        """Why something may not be destroyed; a hold stands above a restriction."""
        if any(hold.covers(ownership_id, category) for hold in self.holds):
            return "legal_hold"
        if any(restriction.covers(ownership_id, category) for restriction in self.restrictions):
            return "restriction"
        return None

    def applied_to(self, policy: Policy) -> Policy:
        """The policy of the person with these scopes and no others."""
        if policy.tombstone:
            return policy
        return replace(policy, store_only=scopes_of(self.restrictions), held=scopes_of(self.holds))


def scopes_of(in_force: Iterable[InForce]) -> frozenset[str]:
    """What they cover together."""
    return frozenset(one.scope for one in in_force)


def categories_under(scopes: Collection[str], ownership_id: str) -> frozenset[str]:
    """The categories of one period of ownership that scopes cover."""
    if ALL in scopes or ownership_id in scopes:
        return frozenset(category.value for category in OF_AN_OWNERSHIP)
    return frozenset(category.value for category in OF_AN_OWNERSHIP if category.value in scopes)


async def standing(person_id: str, *, people: Container, now: datetime) -> Standing:
    """What of a person's data must stay now."""
    return standing_in(await records_of(person_id, people=people), now)


async def records_of(person_id: str, *, people: Container) -> list[Item]:
    """Every restriction and hold of a person, also those that are over."""
    return [item async for item in people.query(_RECORDS, partition=person_id)]


def standing_in(records: Iterable[Item], now: datetime) -> Standing:
    """What the records say that is in force."""
    live = [record for record in records if _stands(record, now)]
    return Standing(
        holds=tuple(in_force(record) for record in live if record["type"] == "legalHold"),
        restrictions=tuple(in_force(record) for record in live if record["type"] == "restriction"),
    )


def _stands(record: Item, now: datetime) -> bool:
    """A restriction is until it was lifted; a hold until it was ended, or has come to its end."""
    return not is_ended(record) and (record["type"] == "restriction" or now < clock.moment(record["until"]))


def is_ended(record: Item) -> bool:
    """Whether it says itself that it is over."""
    return "liftedAt" in record or "endedAt" in record


def scope_of(record: Item) -> str:
    """What a record covers."""
    by_word = {"person": ALL, "device": record.get("ownershipId"), "category": record.get("category")}
    return str(by_word[record["scope"]])


def in_force(record: Item) -> InForce:
    """A record as those ask for it who are about to destroy something."""
    until = record.get("until") or record.get("liftsAt")
    return InForce(
        id=str(record.get("holdId") or record.get("restrictionId")),
        scope=scope_of(record),
        ground=record["ground"],
        until=clock.moment(until) if until is not None else None,
        untold=bool(record.get("untold")),
    )


async def carry_over(
    person_id: str, ownership_id: str, *, database: Database, journal: NarrowingJournal, now: datetime
) -> None:
    """Let a period of ownership begin under what stands for its person.

    To be called behind the ownership's gate and link: who restricts changes the person's gate first and then those of
    all links, so either finds the other.
    """
    try:
        person = await load_policy(database["people"], person_id)
    except LookupError:
        return
    restricted, held = (categories_under(scopes, ownership_id) for scopes in (person.store_only, person.held))
    if restricted or held:

        def kept(policy: Policy) -> Policy:
            return replace(policy, store_only=policy.store_only | restricted, held=policy.held | held)

        await change_policy(database["telemetry"], ownership_id, kept, journal=journal, now=now)


async def is_restricted(ownership_id: str, *categories: Category, telemetry: Container) -> bool:
    """Whether any of these categories is restricted of a period of ownership."""
    try:
        policy = await load_policy(telemetry, ownership_id)
    except LookupError:
        return False
    return bool(policy.store_only & {category.value for category in categories})


async def refuse_restricted(ownership_id: str, *categories: Category, telemetry: Container) -> None:
    """Let staff see nothing of a category of a period of ownership while its processing is restricted.

    Raises:
        Problem: data_restricted.
    """
    if await is_restricted(ownership_id, *categories, telemetry=telemetry):
        raise Problem("data_restricted")


def remembered(person_id: str, policy: Policy, records: Iterable[Item], now: datetime) -> list[Item]:
    """Records for the scopes of a person's gate that have none: a restore has lost them, the journal has not.

    Whether the person may be told of a hold is lost as well; so they are not.
    """
    known = {(record["type"], scope_of(record)) for record in records if not is_ended(record)}
    noted = [("restriction", scope) for scope in sorted(policy.store_only)]
    noted += [("legalHold", scope) for scope in sorted(policy.held)]
    return [_remembered(person_id, kind, scope, now) for kind, scope in noted if (kind, scope) not in known]


def _remembered(person_id: str, kind: str, scope: str, now: datetime) -> Item:
    name = f"{person_id}\nrestored\n{kind}\n{scope}\n{clock.text(now)}"
    record_id = hashlib.sha256(name.encode()).hexdigest()[:32]
    item: dict[str, Any] = {
        "id": f"{kind}:{record_id}",
        "type": kind,
        "personId": person_id,
        **_scope_fields(scope),
        "ground": "restored",
        "since": clock.text(now),
        "nextLookAt": clock.text(now),
    }
    if kind == "restriction":
        return item | {"restrictionId": record_id, "state": "active", "by": "restore"}
    return item | {"holdId": record_id, "until": clock.text(now + RESTORED_HOLD), "untold": True}


def _scope_fields(scope: str) -> dict[str, str]:
    if scope == ALL:
        return {"scope": "person"}
    if scope in set(Category):
        return {"scope": "category", "category": scope}
    return {"scope": "device", "ownershipId": scope}
