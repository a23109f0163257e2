"""Faults on demand: what goes wrong, how often or how long, and how often it did. Every endpoint declares its own.

throttled = Fault()
throttled.arm(times=3)                      # or for_seconds=2, or neither: until `reset`
if throttled.strikes(): ...                 # in the endpoint, wherever it can go wrong

Durations are real time, also where the endpoint's clock can be set: the clients wait in real time.
"""

import math
import time
from collections.abc import Callable


class Fault:
    """One thing that can go wrong. Disarmed it costs one comparison."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self.struck = 0
        """How often it went wrong since the last reset."""
        self._now = now
        self._left: float = 0
        self._until = math.inf
        self._place: str | None = None

    def arm(self, *, times: int | None = None, for_seconds: float | None = None, place: str | None = None) -> None:
        """Let it go wrong from now on, at one place (a hub, a container) or everywhere; replaces what was armed before.

        Raises:
            ValueError: a limit is not above zero.
        """
        if (times is not None and times < 1) or (for_seconds is not None and not for_seconds > 0):
            raise ValueError("times and for_seconds must be greater than 0")
        self._left = math.inf if times is None else times
        self._until = math.inf if for_seconds is None else self._now() + for_seconds
        self._place = place

    def strikes(self, place: str | None = None) -> bool:
        """Whether it goes wrong now; if so, that is counted."""
        if not self._left or (self._place is not None and place != self._place):
            return False
        if self._now() >= self._until:
            self._left = 0
            return False
        self._left -= 1
        self.struck += 1
        return True

    def reset(self) -> None:
        """Disarm it, and count from zero."""
        self._left = 0
        self.struck = 0
