"""Time as a parameter, and its one written form."""

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]
"""Gives the present as an aware UTC time."""


def system_clock() -> datetime:
    """Return the present of this machine."""
    return datetime.now(UTC)


def text(moment: datetime) -> str:
    """ISO 8601 in UTC with milliseconds and Z: every stored time has this form, so that text order is time order."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def moment(written: str) -> datetime:
    """Read a time that `text` wrote.

    Raises:
        ValueError: it is no ISO 8601 time, or it lacks its offset.
    """
    read = datetime.fromisoformat(written)
    if read.tzinfo is None:
        raise ValueError("a time without an offset could be any of many")
    return read
