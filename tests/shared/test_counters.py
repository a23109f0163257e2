"""Counters: figures for people to look at, which cost the database little and name nobody."""

import logging

import pytest

from shared.cosmos import Database
from shared.counters import ALARM_FROM, Counters, counted_on
from shared.errors import Problem
from tests.conftest import SettableClock

pytestmark = pytest.mark.wire


async def test_what_was_counted_is_shown_by_hour_and_name(database: Database, clock: SettableClock) -> None:
    """Of all workers together."""
    clock.now = clock.now.replace(hour=9, minute=59)
    workers = [Counters(database["counters"], clock) for _ in range(2)]
    for worker in workers:
        worker.add("attestation.replay")
        await worker.close()
    clock.forward(minutes=2)
    workers[0].add("attestation.replay", 3)
    await workers[0].close()
    day, hours = await counted_on(None, counters=database["counters"], now=clock())
    assert day == clock().date().isoformat()
    assert hours == {"09": {"attestation.replay": 2}, "10": {"attestation.replay": 3}}


async def test_the_first_is_written_at_once_and_a_flood_in_one_write(database: Database, clock: SettableClock) -> None:
    """A thousand refusals cost no more than one."""
    written = 0
    counters = Counters(database["counters"], clock, write_every_s=0.01)
    write = counters.write

    async def counting() -> None:
        nonlocal written
        written += 1
        await write()

    counters.write = counting  # type: ignore[method-assign]
    for _ in range(1000):
        counters.add("attestation.unknown_group")
    assert counters._writing is not None
    await counters._writing
    assert written == 1
    _, hours = await counted_on(None, counters=database["counters"], now=clock())
    assert list(hours.values()) == [{"attestation.unknown_group": 1000}]
    await counters.close()


async def test_what_could_not_be_written_is_written_later(
    database: Database, clock: SettableClock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The store is away for a while."""
    counters = Counters(database["counters"], clock, write_every_s=0.01)

    async def away(*_: object) -> None:
        monkeypatch.undo()
        raise ConnectionError

    monkeypatch.setattr(database["counters"], "read", away)
    counters.add("claim.unknown")
    assert counters._writing is not None
    await counters._writing
    _, hours = await counted_on(None, counters=database["counters"], now=clock())
    assert list(hours.values()) == [{"claim.unknown": 1}]
    assert "counters not written: ConnectionError" in caplog.text


async def test_many_refused_attestations_raise_an_alarm(
    database: Database, clock: SettableClock, caplog: pytest.LogCaptureFixture
) -> None:
    """At the hundredth of an hour, at the thousandth, and not at each."""
    counters = Counters(database["counters"], clock)
    with caplog.at_level(logging.ERROR):
        for _ in range(ALARM_FROM * 10):
            counters.add("attestation.wrong_signature")
    await counters.close()
    assert caplog.text.count("ALARM attestations_refused") == 2


@pytest.mark.parametrize("day", ["yesterday", "2026-13-01", ""])
async def test_what_is_no_day_is_refused(database: Database, clock: SettableClock, day: str) -> None:
    """It would name a partition that a caller makes up."""
    with pytest.raises(Problem, match="field_out_of_range"):
        await counted_on(day, counters=database["counters"], now=clock())


async def test_a_day_without_refusals_is_empty(database: Database, clock: SettableClock) -> None:
    """That is an answer."""
    assert await counted_on("2026-01-01", counters=database["counters"], now=clock()) == ("2026-01-01", {})
