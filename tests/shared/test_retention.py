"""Retention: one line in the data map, and a command that brings what is stored to it."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from ingest_telemetry.storing import store_events
from shared import clock as clocks
from shared.cosmos import Database
from shared.data_map import CONTAINERS, Record
from shared.retention import Redated, re_date
from tests.conftest import SettableClock
from tests.owned import Owned

USAGE = "usageReadings"


def test_what_is_kept_for_a_time_says_what_the_time_counts_from() -> None:
    """Only what is gone within minutes need not."""
    silent = [
        name
        for container in CONTAINERS.values()
        for name, record in container.records.items()
        if record.retention is not None and record.retention > timedelta(hours=1) and record.dated_from is None
    ]
    assert silent == []


def test_every_such_field_is_declared() -> None:
    """The time that a retention counts from is stored."""
    for container in CONTAINERS.values():
        for record in container.records.values():
            assert record.dated_from is None or record.dated_from in record.fields


@pytest.fixture
async def owned(database: Database, clock: SettableClock) -> Owned:
    owned = await Owned(database, clock, "ownership-a").begin()
    await store_events([owned.event() for _ in range(5)], database=database)
    return owned


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Changes the one line of the data map."""

    def change(period: timedelta) -> None:
        records: dict[str, Record] = CONTAINERS["telemetry"].records  # type: ignore[assignment]  # a dict in fact
        monkeypatch.setitem(records, USAGE, replace(records[USAGE], retention=period))

    return change


async def re_dated(owned: Owned) -> Redated:
    outcomes = [outcome async for outcome in re_date(owned.database, now=owned.clock())]
    return next(outcome for outcome in outcomes if outcome.record == USAGE)


@pytest.mark.wire
async def test_nothing_is_touched_while_nothing_has_changed(owned: Owned) -> None:
    """Running it twice is reading it twice."""
    before = await owned.stored()
    outcome = await re_dated(owned)
    assert (outcome.right, outcome.redated, outcome.deleted) == (5, 0, 0)
    assert await owned.stored() == before


@pytest.mark.wire
async def test_a_shorter_period_reaches_what_is_stored(owned: Owned, kept: Any) -> None:
    """Its date of destruction and its time to live, counted from its receipt."""
    received = owned.clock()
    kept(timedelta(days=30))
    owned.clock.forward(days=10)
    assert (await re_dated(owned)).redated == 5
    for item in await owned.stored():
        assert item["expiresAt"] == clocks.text(received + timedelta(days=30))
        assert item["ttl"] == timedelta(days=20).total_seconds()


@pytest.mark.wire
async def test_what_has_run_out_by_the_new_period_is_deleted(owned: Owned, kept: Any) -> None:
    """A shorter period is a promise, also for yesterday's data."""
    kept(timedelta(days=30))
    owned.clock.forward(days=31)
    assert (await re_dated(owned)).deleted == 5
    assert await owned.stored() == []


@pytest.mark.wire
async def test_a_command_that_was_cut_off_is_run_again(
    owned: Owned, kept: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was dated anew already is right the second time."""
    kept(timedelta(days=30))
    batch, written = owned.database["telemetry"].batch, 0

    async def dying(*args: Any) -> None:
        nonlocal written
        written += 1
        if written == 3:
            raise ConnectionError
        await batch(*args)

    with monkeypatch.context() as outage:
        outage.setattr(owned.database["telemetry"], "batch", dying)
        with pytest.raises(ConnectionError):
            await re_dated(owned)
    outcome = await re_dated(owned)
    assert (outcome.right, outcome.redated) == (2, 3)
