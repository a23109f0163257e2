"""Where hubs are kept: in memory, or in a directory that one endpoint at a time may use."""

import contextlib
import fcntl
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from local.eventhubs.journal import SegmentJournal
from local.eventhubs.log import PartitionLog, Retention
from local.eventhubs.namespace import HUB_NAME, MAX_PARTITIONS, Clock, Hub, HubDefinition
from local.serving import CannotStart


@contextlib.contextmanager
def open_hubs(
    definitions: Sequence[HubDefinition], retention: Retention, data: Path | None, clock: Clock
) -> Iterator[list[Hub]]:
    """The hubs, with what earlier runs left in the directory; without one they begin empty.

    Raises:
        CannotStart: the directory is in use, damaged, or holds a hub with another number of partitions.
    """
    _check(definitions)
    with contextlib.ExitStack() as stack:
        if data is None:
            kept = [_Kept(clock(), [PartitionLog(retention) for _ in range(hub.partitions)]) for hub in definitions]
        else:
            stack.enter_context(_locked(data))
            kept = [_open_hub(stack, data / hub.name.lower(), hub, retention, clock()) for hub in definitions]
        yield [Hub(hub, *was, clock) for hub, was in zip(definitions, kept, strict=True)]


class _Kept(NamedTuple):
    created_ms: int
    logs: list[PartitionLog]


def _check(definitions: Sequence[HubDefinition]) -> None:
    """A hub's name becomes a directory's, so it is held to the service's rules for names."""
    names = [hub.name.lower() for hub in definitions]
    for hub in definitions:
        if not HUB_NAME.fullmatch(hub.name):
            raise CannotStart(f"eventhubs: {hub.name!r} is not a hub's name. Use letters, digits, '.', '-' and '_'.")
        if not 1 <= hub.partitions <= MAX_PARTITIONS:
            raise CannotStart(f"eventhubs: the hub {hub.name!r} needs 1 to {MAX_PARTITIONS} partitions.")
        if names.count(hub.name.lower()) > 1:
            raise CannotStart(f"eventhubs: the hub {hub.name!r} is named twice. Give each hub once.")


@contextlib.contextmanager
def _locked(data: Path) -> Iterator[None]:
    try:
        data.mkdir(parents=True, exist_ok=True)
        lock = (data / "lock").open("w")
    except OSError as error:
        raise CannotStart(f"eventhubs: {data} cannot be used: {error.strerror}.") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise CannotStart(
                f"eventhubs: another endpoint uses {data}. End it, or choose another directory with --data."
            ) from error
        yield


def _open_hub(
    stack: contextlib.ExitStack, folder: Path, definition: HubDefinition, retention: Retention, now_ms: int
) -> _Kept:
    try:
        created_ms = _check_description(folder, definition, now_ms)
        partitions = [folder / str(index) for index in range(definition.partitions)]
        return _Kept(created_ms, [_open_log(stack, partition, retention, now_ms) for partition in partitions])
    except OSError as error:
        raise CannotStart(f"eventhubs: {folder} cannot be used: {error.strerror}.") from error


def _open_log(stack: contextlib.ExitStack, folder: Path, retention: Retention, now_ms: int) -> PartitionLog:
    journal, mark, records = SegmentJournal.open(folder, retention.bytes)
    stack.callback(journal.close)
    log = PartitionLog(retention, journal, mark, records)
    log.expire(now_ms)
    return log


def _check_description(folder: Path, definition: HubDefinition, now_ms: int) -> int:
    """When the hub was created; a new hub is described for later runs."""
    file = folder / "hub.json"
    if not file.exists():
        folder.mkdir(exist_ok=True)
        file.write_text(json.dumps({"partitions": definition.partitions, "created_ms": now_ms}))
        return now_ms
    try:
        description: Any = json.loads(file.read_text())
        partitions, created_ms = description["partitions"], int(description["created_ms"])
    except (ValueError, TypeError, KeyError) as error:
        raise CannotStart(f"eventhubs: {file} is damaged. Delete {folder} to go on without its events.") from error
    if partitions != definition.partitions:
        raise CannotStart(
            f"eventhubs: the hub {definition.name!r} has {partitions} partitions in {folder}, not "
            f"{definition.partitions}. Keep the number, or delete that directory to begin anew."
        )
    return created_ms
