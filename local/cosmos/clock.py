"""The time that the server goes by, which a test may put forward."""

import time
from collections.abc import Callable
from typing import Final

_LONGEST_SECONDS: Final = 100 * 366 * 86_400
"""A century: longer times are mistakes, and dates run out of digits."""


class SettableClock:
    """Seconds since 1970: those of another clock, and how far this one was put forward."""

    def __init__(self, source: Callable[[], float] = time.time) -> None:
        self._source = source
        self.ahead_seconds = 0.0

    def __call__(self) -> float:
        """The time."""
        return self._source() + self.ahead_seconds

    def forward(self, seconds: float) -> None:
        """Put the clock forward.

        Raises:
            ValueError: that would be back, or more than a century.
        """
        if not 0 < seconds <= _LONGEST_SECONDS:
            raise ValueError(f"a clock is put forward by more than 0 and at most {_LONGEST_SECONDS} seconds")
        self.ahead_seconds += seconds

    def reset(self) -> None:
        """Go with the source again. What was stamped meanwhile keeps its time."""
        self.ahead_seconds = 0.0
