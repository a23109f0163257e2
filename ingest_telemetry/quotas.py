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
READINGS_PER_MINUTE: Final = 6_000
"""A real monitor says something a few times an hour, once a minute while a support case is open; after a month without
a network it delivers some 45,000 readings, which takes six minutes."""

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

    def __init__(self) -> None:
        """Nobody has sent anything."""
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def take(self, device_id: str, readings: int, now: datetime) -> None:
        """Let a monitor send one message with so many readings.

        Raises:
            Problem: quota_exceeded, with the time after which there is room for it; then nothing was taken.
        """
        bucket = self._filled(device_id, now)
        short_s = max(
            _seconds_until(1, bucket.messages, MESSAGES_PER_MINUTE),
            _seconds_until(readings, bucket.readings, READINGS_PER_MINUTE),
        )
        if short_s > 0:
            raise Problem("quota_exceeded", retry_after_s=ceil(short_s), counted="telemetry.quota_exceeded")
        bucket.messages -= 1
        bucket.readings -= readings

    def _filled(self, device_id: str, now: datetime) -> _Bucket:
        """The bucket of a monitor, with what it has gained since it was last used."""
        burst_min = BURST / timedelta(minutes=1)
        full_messages, full_readings = burst_min * MESSAGES_PER_MINUTE, burst_min * READINGS_PER_MINUTE
        bucket = self._buckets.pop(device_id, None) or _Bucket(full_messages, full_readings, now)
        gained_min = max(0.0, (now - bucket.filled_at) / timedelta(minutes=1))
        bucket.messages = min(full_messages, bucket.messages + gained_min * MESSAGES_PER_MINUTE)
        bucket.readings = min(full_readings, bucket.readings + gained_min * READINGS_PER_MINUTE)
        bucket.filled_at = max(now, bucket.filled_at)
        self._buckets[device_id] = bucket
        if len(self._buckets) > MONITORS_KEPT:
            self._buckets.popitem(last=False)
        return bucket


def _seconds_until(wanted: float, there: float, per_minute: float) -> float:
    return 60 * (wanted - there) / per_minute
