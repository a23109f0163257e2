"""The legal clock: calendar months of one time zone, an extension, and the times during which it stands."""

from calendar import monthrange
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from export_user_data.requests.legal_clock import OVERDUE, Course, Pause, end_of_day, is_within, months_later
from export_user_data.requests.rules import WARN_AT

MADRID = ZoneInfo("Europe/Madrid")
A_DAY = timedelta(days=1)
MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - bounds are naive


def at(written: str) -> datetime:
    return datetime.fromisoformat(written).astimezone(UTC)


def course(received: str, extended_by: int = 0, *pauses: Pause) -> Course:
    return Course(received_at=at(received), zone=MADRID, extended_by=extended_by, pauses=pauses)


def due_on(one: Course, now: datetime | None = None) -> str:
    """The day in Madrid by the end of which an answer is due."""
    due = one.due(now or one.received_at).astimezone(MADRID)
    assert (due.hour, due.minute, due.second) == (23, 59, 59)
    return due.date().isoformat()


@pytest.mark.parametrize(
    ("received", "due"),
    [
        ("2026-11-22T10:00:00+01:00", "2026-12-22"),
        ("2026-01-31T10:00:00+01:00", "2026-02-28"),
        ("2028-01-31T10:00:00+01:00", "2028-02-29"),
        ("2028-02-29T10:00:00+01:00", "2028-03-29"),
        ("2026-03-31T10:00:00+02:00", "2026-04-30"),
        ("2026-12-31T10:00:00+01:00", "2027-01-31"),
        ("2026-01-30T10:00:00+01:00", "2026-02-28"),
    ],
)
def test_it_is_due_on_the_same_day_of_the_next_month(received: str, due: str) -> None:
    """Or on the last day of a month that has no such day."""
    assert due_on(course(received)) == due


@pytest.mark.parametrize(
    ("received", "due"),
    [
        ("2026-11-30T10:00:00+01:00", "2027-02-28"),
        ("2027-11-30T10:00:00+01:00", "2028-02-29"),
        ("2026-01-31T10:00:00+01:00", "2026-04-30"),
        ("2026-12-31T10:00:00+01:00", "2027-03-31"),
    ],
)
def test_an_extension_counts_from_receipt(received: str, due: str) -> None:
    """And not from a first day that a short month had clamped."""
    assert due_on(course(received, 2)) == due


def test_weekends_move_nothing() -> None:
    """The 22nd of a month is a Sunday sometimes, and 25 December a holiday."""
    assert due_on(course("2026-10-22T10:00:00+02:00")) == "2026-11-22"
    assert due_on(course("2026-11-25T10:00:00+01:00")) == "2026-12-25"


def test_the_day_is_that_of_the_time_zone() -> None:
    """What comes at 23:30 in UTC came on the next day in Madrid."""
    assert due_on(course("2026-06-14T23:30:00+00:00")) == "2026-07-15"
    assert due_on(course("2026-06-14T21:30:00+00:00")) == "2026-07-14"


@pytest.mark.parametrize(
    ("received", "due_in_utc"),
    [
        ("2026-02-28T10:00:00+01:00", "2026-03-28T22:59:59.999+00:00"),
        ("2026-03-01T10:00:00+01:00", "2026-04-01T21:59:59.999+00:00"),
        ("2026-02-28T23:30:00+00:00", "2026-04-01T21:59:59.999+00:00"),
        ("2026-09-29T10:00:00+02:00", "2026-10-29T22:59:59.999+00:00"),
        ("2026-09-25T10:00:00+02:00", "2026-10-25T22:59:59.999+00:00"),
        ("2026-02-28T12:00:00+00:00", "2026-03-28T22:59:59.999+00:00"),
        ("2027-02-28T12:00:00+00:00", "2027-03-28T21:59:59.999+00:00"),
    ],
)
def test_a_day_ends_at_its_own_midnight(received: str, due_in_utc: str) -> None:
    """Also a month later behind a change of clocks, and on the very day of one."""
    assert course(received).due(at(received)) == at(due_in_utc)


def test_the_last_instant_is_in_time() -> None:
    """And the one after it is not."""
    one = course("2026-11-22T10:00:00+01:00")
    due = one.due(one.received_at)
    assert not one.is_overdue(due)
    assert one.is_overdue(due + timedelta(milliseconds=1))
    assert one.percent(due) == 100


def test_while_who_asks_is_not_known_the_clock_stands() -> None:
    """The days of the question are added, the share of the time that has passed stays, and nothing gets overdue."""
    asked, known = at("2026-11-24T09:00:00+01:00"), at("2026-12-04T18:00:00+01:00")
    standing = course("2026-11-22T10:00:00+01:00", 0, Pause(since=asked))
    share = standing.percent(asked)
    assert standing.percent(asked + 100 * A_DAY) == share
    assert not standing.is_overdue(asked + 100 * A_DAY)
    assert due_on(standing, asked + 3 * A_DAY) == "2026-12-25"
    gone_on = course("2026-11-22T10:00:00+01:00", 0, Pause(since=asked, until=known))
    assert due_on(gone_on, known) == "2027-01-01"
    assert gone_on.first_due(known) == gone_on.due(known)
    assert share <= gone_on.percent(known) <= share + 2


def test_a_question_of_an_hour_gives_no_day() -> None:
    """Days are counted, as the law does."""
    asked = at("2026-11-24T09:00:00+01:00")
    one = course("2026-11-22T10:00:00+01:00", 0, Pause(since=asked, until=asked + timedelta(hours=1)))
    assert due_on(one) == "2026-12-22"


def test_the_first_month_stays_the_limit_of_an_extension() -> None:
    """However long it was extended by."""
    one = course("2026-11-22T10:00:00+01:00", 2)
    assert one.first_due(one.received_at) == course("2026-11-22T10:00:00+01:00").due(one.received_at)


@pytest.mark.parametrize(
    ("later", "within"),
    [("2026-09-30T23:59:00+02:00", True), ("2026-10-01T00:00:00+02:00", False), ("2026-03-30T10:00:00+02:00", False)],
)
def test_six_months_end_with_their_last_day(later: str, *, within: bool) -> None:
    """Of 31 March that is 30 September."""
    assert is_within(at("2026-03-31T10:00:00+02:00"), at(later), months=6, zone=MADRID) is within


@given(received=MOMENTS, months=st.integers(1, 6))
def test_the_due_day_is_that_number_or_the_months_last(received: datetime, months: int) -> None:
    """In the right month, always."""
    day = received.astimezone(MADRID).date()
    due = months_later(day, months)
    assert (due.year * 12 + due.month) - (day.year * 12 + day.month) == months
    assert due.day in {day.day, monthrange(due.year, due.month)[1]}
    assert due.day <= day.day


@given(earlier=st.dates(date(2020, 1, 1), date(2039, 1, 1)), days=st.integers(0, 400), months=st.integers(1, 3))
def test_who_asks_later_is_never_due_earlier(earlier: date, days: int, months: int) -> None:
    """Clamping keeps the order."""
    assert months_later(earlier, months) <= months_later(earlier + days * A_DAY, months)


@given(day=st.dates(date(2020, 1, 1), date(2040, 1, 1)))
def test_every_day_ends_before_the_next_one(day: date) -> None:
    """After 23, 24 or 25 hours."""
    end = end_of_day(day, MADRID)
    assert end.astimezone(MADRID).date() == day
    assert (end + timedelta(milliseconds=1)).astimezone(MADRID).date() == day + A_DAY


@given(
    received=MOMENTS,
    asked_after=st.integers(0, 20),
    waited=st.one_of(st.none(), st.integers(0, 60)),
    looked_after=st.integers(0, 200),
    extended_by=st.sampled_from([0, 2]),
)
def test_all_figures_agree(
    received: datetime, asked_after: int, waited: int | None, looked_after: int, extended_by: int
) -> None:
    """Overdue is more than all of the time; the next warning is to come, and none is left when all have passed."""
    asked = received + asked_after * A_DAY
    until = asked + waited * A_DAY if waited is not None else None
    one = Course(received_at=received, zone=MADRID, extended_by=extended_by, pauses=(Pause(since=asked, until=until),))
    now = (until or asked) + looked_after * A_DAY
    assert one.due(now) >= one.first_due(now)
    if one.is_overdue(now):
        assert one.percent(now) >= 100
    else:
        assert 0 <= one.percent(now) <= 100
    if until is not None:
        for level in WARN_AT:
            moment = one.moment_of(level, now)
            assert (one.is_overdue(now) if level == OVERDUE else one.percent(now) >= level) is (now >= moment)
        following = one.next_of(WARN_AT, now)
        assert following is None or following > now


def test_it_is_overdue_when_its_last_day_is_over() -> None:
    """Also when the clock stood, and the end comes to lie behind the change to winter time."""
    asked = at("2026-09-21T10:00:00+02:00")
    one = course("2026-09-20T10:00:00+02:00", 0, Pause(since=asked, until=asked + 12 * A_DAY))
    last = one.due(at("2026-10-31T10:00:00+01:00"))
    assert due_on(one) == "2026-11-01"
    assert (one.is_overdue(last), one.percent(last) <= 100) == (False, True)
    following = one.next_of((50, 75, 90, 100), last)
    assert following == last + timedelta(milliseconds=1)
    assert (one.is_overdue(following), one.next_of((100,), following)) == (True, None)
