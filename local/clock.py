"""A clock that can be put forward, so that days pass in a test."""

import time
from collections.abc import Callable
from typing import Final

_LONGEST_SECONDS: Final = 100 * 366 * 86_400
"""A century: times beyond it are mistakes, and formats run out of digits."""


def wall_clock() -> int:
    """Milliseconds since 1970."""
    return time.time_ns() // 1_000_000


class SettableClock:
    """Milliseconds since 1970: those of another clock, and how far this one was put forward."""

    def __init__(self, source: Callable[[], int] = wall_clock) -> None:
        self._source = source
        self._ahead_ms = 0
        self._watchers: list[Callable[[], None]] = []

    def __call__(self) -> int:
        """The time."""
        return self._source() + self._ahead_ms

    @property
    def ahead_seconds(self) -> float:
        """How far it is ahead of its source."""
        return self._ahead_ms / 1000

    def watch(self, watcher: Callable[[], None]) -> None:
        """Call `watcher` whenever the clock was moved: what expires by it expires at once."""
        self._watchers.append(watcher)

    def forward(self, seconds: float) -> None:
        """Put the clock forward.

        Raises:
            ValueError: that would be back, or more than a century.
        """
        if not 0 < seconds <= _LONGEST_SECONDS:
            raise ValueError(f"a clock is put forward by more than 0 and at most {_LONGEST_SECONDS} seconds")
        self._move(self._ahead_ms + round(seconds * 1000))

    def reset(self) -> None:
        """Go with the source again. What was stamped meanwhile keeps its time."""
        self._move(0)

    def _move(self, ahead_ms: int) -> None:
        self._ahead_ms = ahead_ms
        for watcher in self._watchers:
            watcher()
