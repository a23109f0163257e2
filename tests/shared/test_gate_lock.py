"""The lock: between a worker's decision and its write the policy may change, and then nothing of it is stored.

No test sleeps: workers are stopped at named points, and batches are held by the store.
"""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from ingest_telemetry.outcome import Outcome
from ingest_telemetry.storing import store_events
from local.cosmos import CosmosServer
from shared.cosmos import Database
from shared.errors import Problem
from shared.gate import KeptChanging, load_policy
from shared.injection import Point, listening
from shared.journal import purge
from shared.keys import KeySet
from shared.policy import Policy, Window
from tests.conftest import SettableClock
from tests.doubles import changed
from tests.owned import Owned
from tests.people import House

pytestmark = pytest.mark.wire

Change = Callable[[Policy], Policy]


class Gatekeeper:
    """Stops whoever reaches a point until it is let go."""

    def __init__(self, point: Point) -> None:
        self._point = point
        self.stopped = asyncio.Event()
        self.go = asyncio.Event()

    async def __call__(self, point: Point) -> None:
        if point == self._point and not self.go.is_set():
            self.stopped.set()
            await self.go.wait()


@pytest.fixture
async def owned(database: Database, clock: SettableClock) -> Owned:
    return await Owned(database, clock, "ownership-a").begin()


def objected(policy: Policy) -> Policy:
    return replace(policy, windows={})


def erased(policy: Policy) -> Policy:
    return replace(policy, tombstone=True)


def ended(at_owned: Owned) -> Change:
    return lambda policy: replace(policy, end=at_owned.clock() - timedelta(hours=1))


async def stored_while(owned: Owned, *changes: Change) -> Outcome:
    """Store a message, and change the policy between its decision and its write."""
    gatekeeper = Gatekeeper("ingest.decided")
    with listening(gatekeeper):
        worker = asyncio.create_task(store_events([owned.event()], database=owned.database))
    await gatekeeper.stopped.wait()
    for change in changes:
        await changed(owned.database["telemetry"], owned.id, change)
    gatekeeper.go.set()
    return await worker


@pytest.mark.parametrize("change", [objected, erased])
async def test_a_change_between_decision_and_write_wins(owned: Owned, change: Change) -> None:
    """The worker had admitted the message; nothing of it is stored."""
    outcome = await stored_while(owned, change)
    assert outcome.items_stored == 0
    assert await owned.stored() == []


async def test_an_ending_between_decision_and_write_wins(owned: Owned) -> None:
    """The monitor was paired with another account meanwhile."""
    outcome = await stored_while(owned, ended(owned))
    assert outcome.readings_refused == {"outside_ownership": 1}
    assert await owned.stored() == []


async def test_two_changes_in_a_row_win(owned: Owned) -> None:
    """The marker of the decided epoch is long gone, and the one after it, too."""
    outcome = await stored_while(owned, lambda policy: replace(policy, windows={"performance": ()}), objected)
    assert outcome.items_stored == 0


async def test_a_change_that_allows_the_same_lets_the_message_through(owned: Owned) -> None:
    """It is decided again under the new epoch, and stored under that."""

    def opened(policy: Policy) -> Policy:
        return policy.with_window("performance", Window(owned.clock()))

    outcome = await stored_while(owned, opened)
    assert outcome.items_stored == 1
    assert [item["epoch"] for item in await owned.stored()] == [2]


async def test_a_gate_that_goes_away_refuses(owned: Owned, database: Database) -> None:
    """A partition without a gate does not exist: a worker creates none."""
    gatekeeper = Gatekeeper("ingest.decided")
    with listening(gatekeeper):
        worker = asyncio.create_task(store_events([owned.event()], database=database))
    await gatekeeper.stopped.wait()
    proxy = database["telemetry"]._proxy
    for item_id in ("gate", "alive:1"):
        await proxy.delete_item(item_id, owned.id)
    gatekeeper.go.set()
    assert (await worker).readings_refused == {"no_gate": 1}


async def test_many_workers_stopped_at_once_store_nothing_afterwards(owned: Owned) -> None:
    """Thirty workers have decided; one objection; none of them writes."""
    gatekeepers = [Gatekeeper("ingest.decided") for _ in range(30)]
    workers = []
    for gatekeeper in gatekeepers:
        with listening(gatekeeper):
            workers.append(asyncio.create_task(store_events([owned.event()], database=owned.database)))
    await asyncio.gather(*(gatekeeper.stopped.wait() for gatekeeper in gatekeepers))
    await changed(owned.database["telemetry"], owned.id, objected)
    for gatekeeper in gatekeepers:
        gatekeeper.go.set()
    outcomes = await asyncio.gather(*workers)
    assert {outcome.items_stored for outcome in outcomes} == {0}
    assert await owned.stored() == []


async def test_a_worker_that_dies_between_two_batches_is_no_loss(owned: Owned) -> None:
    """What it had written stays, the redelivered events bring the rest, and nothing is there twice."""
    events = [owned.event() for _ in range(150)]

    async def die(point: Point) -> None:
        if point == "ingest.written":
            raise ConnectionError

    with listening(die), pytest.raises(ExceptionGroup):
        await store_events(events, database=owned.database)
    assert 0 < len(await owned.stored()) < len(events)
    await store_events(events, database=owned.database)
    assert len(await owned.stored()) == len(events)


async def test_two_simultaneous_changes_both_hold(owned: Owned) -> None:
    """The second one reads the gate again and builds on the first."""
    gatekeeper = Gatekeeper("gate.read")
    telemetry = owned.database["telemetry"]
    with listening(gatekeeper):
        slow = asyncio.create_task(
            changed(telemetry, owned.id, lambda policy: policy.with_window("performance", Window(owned.clock())))
        )
    await gatekeeper.stopped.wait()
    await changed(telemetry, owned.id, lambda policy: policy.without_window("usage", Window(owned.policy.start)))
    gatekeeper.go.set()
    await slow
    policy = await load_policy(telemetry, owned.id)
    assert policy.epoch == 3
    assert policy.open_at(owned.clock()) == ["performance"]


async def test_a_policy_that_never_rests_is_given_up(owned: Owned) -> None:
    """A change is tried a bounded number of times, and then says so."""
    telemetry = owned.database["telemetry"]

    async def meddle(point: Point) -> None:
        if point == "gate.read":
            item = await telemetry.read(owned.id, "gate")
            assert item is not None
            await telemetry.replace({name: value for name, value in item.items() if name[0] != "_"}, item["_etag"])

    with listening(meddle), pytest.raises(KeptChanging):
        await changed(telemetry, owned.id, objected)


async def test_a_takeover_beats_a_live_token(database: Database, device_keys: KeySet, clock: SettableClock) -> None:
    """The former owner's monitor still has a good token when the other account's registration is done."""
    house = House(database, device_keys, clock)
    old = await house.pair("maria")
    policy = await load_policy(database["telemetry"], old.ownership_id)
    clock.forward(minutes=1)
    await house.pair("jordi")
    clock.forward(minutes=1)
    former = Owned(database, clock, old.ownership_id)
    outcome = await store_events([former.event(policy=policy)], database=database)
    assert outcome.readings_refused == {"outside_ownership": 1}


POINTS: list[Point] = [
    "registration.claimed",
    "registration.linked",
    "registration.gated",
    "registration.owned",
    "registration.finished",
]


@pytest.mark.parametrize("point", POINTS)
async def test_a_registration_cut_off_anywhere_is_completed_by_its_repeat(
    database: Database, device_keys: KeySet, clock: SettableClock, point: Point
) -> None:
    """The second account's registration dies at each point; its repeat ends in the same state, once."""
    house = House(database, device_keys, clock)
    old = await house.pair("maria")
    clock.forward(minutes=1)
    claim = await house.claim("jordi")

    async def die(reached: Point) -> None:
        if reached == point:
            raise ConnectionError

    with listening(die), pytest.raises(ConnectionError):
        await house.register(claim)
    clock.forward(minutes=1)
    access, _ = await house.register(claim)
    device = await database["devices"].read(access.device_id, "device")
    assert device is not None
    assert device["ownerPersonId"] == "jordi"
    assert (await load_policy(database["telemetry"], old.ownership_id)).end is not None
    links = {
        (person, link["state"])
        for person in ("maria", "jordi")
        async for link in database["people"].query("SELECT * FROM c WHERE c.type = 'link'", partition=person)
    }
    assert links == {("maria", "ended"), ("jordi", "active")}


async def test_an_objection_during_registration_holds(
    database: Database, device_keys: KeySet, clock: SettableClock
) -> None:
    """The gate is there before the device is owned: what changes it then is not undone by the rest."""
    house = House(database, device_keys, clock)
    claim = await house.claim("maria")
    gatekeeper = Gatekeeper("registration.gated")
    with listening(gatekeeper):
        registering = asyncio.create_task(house.register(claim))
    await gatekeeper.stopped.wait()
    [link] = [
        item async for item in database["people"].query("SELECT * FROM c WHERE c.type = 'link'", partition="maria")
    ]
    await changed(database["telemetry"], link["ownershipId"], objected)
    gatekeeper.go.set()
    access, _ = await registering
    assert access.categories == []


async def test_an_erased_person_pairs_nothing(database: Database, device_keys: KeySet, clock: SettableClock) -> None:
    """They asked for a claim, were erased, and the monitor shows the claim afterwards."""
    house = House(database, device_keys, clock)
    claim = await house.claim("maria")
    await changed(database["people"], "maria", erased)
    with pytest.raises(Problem, match="claim_unknown"):
        await house.register(claim)


async def test_a_batch_held_beyond_the_servers_limit_stores_nothing(owned: Owned, cosmos: CosmosServer) -> None:
    """It had read the old marker, the person was erased, and the server's five seconds ran out before its commit."""
    event = owned.event()
    with cosmos.hold_batches(container="telemetry", partition=owned.id) as hold:
        worker = asyncio.create_task(store_events([event], database=owned.database))
        await hold.reached()
        await changed(owned.database["telemetry"], owned.id, erased)  # only the worker's batch is held
        cosmos.clock.forward(seconds=6)
    with pytest.raises(ExceptionGroup):
        await worker
    assert await owned.stored() == []
    again = await store_events([event], database=owned.database)  # as the trigger's retry does
    assert again.items_stored == 0
    assert await owned.stored() == []


async def test_what_a_held_batch_still_commits_is_found_by_the_purge(owned: Owned, cosmos: CosmosServer) -> None:
    """Batches are snapshot-isolated: one that read the old marker may commit within five seconds of its replacement.

    That is why a purge waits before it starts: whatever could still come in is in by then, and goes with the rest.
    """
    with cosmos.hold_batches(container="telemetry", partition=owned.id) as hold:
        worker = asyncio.create_task(store_events([owned.event()], database=owned.database))
        await hold.reached()
        await changed(owned.database["telemetry"], owned.id, erased)
    assert (await worker).items_stored == 1
    assert len(await owned.stored()) == 1
    await purge(owned.database["telemetry"], owned.id)
    assert await owned.stored() == []
    assert (await load_policy(owned.database["telemetry"], owned.id)).tombstone
