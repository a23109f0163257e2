"""Quotas: a faulty monitor does not crowd out the others, and is told when to come back."""

from datetime import UTC, datetime, timedelta

import pytest

from ingest_telemetry.quotas import BURST, MESSAGES_PER_MINUTE, MONITORS_KEPT, READINGS_A_MESSAGE, Quotas
from shared.errors import Problem

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
AT_ONCE = int(BURST / MINUTE * MESSAGES_PER_MINUTE)


def refused(quotas: Quotas, device_id: str, readings: int, now: datetime) -> int:
    """After how many seconds the monitor may come back."""
    with pytest.raises(Problem, match="quota_exceeded") as caught:
        quotas.take(device_id, readings, now)
    return caught.value.retry_after_s or 0


def test_a_monitor_has_a_share_of_messages() -> None:
    """Two minutes' worth at once; then it is told when there is room for the next one."""
    quotas = Quotas()
    for _ in range(AT_ONCE):
        quotas.take("monitor", 1, NOW)
    wait_s = refused(quotas, "monitor", 1, NOW)
    assert wait_s == 1
    quotas.take("monitor", 1, NOW + timedelta(seconds=wait_s))


def test_a_monitor_has_a_share_of_readings() -> None:
    """A few large messages count as much as many small ones."""
    quotas = Quotas()
    for _ in range(int(AT_ONCE * READINGS_A_MESSAGE / 1000)):
        quotas.take("monitor", 1000, NOW)
    wait_s = refused(quotas, "monitor", 1000, NOW)
    assert wait_s == 10
    quotas.take("monitor", 1000, NOW + timedelta(seconds=wait_s))


def test_what_was_refused_took_nothing() -> None:
    """Asking again and again does not make the wait longer."""
    quotas = Quotas()
    for _ in range(AT_ONCE):
        quotas.take("monitor", 1, NOW)
    waits = [refused(quotas, "monitor", 1, NOW) for _ in range(50)]
    assert set(waits) == {1}


def test_others_are_not_held_up() -> None:
    """Each monitor has a share of its own."""
    quotas = Quotas()
    for _ in range(AT_ONCE):
        quotas.take("faulty", 1, NOW)
    refused(quotas, "faulty", 1, NOW)
    quotas.take("healthy", 60, NOW)


def test_a_share_does_not_grow_while_nothing_is_sent() -> None:
    """After a week as after two minutes."""
    quotas = Quotas()
    quotas.take("monitor", 1, NOW)
    later = NOW + timedelta(days=7)
    for _ in range(AT_ONCE):
        quotas.take("monitor", 1, later)
    refused(quotas, "monitor", 1, later)


def test_a_clock_that_is_set_back_gives_nothing() -> None:
    """The host corrects its clock by a minute."""
    quotas = Quotas()
    for _ in range(AT_ONCE):
        quotas.take("monitor", 1, NOW)
    refused(quotas, "monitor", 1, NOW - MINUTE)
    refused(quotas, "monitor", 1, NOW)


def test_memory_is_bounded() -> None:
    """However many monitors there are; the one that was seen for longest ago is forgotten first."""
    quotas = Quotas()
    for number in range(MONITORS_KEPT + 500):
        quotas.take(f"monitor {number}", 1, NOW)
    assert len(quotas._buckets) == MONITORS_KEPT
    assert "monitor 499" not in quotas._buckets
    assert "monitor 500" in quotas._buckets
