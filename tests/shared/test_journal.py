"""The journal: a restored database serves nothing before it is narrowed again, and then nothing that was erased."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ingest_telemetry.storing import store_events
from local.cosmos import CosmosServer
from shared.blobs import Blobs
from shared.cosmos import Database
from shared.gate import change_policy, load_policy
from shared.injection import Point, listening
from shared.journal import EPOCH_STRIDE, Journal, RestoredDatabase, intersection, refuse_restored, replay
from shared.policy import Policy, Window
from tests.conftest import SettableClock
from tests.owned import Owned

START = datetime(2026, 3, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


def objected(policy: Policy) -> Policy:
    return replace(policy, windows={})


def erased(policy: Policy) -> Policy:
    return replace(policy, tombstone=True)


class Restorable:
    """An ownership, its journal, and a database that can be put back to an earlier time."""

    def __init__(self, owned: Owned, cosmos: CosmosServer, journal: Journal, snapshot: Path) -> None:
        self.owned = owned
        self.telemetry = owned.database["telemetry"]
        self.journal = journal
        self._cosmos = cosmos
        self._snapshot = snapshot

    async def changed(self, change: object) -> Policy:
        self.owned.clock.forward(seconds=1)
        return await change_policy(
            self.telemetry,
            self.owned.id,
            change,  # type: ignore[arg-type]  # one of the functions above
            journal=self.journal,
            now=self.owned.clock(),
        )

    def backup(self) -> None:
        self._cosmos.snapshot(self._snapshot)

    def restore(self) -> None:
        self._cosmos.restore(self._snapshot)

    async def refused(self) -> bool:
        try:
            await refuse_restored(self.owned.database, self.journal)
        except RestoredDatabase:
            return True
        return False

    async def replay(self) -> int:
        return await replay(self.owned.database, self.journal, now=self.owned.clock())


@pytest.fixture
async def restorable(
    database: Database, clock: SettableClock, cosmos: CosmosServer, blobs: Blobs, tmp_path: Path
) -> Restorable:
    owned = await Owned(database, clock, "0" * 32).begin()
    return Restorable(owned, cosmos, Journal(blobs), tmp_path / "snapshot")


pytestmark = pytest.mark.wire


async def test_a_database_that_knows_the_newest_change_serves(restorable: Restorable) -> None:
    """As long as nothing was restored the check lets it pass."""
    assert not await restorable.refused()
    await restorable.changed(objected)
    assert not await restorable.refused()


async def test_a_widening_change_is_not_journalled(restorable: Restorable) -> None:
    """What a restore forgets of it is only what may not be collected then."""
    await restorable.changed(lambda policy: policy.with_window("performance", Window(restorable.owned.clock())))
    assert await restorable.journal.newest() is None


async def test_a_restored_database_serves_nothing_until_it_is_narrowed_again(restorable: Restorable) -> None:
    """The objection came after the backup: without the journal it would be forgotten."""
    restorable.backup()
    await restorable.changed(objected)
    restorable.restore()
    assert await restorable.refused()
    await restorable.replay()
    assert not await restorable.refused()
    outcome = await store_events([restorable.owned.event()], database=restorable.owned.database)
    assert outcome.readings_refused == {"category_not_open": 1}


async def test_erased_data_does_not_come_back_with_a_backup(restorable: Restorable) -> None:
    """The backup holds what was erased afterwards; the replay purges it, and admits nothing more."""
    await store_events([restorable.owned.event()], database=restorable.owned.database)
    restorable.backup()
    await restorable.changed(erased)
    restorable.restore()
    assert len(await restorable.owned.stored()) == 1
    await restorable.replay()
    assert await restorable.owned.stored() == []
    await store_events([restorable.owned.event()], database=restorable.owned.database)
    assert await restorable.owned.stored() == []


async def test_an_erasure_of_what_the_backup_never_knew_holds_as_well(restorable: Restorable) -> None:
    """The ownership began after the backup and was erased: a tombstone stands where it was."""
    restorable.backup()
    late = await Owned(restorable.owned.database, restorable.owned.clock, "1" * 32).begin()
    await change_policy(restorable.telemetry, late.id, erased, journal=restorable.journal, now=restorable.owned.clock())
    restorable.restore()
    assert await restorable.refused()
    await restorable.replay()
    assert (await load_policy(restorable.telemetry, late.id)).tombstone


async def test_a_token_of_before_the_restore_meets_no_epoch_again(restorable: Restorable) -> None:
    """Its epoch is higher than the restored one: every epoch is raised beyond any that a token can carry."""
    restorable.backup()
    await restorable.changed(lambda policy: policy.with_window("performance", Window(restorable.owned.clock())))
    widened = await load_policy(restorable.telemetry, restorable.owned.id)
    await restorable.changed(objected)
    restorable.restore()
    await restorable.replay()
    assert (await load_policy(restorable.telemetry, restorable.owned.id)).epoch > EPOCH_STRIDE
    health = {"kind": "system_health", "observedAt": restorable.owned.clock().isoformat(), "cpuPercent": 5.0}
    event = restorable.owned.event(health, policy=widened)
    outcome = await store_events([event], database=restorable.owned.database)
    assert outcome.readings_refused == {"category_not_open": 1}


async def test_a_replay_that_was_cut_off_is_seen_and_run_again(restorable: Restorable) -> None:
    """The newest entry is replayed last: until then the database is still refused."""
    restorable.backup()
    other = await Owned(restorable.owned.database, restorable.owned.clock, "1" * 32).begin()
    await restorable.changed(objected)
    restorable.owned.clock.forward(seconds=1)
    await change_policy(
        restorable.telemetry, other.id, objected, journal=restorable.journal, now=restorable.owned.clock()
    )
    restorable.restore()
    reached = 0

    async def die(_point: Point) -> None:
        nonlocal reached
        reached += 1
        if reached == 2:
            raise ConnectionError

    with listening(die), pytest.raises(ConnectionError):
        await restorable.replay()
    assert await restorable.refused()
    assert await restorable.replay() == 2
    assert not await restorable.refused()


async def test_a_change_whose_journalling_was_cut_off_is_journalled_by_its_repeat(restorable: Restorable) -> None:
    """The worker died after the gate had changed: nobody was told of success, and the repeat completes it."""

    async def die(point: Point) -> None:
        if point == "gate.changed":
            raise ConnectionError

    with listening(die), pytest.raises(ConnectionError):
        await restorable.changed(objected)
    assert await restorable.journal.newest() is None
    await restorable.changed(objected)
    newest = await restorable.journal.newest()
    assert newest is not None
    assert newest.policy.windows == {}


async def test_what_was_opened_after_an_entry_and_before_the_backup_stays_open(restorable: Restorable) -> None:
    """The backup knows of the entry: replaying it, also twice, takes nothing from what came afterwards."""
    first, second = restorable.owned.clock(), restorable.owned.clock() + HOUR
    await restorable.changed(lambda policy: policy.with_window("performance", Window(first, first + 9 * HOUR)))
    await restorable.changed(lambda policy: policy.without_window("performance", Window(first, first + 9 * HOUR)))
    await restorable.changed(lambda policy: policy.with_window("performance", Window(second, second + 9 * HOUR)))
    restorable.backup()
    other = await Owned(restorable.owned.database, restorable.owned.clock, "1" * 32).begin()
    await change_policy(
        restorable.telemetry, other.id, objected, journal=restorable.journal, now=restorable.owned.clock()
    )
    restorable.restore()
    for _ in range(2):
        await restorable.replay()
        policy = await load_policy(restorable.telemetry, restorable.owned.id)
        assert policy.windows["performance"] == (Window(second, second + 9 * HOUR),)
        assert policy.windows["usage"]


async def test_of_several_entries_the_latest_says_all(restorable: Restorable) -> None:
    """A case that was closed and the objection after it, in one millisecond: neither is forgotten."""
    begun = restorable.owned.clock()
    await restorable.changed(lambda policy: policy.with_window("performance", Window(begun, begun + 9 * HOUR)))
    restorable.backup()
    window = Window(begun, begun + 9 * HOUR)
    for change in (lambda policy: policy.without_window("performance", window), objected):
        await change_policy(
            restorable.telemetry, restorable.owned.id, change, journal=restorable.journal, now=begun + HOUR
        )
    restorable.owned.clock.forward(hours=2)
    other = await Owned(restorable.owned.database, restorable.owned.clock, "1" * 32).begin()
    await change_policy(
        restorable.telemetry, other.id, objected, journal=restorable.journal, now=restorable.owned.clock()
    )
    restorable.restore()
    await restorable.replay()
    policy = await load_policy(restorable.telemetry, restorable.owned.id)
    assert policy.open_at(begun + HOUR) == []


async def test_the_journal_names_nobody(restorable: Restorable) -> None:
    """Container, random id, policy: nothing else."""
    await restorable.changed(erased)
    newest = await restorable.journal.newest()
    assert newest is not None
    assert set(newest.policy.stored()) == {"epoch", "start", "windows", "tombstone", "changedAt"}
    assert newest.partition == restorable.owned.id


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        ({}, {}, {}),
        ({"end": START + HOUR}, {}, {"end": START + HOUR}),
        ({"end": START + HOUR}, {"end": START}, {"end": START}),
        ({"tombstone": True}, {}, {"tombstone": True}),
        ({"windows": {"usage": (Window(START),)}}, {"windows": {}}, {"windows": {"usage": ()}}),
        (
            {"windows": {"usage": (Window(START),)}},
            {"windows": {"usage": (Window(START, START + HOUR),)}},
            {"windows": {"usage": (Window(START, START + HOUR),)}},
        ),
        ({"windows": {}}, {"windows": {"usage": (Window(START),)}}, {}),
        (
            {"erased_through": {"usage": START}},
            {"erased_through": {"usage": START + HOUR, "performance": START}},
            {"erased_through": {"usage": START + HOUR, "performance": START}},
        ),
        ({"store_only": frozenset({"usage"})}, {}, {"store_only": frozenset({"usage"})}),
        ({"objected": frozenset({"usage"})}, {}, {"objected": frozenset({"usage"})}),
        ({"consented": frozenset({"interactions"})}, {}, {}),
    ],
)
def test_an_intersection_admits_what_both_admit(
    one: dict[str, object], other: dict[str, object], both: dict[str, object]
) -> None:
    """It never widens, in whichever order changes are replayed."""
    base = Policy(epoch=1, start=START)
    policies = [replace(base, **changes) for changes in (one, other, both)]  # type: ignore[arg-type]
    assert intersection(policies[0], policies[1]) == policies[2]
