"""Timer schedules: NCRONTAB with six fields (five: at second 0), or a time span between runs. Times are UTC."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from cronsim import CronSim, CronSimError

from local.host.timespan import parse_timespan

_FIELDS: Final = (5, 6)
# Letters other than names of days and months, and the signs of other cron dialects, are not NCRONTAB.
_FOREIGN: Final = re.compile(r"\b(?:L|LW|W)\b|\dL\b|[#?@]|\b7\b$")


class ScheduleError(ValueError):
    """A schedule that is malformed or never due."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a timer is due."""

    text: str
    interval: timedelta | None

    def next_after(self, moment: datetime) -> datetime:
        """The first due time after `moment`."""
        if self.interval is not None:
            return moment + self.interval
        cron = CronSim(self.text, moment.astimezone(UTC))
        cron.day_and = True  # NCRONTAB wants day of month and day of week both to match; Debian's cron either
        return next(cron)


def parse_schedule(text: str) -> Schedule:
    """Parse a schedule such as `0 */5 * * * *` or `00:00:30`.

    Raises:
        ScheduleError: it is neither, or no date ever matches.
    """
    try:
        if ":" in text:
            return _checked(Schedule(text, parse_timespan(text)))
        if len(text.split()) not in _FIELDS:
            raise ScheduleError(f"schedule {text!r} must have six fields: second minute hour day month day-of-week")
        if _FOREIGN.search(text.upper()):
            raise ScheduleError(f"schedule {text!r} uses a sign that NCRONTAB does not have")
        return _checked(Schedule(text, None))
    except (CronSimError, StopIteration, ValueError) as error:
        if isinstance(error, ScheduleError):
            raise
        raise ScheduleError(f"schedule {text!r}: {error or 'never due'}") from error


def _checked(schedule: Schedule) -> Schedule:
    if schedule.interval == timedelta():
        raise ScheduleError(f"schedule {schedule.text!r}: the time between runs must be more than nothing")
    schedule.next_after(datetime.now(UTC))
    return schedule
