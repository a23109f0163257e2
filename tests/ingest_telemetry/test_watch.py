"""A partition that is not read is seen, and one that is only quiet is not."""

from datetime import UTC, datetime, timedelta

import pytest

from ingest_telemetry.watch import BEHIND_FROM, STALLED_AFTER, Checkpoint, Watch
from shared.hubs import PartitionEnd

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
LONG = STALLED_AFTER * 3
SHORT = timedelta(seconds=20)


def end(last: int, *, age: timedelta, is_empty: bool = False) -> PartitionEnd:
    return PartitionEnd("0", last, NOW - age, is_empty)


def checkpoint(number: int, *, age: timedelta) -> dict[str, Checkpoint]:
    return {"0": Checkpoint(number, NOW - age)}


@pytest.mark.parametrize(
    ("held", "checkpoints"),
    [
        (end(-1, age=LONG, is_empty=True), {}),
        (end(99, age=LONG), checkpoint(99, age=LONG)),
        (end(100, age=SHORT), checkpoint(99, age=LONG)),  # quiet for long, and one has just come
        (end(BEHIND_FROM, age=SHORT), checkpoint(1, age=SHORT)),
        (end(99, age=LONG, is_empty=True), checkpoint(9, age=LONG)),  # what was unread has lapsed
    ],
)
def test_a_partition_that_is_read_is_no_alarm(held: PartitionEnd, checkpoints: dict[str, Checkpoint]) -> None:
    """Empty, quiet, or just behind."""
    assert Watch().look([held], checkpoints, now=NOW) == []


@pytest.mark.parametrize(
    ("held", "checkpoints"),
    [
        (end(99, age=LONG), {}),  # never read
        (end(99, age=LONG), checkpoint(98, age=LONG)),
        (end(9, age=LONG), checkpoint(5000, age=LONG)),  # the hub was made anew, and the host waits for number 5001
    ],
)
def test_a_checkpoint_that_stands_still_before_something_to_read_is_an_alarm(
    held: PartitionEnd, checkpoints: dict[str, Checkpoint], caplog: pytest.LogCaptureFixture
) -> None:
    """At the first look, when the newest event is that old itself."""
    assert Watch().look([held], checkpoints, now=NOW) == ["partition_stalled 0"]
    assert "ALARM partition_stalled: partition 0" in caplog.text


def test_a_stream_that_goes_on_does_not_hide_a_stall() -> None:
    """New events keep coming, so that the newest is never old; the checkpoint is."""
    watch = Watch()
    told = []
    for minute in range(STALLED_AFTER // timedelta(minutes=1) + 2):
        now = NOW + timedelta(minutes=minute)
        fresh = PartitionEnd("0", 100 + minute, now, is_empty=False)
        told.append(watch.look([fresh], checkpoint(99, age=LONG), now=now))
    assert told[0] == []
    assert told[-1] == ["partition_stalled 0"]
    moved = {"0": Checkpoint(100, now)}
    assert watch.look([fresh], moved, now=now) == []


def test_a_partition_far_behind_is_an_alarm(caplog: pytest.LogCaptureFixture) -> None:
    """It is read, and not fast enough."""
    assert Watch().look([end(BEHIND_FROM + 7, age=SHORT)], checkpoint(7, age=SHORT), now=NOW) == ["partition_behind 0"]
    assert f"{BEHIND_FROM} events unread" in caplog.text
