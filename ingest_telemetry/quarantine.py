"""The quarantine of what belongs to nobody: bounded for each partition of the hub, and nothing of a monitor is lost.

What the gateway has sent bears its stamp. While the quarantine is full, an event with the stamp is raised: it may be a
reading, and so the partition stops in front of it, with an alarm, until a worker can read it. One without any stamp
cannot be a reading that was accepted from anybody: it is counted and let go, so that a stranger's flood stops nobody.
"""

import asyncio
import hashlib
import logging
from collections import Counter
from datetime import datetime
from typing import Final, cast

from ingest_telemetry.items import quarantine_item
from ingest_telemetry.messages import HubEvent
from ingest_telemetry.outcome import Outcome
from ingest_telemetry.writing import is_refused_for_good
from shared.cosmos import Conflict, Container
from shared.data_map import HUBS
from shared.injection import reached

HELD_LIMIT: Final = 10_000
"""Events of one hub partition in quarantine. All as large as the hub takes them, they still fit into the 20 GB that the
store gives to one logical partition."""

_HELD: Final = "SELECT VALUE COUNT(1) FROM c"

_log = logging.getLogger("blue.ingest")


class QuarantineFullError(Exception):
    """An event that may be somebody's readings finds no room: the batch must come again."""


class Quarantine:
    """The container as one batch of events sees it."""

    def __init__(self, container: Container, outcome: Outcome, now: datetime) -> None:
        """Nothing is read before something is to be set aside."""
        self._container = container
        self._outcome = outcome
        self._now = now
        self._taken: Counter[str] = Counter()
        self._held: dict[str, int] = {}
        self._counting = asyncio.Lock()
        self._is_alarmed = False

    async def set_aside(self, event: HubEvent, reason: str) -> None:
        """Keep an event as it came; one that is there already stays as it is.

        Raises:
            QuarantineFullError: there is no room for it, and it may be readings.
        """
        item = quarantine_item(event, reason, None, now=self._now)
        partition = item["hubPartition"]
        held = await self._held_in(partition)
        if held + self._taken[partition] >= HELD_LIMIT:
            if await self._container.read(partition, item["id"]) is None:
                self._leave(event, partition)
            return
        self._taken[partition] += 1
        try:
            await self._container.create(item)
        except Conflict:
            self._taken[partition] -= 1  # redelivered: it is there
        except Exception as error:
            self._taken[partition] -= 1
            if not is_refused_for_good(error):
                raise
            self._outcome.lose(reason)
        else:
            await reached("quarantine.kept")
            self._outcome.set_aside([reason])

    async def _held_in(self, partition: str) -> int:
        async with self._counting:
            if partition not in self._held:
                [count] = [count async for count in self._container.query(_HELD, partition=partition)]
                self._held[partition] = cast("int", count)
            return self._held[partition]

    def _leave(self, event: HubEvent, partition: str) -> None:
        is_stamped = not HUBS["telemetry"].properties.keys().isdisjoint(event.properties)
        if is_stamped or not self._is_alarmed:
            self._is_alarmed = True
            _log.error(
                "ALARM quarantine_full: %s holds %d events; one of %d bytes, SHA-256 %s, %s",
                partition,
                HELD_LIMIT,
                len(event.body),
                hashlib.sha256(event.body).hexdigest(),
                "waits, and all behind it" if is_stamped else "without any stamp of the gateway is not kept",
            )
        if is_stamped:
            raise QuarantineFullError
        self._outcome.leave()
