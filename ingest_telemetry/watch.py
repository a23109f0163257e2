"""Watching the worker from beside: how far it has read of each partition, against what the hub holds.

A worker that hangs, that lost its right to read or whose batch is raised for ever says nothing of it, or says it where
nobody looks; its checkpoint stands still, and that is seen here.
"""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from shared.blobs import CHECKPOINTS, Blobs
from shared.hubs import TELEMETRY_HUB, Hub, PartitionEnd

STALLED_AFTER: Final = timedelta(minutes=5)
"""Longer than any batch may take, and than the host needs to take over the partitions of a worker that died."""

BEHIND_FROM: Final = 10_000
"""So many unread events of one partition, minutes of work for a worker, and it does not keep up."""

CONSUMER_GROUP: Final = "$default"
"""As the host writes it into the names of its checkpoints."""

NOTHING_READ: Final = -1

_log = logging.getLogger("blue.ingest")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """How far a partition was read, and when that last changed."""

    sequence_number: int
    moved_at: datetime


@dataclass(slots=True)
class Watch:
    """What one worker process has seen of the partitions."""

    _unread_at: dict[str, tuple[int, datetime]] = field(default_factory=dict)
    """Per partition the checkpoint behind which something is unread, and since when that is known."""

    def look(self, ends: Iterable[PartitionEnd], checkpoints: Mapping[str, Checkpoint], *, now: datetime) -> list[str]:
        """Say which partitions are stalled or far behind, and return the alarms as `name partition`."""
        found = [self._alarm(end, checkpoints.get(end.partition), now) for end in ends]
        return [alarm for alarm in found if alarm is not None]

    def _alarm(self, end: PartitionEnd, checkpoint: Checkpoint | None, now: datetime) -> str | None:
        done = checkpoint.sequence_number if checkpoint is not None else NOTHING_READ
        if done > end.last_sequence_number:
            done = NOTHING_READ  # the hub was made anew under a checkpoint of before
        unread = 0 if end.is_empty else end.last_sequence_number - done
        if unread == 0:
            self._unread_at.pop(end.partition, None)
            return None
        known = self._unread_at.get(end.partition)
        if known is None or known[0] != done:
            known = self._unread_at[end.partition] = (done, now)
        # The newest event is unread, so there was something to read from then on at the latest, or since it was seen.
        moved_at = checkpoint.moved_at if checkpoint is not None else end.last_enqueued_at
        since = min(known[1], max(end.last_enqueued_at, moved_at))
        if now - since >= STALLED_AFTER:
            name = "partition_stalled"
        elif unread >= BEHIND_FROM:
            name = "partition_behind"
        else:
            return None
        _log.error(
            "ALARM %s: partition %s, %d events unread, none read for %d s; checkpoint %s, newest event %d s old",
            name,
            end.partition,
            unread,
            (now - since).total_seconds(),
            f"{(now - moved_at).total_seconds():.0f} s old" if checkpoint is not None else "missing",
            (now - end.last_enqueued_at).total_seconds(),
        )
        return f"{name} {end.partition}"


async def watch_partitions(watch: Watch, *, hub: Hub, host_blobs: Blobs, now: datetime) -> list[str]:
    """Look once at every partition of the telemetry hub."""
    return watch.look(await hub.ends(), await checkpoints_of(TELEMETRY_HUB, host_blobs=host_blobs), now=now)


async def checkpoints_of(hub: str, *, host_blobs: Blobs) -> dict[str, Checkpoint]:
    """The host's checkpoints of a hub by partition; of a namespace before the present one, what is newer counts."""
    found: dict[str, Checkpoint] = {}
    async for name, metadata, moved_at in host_blobs.marks(CHECKPOINTS):
        *_, of_hub, group, kind, partition = ("", "", "", *name.split("/"))
        if (of_hub, group, kind) != (hub, CONSUMER_GROUP, "checkpoint"):
            continue
        written = {key.lower(): value for key, value in metadata.items()}.get("sequencenumber", "")
        if written.isdecimal() and (partition not in found or found[partition].moved_at < moved_at):
            found[partition] = Checkpoint(int(written), moved_at)
    return found
