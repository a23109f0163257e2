"""The legal clock of a request (GDPR 12(3)): when its answer is due, and how much of the time has passed.

Time is counted in calendar months of one time zone, from the day of receipt. The answer is due by the end of the day
of the same number, or of the last day of a month that has no such day. Weekends and holidays move nothing: the day
that the person counts on is never later than the law's. While the service waits to learn who asks, the clock stands.
"""

from calendar import monthrange
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Final

OVERDUE: Final = 100
"""Per cent of the time after which a request is overdue."""

_DAY: Final = timedelta(days=1)
_LAST_INSTANT: Final = timedelta(milliseconds=1)
"""Of a day: stored times have milliseconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """A time during which the clock stands; without an end it stands still."""

    since: datetime
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """What a request's time is counted from."""

    received_at: datetime
    zone: tzinfo
    months: int = 1
    extended_by: int = 0
    """Months that the time was extended by."""
    pauses: tuple[Pause, ...] = ()

    def first_due(self, now: datetime) -> datetime:
        """The end of the time without an extension: until then it can be extended, and not afterwards."""
        return self._due(self.months, now)

    def due(self, now: datetime) -> datetime:
        """The last instant at which an answer is in time. While the clock stands: were it to go on now."""
        return self._due(self.months + self.extended_by, now)

    def is_overdue(self, now: datetime) -> bool:
        """Whether the time is over and nobody is waited for."""
        return self._standing_since() is None and now > self.due(now)

    def percent(self, now: datetime) -> int:
        """How much of the time has passed; more than 100 when it is overdue."""
        begin, end = self.received_at, self._end()
        at = (self._standing_since() or now) - self._paused(now, open_too=False) * _DAY
        passed = max(0, OVERDUE * (at - begin) // (end - begin))
        # A clock that is changed while it stands makes a day of 23 or 25 hours: the day that it is due decides.
        return max(passed, OVERDUE) if self.is_overdue(now) else min(passed, OVERDUE)

    def moment_of(self, percent: int, now: datetime) -> datetime:
        """When so much of the time will have passed, should the clock not stand meanwhile; of all: it is overdue."""
        if percent == OVERDUE:
            return self.due(now) + _LAST_INSTANT
        begin, end = self.received_at, self._end()
        passed = -(-(end - begin) * percent // OVERDUE)  # rounded up: at that moment it has
        return begin + passed + self._paused(now, open_too=False) * _DAY

    def next_of(self, levels: Iterable[int], now: datetime) -> datetime | None:
        """The next moment at which one of these shares of the time is reached; None when all are."""
        moments = (self.moment_of(level, now) for level in levels)
        return min((moment for moment in moments if moment > now), default=None)

    def _due(self, months: int, now: datetime) -> datetime:
        last = months_later(self._day(self.received_at), months)
        return end_of_day(last + self._paused(now, open_too=True) * _DAY, self.zone)

    def _end(self) -> datetime:
        """When the time ends, reckoned as if the clock had never stood."""
        months = self.months + self.extended_by
        return end_of_day(months_later(self._day(self.received_at), months), self.zone)

    def _paused(self, now: datetime, *, open_too: bool) -> int:
        """For how many days the clock stood."""
        over = [(pause.since, pause.until or now) for pause in self.pauses if open_too or pause.until is not None]
        return sum(max(0, (self._day(until) - self._day(since)).days) for since, until in over)

    def _standing_since(self) -> datetime | None:
        return next((pause.since for pause in self.pauses if pause.until is None), None)

    def _day(self, moment: datetime) -> date:
        return moment.astimezone(self.zone).date()


def months_later(day: date, months: int) -> date:
    """The same day so many months later, or the last day of that month when it has no such day."""
    years, month = divmod(day.month - 1 + months, 12)
    year, month = day.year + years, month + 1
    return date(year, month, min(day.day, monthrange(year, month)[1]))


def end_of_day(day: date, zone: tzinfo) -> datetime:
    """The last instant of a day, in UTC; a day on which clocks are changed has 23 or 25 hours."""
    return datetime.combine(day + _DAY, time(0), zone).astimezone(UTC) - _LAST_INSTANT


def is_within(earlier: datetime, later: datetime, *, months: int, zone: tzinfo) -> bool:
    """Whether the later moment lies within so many months of the earlier one, its last day included."""
    return earlier <= later <= end_of_day(months_later(earlier.astimezone(zone).date(), months), zone)
