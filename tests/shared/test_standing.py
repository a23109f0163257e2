"""Standing: what of a person's data must stay, for whoever is about to destroy some of it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from export_user_data.restriction import restrictions
from local.cosmos import CosmosServer
from shared import clock as clocks
from shared.blobs import Blobs
from shared.cosmos import Database, Item
from shared.gate import change_policy, create_gate, load_policy
from shared.journal import Journal, replay
from shared.keys import KeySet
from shared.policy import Policy, Window
from shared.standing import ALL, InForce, Standing, carry_over, categories_under, records_of, scope_of, standing
from tests.conftest import SettableClock
from tests.doubles import RecordingJournal
from tests.export_user_data.restriction.desk import Desk

MARIA = "a" * 32
OWNED, OTHER = "1" * 32, "2" * 32
START = datetime(2026, 3, 1, tzinfo=UTC)


def restricted(scope: str) -> Standing:
    return Standing(restrictions=(InForce("r", scope, "unlawful"),))


@pytest.mark.parametrize(
    ("scope", "ownership_id", "category", "kept"),
    [
        (ALL, None, None, True),
        (ALL, OWNED, "usage", True),
        (OWNED, OWNED, "usage", True),
        (OWNED, OWNED, None, True),
        (OWNED, OTHER, "usage", False),
        (OWNED, None, "person", False),
        ("usage", OWNED, "usage", True),
        ("usage", OTHER, "usage", True),
        ("usage", OWNED, "performance", False),
        ("usage", OWNED, None, False),
    ],
)
def test_a_restriction_keeps_what_is_in_its_scope(
    scope: str, ownership_id: str | None, category: str | None, kept: bool
) -> None:
    """And nothing else of the person."""
    assert (restricted(scope).keeps(ownership_id, category) == "restriction") is kept


def test_a_hold_stands_above_a_restriction() -> None:
    """Who asks for the reason is told the one that lasts, whatever becomes of the other."""
    both = replace(restricted(ALL), holds=(InForce("h", "usage", "legal_claims"),))
    assert both.keeps(OWNED, "usage") == "legal_hold"
    assert both.keeps(OWNED, "performance") == "restriction"


@pytest.mark.parametrize(
    ("scopes", "categories"),
    [
        ({ALL}, {"device", "usage", "performance", "service"}),
        ({OWNED}, {"device", "usage", "performance", "service"}),
        ({OTHER, "person"}, set()),
        ({"usage", "app"}, {"usage"}),
    ],
)
def test_scopes_are_categories_of_an_ownership(scopes: set[str], categories: set[str]) -> None:
    """What is not held under an ownership is not said of it."""
    assert categories_under(scopes, OWNED) == categories


def test_what_is_held_narrows_a_policy() -> None:
    """So it is journalled; letting it go is not, like any other widening."""
    free = Policy(epoch=1, start=START)
    for kept in (replace(free, store_only=frozenset({"usage"})), replace(free, held=frozenset({"usage"}))):
        assert kept.is_narrower_than(free)
        assert not free.is_narrower_than(kept)
        assert Policy.from_claims(kept.claims()) == kept


def restriction(now: datetime, **changes: Any) -> Item:
    return {
        "id": "restriction:r",
        "type": "restriction",
        "personId": MARIA,
        "restrictionId": "r",
        "scope": "person",
        "ground": "unlawful",
        "since": clocks.text(now),
        "state": "active",
        "by": "person",
        **changes,
    }


def hold(now: datetime, **changes: Any) -> Item:
    return {
        "id": "legalHold:h",
        "type": "legalHold",
        "personId": MARIA,
        "holdId": "h",
        "scope": "category",
        "category": "usage",
        "ground": "legal_claims",
        "reference": "LH-2026-1",
        "since": clocks.text(now),
        "until": clocks.text(now + timedelta(days=10)),
        "setBy": "b" * 32,
        **changes,
    }


@pytest.mark.wire
async def test_what_is_over_does_not_stand(database: Database, clock: SettableClock) -> None:
    """A restriction that is announced to be lifted stands until it is; a hold ends with its time."""
    people = database["people"]
    lifts_at = clocks.text(clock() + timedelta(days=3))
    await people.create(restriction(clock(), state="lifting", liftsAt=lifts_at))
    await people.create(restriction(clock(), id="restriction:o", state="lifted", liftedAt=clocks.text(clock())))
    await people.create(hold(clock()))
    await people.create(hold(clock(), id="legalHold:e", endedAt=clocks.text(clock())))
    found = await standing(MARIA, people=people, now=clock())
    assert found.restrictions == (InForce("r", ALL, "unlawful", clock() + timedelta(days=3)),)
    assert found.holds == (InForce("h", "usage", "legal_claims", clock() + timedelta(days=10)),)
    clock.forward(days=10)
    assert (await standing(MARIA, people=people, now=clock())).holds == ()


@pytest.mark.wire
async def test_a_new_ownership_begins_under_what_stands(database: Database, clock: SettableClock) -> None:
    """What its person has restricted is never collected freely, not even at first."""
    start = Policy(epoch=1, start=clock(), windows={"usage": (Window(clock()),)})
    await create_gate(database["people"], MARIA, replace(start, store_only=frozenset({ALL}), held=frozenset({"usage"})))
    for owner, ownership_id in ((MARIA, OWNED), ("somebody else", OTHER)):
        await create_gate(database["telemetry"], ownership_id, start)
        journal = RecordingJournal()
        await carry_over(owner, ownership_id, database=database, journal=journal, now=clock())
        policy = await load_policy(database["telemetry"], ownership_id)
        assert bool(journal.entries) is (owner == MARIA)
        assert policy.kept_by("usage") == ("legal_hold" if owner == MARIA else None)
        assert policy.kept_by("performance") == ("restriction" if owner == MARIA else None)


@pytest.mark.wire
async def test_a_restored_database_remembers_what_stood(
    database: Database, clock: SettableClock, cosmos: CosmosServer, blobs: Blobs, tmp_path: Path
) -> None:
    """Restriction and hold came after the backup: gates and records say so again, and the replay may be run twice."""
    people, journal = database["people"], Journal(blobs)
    for container, partition in (("people", MARIA), ("people", "b" * 32), ("telemetry", OWNED)):
        await create_gate(database[container], partition, Policy(epoch=1, start=clock()))
    cosmos.snapshot(tmp_path / "snapshot")
    scopes = frozenset({ALL, OWNED, "usage"})
    await change_policy(people, MARIA, lambda policy: replace(policy, store_only=scopes), journal=journal, now=clock())
    await change_policy(
        people, "b" * 32, lambda policy: replace(policy, held=frozenset({ALL})), journal=journal, now=clock()
    )
    clock.forward(seconds=1)
    await change_policy(
        database["telemetry"],
        OWNED,
        lambda policy: replace(policy, store_only=frozenset({"usage"})),
        journal=journal,
        now=clock(),
    )
    cosmos.restore(tmp_path / "snapshot")
    for _ in range(2):
        await replay(database, journal, now=clock())
    assert (await load_policy(database["telemetry"], OWNED)).kept_by("usage") == "restriction"
    assert (await load_policy(people, MARIA)).store_only == scopes
    assert {scope_of(record) for record in await records_of(MARIA, people=people)} == scopes
    found = await standing(MARIA, people=people, now=clock())
    assert [(one.ground, one.until) for one in found.restrictions] == [("restored", None)] * 3
    [held] = (await standing("b" * 32, people=people, now=clock())).holds
    assert (held.scope, held.ground, held.until) == (ALL, "restored", clock() + timedelta(days=365))


@pytest.mark.wire
async def test_a_restored_database_keeps_what_was_restricted(
    database: Database, device_keys: KeySet, clock: SettableClock, cosmos: CosmosServer, blobs: Blobs, tmp_path: Path
) -> None:
    """The restriction came after the backup: the replay brings it back, and the timer what it keeps."""
    journal = Journal(blobs)
    desk = await Desk.opened(database, device_keys, clock, cosmos, journal)
    await desk.home.messages(2)
    cosmos.snapshot(tmp_path / "snapshot")
    desk.forward(seconds=1)
    await desk.restrict(scope="device", deviceId=desk.home.access.device_id)
    cosmos.restore(tmp_path / "snapshot")
    assert (await desk.stands()).restrictions == ()
    await replay(database, journal, now=desk.clock())
    assert (await desk.stands()).keeps(desk.ownership_id, "usage") == "restriction"
    await desk.home.messages(1)
    assert await desk.look() == 1
    await desk.work()
    assert await desk.kept_by() == ["restriction"] * 3
    [restored] = (await desk.stands()).restrictions
    await restrictions.lift_own("maria", restored.id, desk.office)
    await desk.work()
    assert await desk.kept_by() == [None] * 3
