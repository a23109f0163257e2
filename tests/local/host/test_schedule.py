from datetime import UTC, datetime, timedelta

import pytest

from local.host.schedule import ScheduleError, parse_schedule
from local.host.timespan import parse_timespan

NOW = datetime(2026, 11, 22, 9, 59, 58, 500_000, tzinfo=UTC)  # a Sunday


@pytest.mark.parametrize(
    ("schedule", "due"),
    [
        ("*/5 * * * * *", "2026-11-22T10:00:00+00:00"),
        ("30 * * * * *", "2026-11-22T10:00:30+00:00"),
        ("* * * * *", "2026-11-22T10:00:00+00:00"),
        ("0 30 2 * * 1-5", "2026-11-23T02:30:00+00:00"),
        ("0 0 0 1 Jan *", "2027-01-01T00:00:00+00:00"),
        ("0 0 12 13 * Fri", "2027-08-13T12:00:00+00:00"),
        ("00:00:10", "2026-11-22T10:00:08.500000+00:00"),
        ("24:00:00", "2026-12-16T09:59:58.500000+00:00"),
    ],
)
def test_next_due_time(schedule: str, due: str) -> None:
    """A schedule is NCRONTAB in UTC, where day and weekday both must match, or a .NET time span."""
    assert parse_schedule(schedule).next_after(NOW).isoformat() == due


def test_next_due_time_is_another_second() -> None:
    """A timer that ran in its second is not due again in it."""
    assert parse_schedule("* * * * * *").next_after(NOW) == datetime(2026, 11, 22, 9, 59, 59, tzinfo=UTC)


@pytest.mark.parametrize(
    "schedule",
    [
        *("", "soon", "@daily", "00:00:00", "00:61:00"),
        *("* * * *", "* * * * * * *", "61 * * * * *", "0 0 0 30 2 *", "0 0 0 L * *", "0 0 0 * * 5#2", "0 0 0 * * 7"),
    ],
)
def test_refused_schedule(schedule: str) -> None:
    """A schedule that NCRONTAB does not have, or that is never due, is refused."""
    with pytest.raises(ScheduleError, match="schedule"):
        parse_schedule(schedule)


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("00:05:00", timedelta(minutes=5)),
        ("1.02:03:04.5", timedelta(days=1, hours=2, minutes=3, seconds=4.5)),
        ("25:00:00", timedelta(days=25)),
    ],
)
def test_timespan(text: str, span: timedelta) -> None:
    """Time spans are read as .NET reads them: 25 hours are 25 days."""
    assert parse_timespan(text) == span


@pytest.mark.parametrize("text", ["5", "00:05", "00:60:00", "1.24:00:00", "24:61:00", "-00:00:01"])
def test_refused_timespan(text: str) -> None:
    """What is no time span is named."""
    with pytest.raises(ValueError, match="is no time span"):
        parse_timespan(text)
