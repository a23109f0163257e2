"""Quotas: how much one monitor may send through one worker process, so that a faulty one does not crowd out others.

Two token buckets a monitor, of messages and of readings, in memory: they bound what an instance takes, not what a
monitor sends to all of them, and cost no request.
"""

from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from typing import Final

from shared.errors import Problem

MESSAGES_PER_MINUTE: Final = 120
"""A real monitor says something a few times an hour, once a minute while a support case is open; after a month without
a network it delivers some 45,000 readings, which takes six minutes."""

READINGS_A_MESSAGE: Final = 50
"""So many readings a monitor has for each of its messages, on average."""

BURST: Final = timedelta(minutes=2)
"""So much of its share a monitor may send at once."""

MONITORS_KEPT: Final = 10_000
"""Of the monitors that were not seen for longest the buckets are forgotten, full or not."""


@dataclass(slots=True)
class _Bucket:
    messages: float
    readings: float
    filled_at: datetime


class Quotas:
    """The buckets of the monitors that a worker process has heard of."""

    def __init__(self, messages_per_minute: int = MESSAGES_PER_MINUTE) -> None:
        """Nobody has sent anything."""
        self._messages_per_minute = messages_per_minute
        self._readings_per_minute = messages_per_minute * READINGS_A_MESSAGE
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def take(self, device_id: str, readings: int, now: datetime) -> None:
        """Let a monitor send one message with so many readings.

        Raises:
            Problem: quota_exceeded, with the time after which there is room for it; then nothing was taken.
        """
        bucket = self._filled(device_id, now)
        short_s = max(
            _seconds_until(1, bucket.messages, self._messages_per_minute),
            _seconds_until(readings, bucket.readings, self._readings_per_minute),
        )
        if short_s > 0:
            raise Problem("quota_exceeded", retry_after_s=ceil(short_s), counted="telemetry.quota_exceeded")
        bucket.messages -= 1
        bucket.readings -= readings

    def _filled(self, device_id: str, now: datetime) -> _Bucket:
        """The bucket of a monitor, with what it has gained since it was last used."""
        burst_min = BURST / timedelta(minutes=1)
        full_messages, full_readings = burst_min * self._messages_per_minute, burst_min * self._readings_per_minute
        bucket = self._buckets.pop(device_id, None) or _Bucket(full_messages, full_readings, now)
        gained_min = max(0.0, (now - bucket.filled_at) / timedelta(minutes=1))
        bucket.messages = min(full_messages, bucket.messages + gained_min * self._messages_per_minute)
        bucket.readings = min(full_readings, bucket.readings + gained_min * self._readings_per_minute)
        bucket.filled_at = max(now, bucket.filled_at)
        self._buckets[device_id] = bucket
        if len(self._buckets) > MONITORS_KEPT:
            self._buckets.popitem(last=False)
        return bucket


def _seconds_until(wanted: float, there: float, per_minute: float) -> float:
    return 60 * (wanted - there) / per_minute
