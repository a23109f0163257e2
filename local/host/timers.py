"""Timer triggers: each runs on its schedule, one run at a time."""

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from local.host import protos
from local.host.invocations import Invocations, Outcome, is_set_within, run_with_retries
from local.host.manifest import Function, TimerTrigger

_LONGEST_SLEEP: Final = 60.0
"""Seconds after which the clock is read again, since a laptop may have slept."""

_NEVER: Final = datetime(1, 1, 1, tzinfo=UTC)

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """The time."""
    return datetime.now(UTC)


def timer_data(trigger: TimerTrigger, last: datetime, now: datetime) -> protos.TypedData:
    """What a timer function is told: when it ran last, and when it is due next.

    It is never past due: schedules are not kept across restarts, and a run missed while another was going on is left
    out.
    """
    status = {"Last": _text(last), "Next": _text(trigger.schedule.next_after(now)), "LastUpdated": _text(last)}
    told = {"Schedule": {"AdjustForDST": True}, "ScheduleStatus": status, "IsPastDue": False}
    return protos.TypedData(json=json.dumps(told))


def _text(moment: datetime) -> str:
    return moment.isoformat() if moment is not _NEVER else "0001-01-01T00:00:00"


class Timer:
    """One timer function."""

    def __init__(
        self, function: Function, trigger: TimerTrigger, invocations: Invocations, *, clock: Clock = utc_now
    ) -> None:
        self._function = function
        self._trigger = trigger
        self._invocations = invocations
        self._clock = clock
        self._last = _NEVER

    async def run(self, stopping: asyncio.Event) -> None:
        """Run the function on its schedule until `stopping` is set; a run in progress ends first."""
        if self._trigger.run_on_startup:
            await self.fire(stopping)
        while await self._is_due(self._trigger.schedule.next_after(self._clock()), stopping):
            await self.fire(stopping)

    async def fire(self, stopping: asyncio.Event) -> None:
        """Run the function now, with its retries."""
        data = self._told()
        await run_with_retries(
            self._function,
            lambda retry: self._invocations.run(self._function, data, retry=retry),
            stopping=stopping,
        )

    async def fire_once(self) -> Outcome:
        """Run the function now, without retries."""
        return await self._invocations.run(self._function, self._told())

    def _told(self) -> protos.TypedData:
        now = self._clock()
        data = timer_data(self._trigger, self._last, now)
        self._last = now
        return data

    async def _is_due(self, due: datetime, stopping: asyncio.Event) -> bool:
        while (remaining := (due - self._clock()).total_seconds()) > 0:
            if await is_set_within(stopping, min(remaining, _LONGEST_SLEEP)):
                return False
        return not stopping.is_set()
