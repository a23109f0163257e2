"""Time spans as .NET writes them, in host.json and in timer schedules."""

import re
from datetime import timedelta
from typing import Final

_TIMESPAN: Final = re.compile(r"(?:(\d+)\.)?(\d{1,8}):(\d{1,2}):(\d{1,2})(?:\.(\d{1,7}))?")
_MINUTES_IN_HOUR: Final = 60
_HOURS_IN_DAY: Final = 24


def parse_timespan(text: str) -> timedelta:
    """`[days.]hours:minutes:seconds[.fraction]`; as in .NET, 24 or more "hours" alone are days (`24:00:00` is 24 days).

    Raises:
        ValueError: the text is no time span.
    """
    match = _TIMESPAN.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is no time span; write hours:minutes:seconds, for example 00:00:30")
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups()[:4])
    if hours >= _HOURS_IN_DAY:
        if match[1]:
            raise ValueError(f"{text!r} is no time span: with days given, hours end at 23")
        days, hours, minutes, seconds = hours, minutes, seconds, 0
    if hours >= _HOURS_IN_DAY or minutes >= _MINUTES_IN_HOUR or seconds >= _MINUTES_IN_HOUR:
        raise ValueError(f"{text!r} is no time span: a part is out of range")
    fraction = float(f"0.{match[5]}") if match[5] else 0.0
    return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds + fraction)
