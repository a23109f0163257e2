"""The gate while readings arrive: by when they were observed, and by what holds when they are processed."""

from dataclasses import replace
from datetime import timedelta

import pytest

from ingest_telemetry.storing import store_events
from shared.policy import Window
from tests.doubles import changed
from tests.owned import Owned

pytestmark = pytest.mark.wire


async def test_a_restricted_category_is_stored_and_marked(owned: Owned) -> None:
    """Also what was accepted before the restriction; it refuses nothing."""
    before = owned.event()
    restricted = await changed(
        owned.database["telemetry"], owned.id, lambda policy: replace(policy, store_only=frozenset({"usage"}))
    )
    after = owned.event(policy=restricted)
    outcome = await store_events([before, after], database=owned.database, now=owned.clock)
    assert (outcome.items_stored, outcome.readings_refused) == (2, {})
    assert [item["storeOnly"] for item in await owned.stored()] == [True, True]


async def test_each_category_is_restricted_by_itself(owned: Owned) -> None:
    """What of a message is of another category is used as before."""
    await owned.open_performance()
    policy = await changed(
        owned.database["telemetry"], owned.id, lambda policy: replace(policy, store_only=frozenset({"performance"}))
    )
    event = owned.event(owned.call(), owned.health(), policy=policy)
    await store_events([event], database=owned.database, now=owned.clock)
    [usage], [performance] = await owned.stored(), await owned.stored("performanceReadings")
    assert ("storeOnly" in usage, performance["storeOnly"]) == (False, True)


async def test_a_lifted_restriction_marks_nothing_more(owned: Owned) -> None:
    """What was marked stays marked; what comes afterwards is not."""
    telemetry = owned.database["telemetry"]
    await changed(telemetry, owned.id, lambda policy: replace(policy, store_only=frozenset({"usage"})))
    await store_events([owned.event()], database=owned.database, now=owned.clock)
    lifted = await changed(telemetry, owned.id, lambda policy: replace(policy, store_only=frozenset()))
    await store_events([owned.event(policy=lifted)], database=owned.database, now=owned.clock)
    assert sorted("storeOnly" in item for item in await owned.stored()) == [False, True]


async def test_an_objection_refuses_what_is_on_its_way(owned: Owned) -> None:
    """Observed before it, accepted before it, processed after it: refused, counted, and not kept."""
    event = owned.event()
    await changed(owned.database["telemetry"], owned.id, lambda policy: replace(policy, windows={}))
    outcome = await store_events([event], database=owned.database, now=owned.clock)
    assert outcome.readings_refused == {"category_not_open": 1}
    assert await owned.stored() == []
    assert await owned.stored("attributableMalformed") == []


async def test_what_was_received_before_a_categorys_erasure_does_not_come_back(owned: Owned) -> None:
    """The hub still holds it; another category, and what is received afterwards, is stored."""
    await owned.open_performance()
    mixed = owned.event(owned.call(), owned.health())
    erased_at = owned.clock() + timedelta(seconds=1)
    policy = await changed(
        owned.database["telemetry"], owned.id, lambda policy: replace(policy, erased_through={"usage": erased_at})
    )
    outcome = await store_events([mixed], database=owned.database, now=owned.clock)
    assert outcome.readings_refused == {"erased": 1}
    assert await owned.stored() == []
    assert len(await owned.stored("performanceReadings")) == 1
    owned.clock.forward(seconds=2)
    await store_events([owned.event(policy=policy)], database=owned.database, now=owned.clock)
    assert len(await owned.stored()) == 1


async def test_a_consent_that_is_given_again_counts_from_then_on(owned: Owned) -> None:
    """What was observed while there was none stays out, although it is processed after."""
    telemetry = owned.database["telemetry"]
    await changed(telemetry, owned.id, lambda policy: replace(policy, windows={}))
    silent = owned.event()
    owned.clock.forward(hours=1)
    again = Window(owned.clock())
    policy = await changed(telemetry, owned.id, lambda policy: policy.with_window("usage", again))
    owned.clock.forward(hours=1)
    spoken = owned.event(policy=policy)
    outcome = await store_events([silent, spoken], database=owned.database, now=owned.clock)
    assert outcome.readings_refused == {"category_not_open": 1}
    [item] = await owned.stored()
    assert item["observedFrom"] > silent.properties["receivedAt"]
