import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.eventhubs.errors import AmqpError
from local.eventhubs.journal import SegmentJournal
from local.eventhubs.log import PartitionLog, Retention
from local.eventhubs.namespace import HubDefinition
from local.eventhubs.storage import open_hubs
from local.serving import CannotStart
from tests.local.eventhubs.test_log import HOUR, event

SMALL = Retention(8 << 20, HOUR)
"""Its segments are a megabyte each."""


class Disk:
    """A log with its journal, opened anew at will."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.journal, self.log = self._open()

    def _open(self) -> tuple[SegmentJournal, PartitionLog]:
        journal, mark, records = SegmentJournal.open(self.folder, SMALL.bytes)
        return journal, PartitionLog(SMALL, journal, mark, records)

    def reopen(self) -> None:
        self.journal.close()
        self.journal, self.log = self._open()

    @property
    def segments(self) -> list[Path]:
        return sorted(self.folder.iterdir())


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    disk = Disk(tmp_path / "0")
    yield disk
    disk.journal.close()


def test_a_log_outlives_its_process(disk: Disk) -> None:
    """After a restart the same events have the same numbers, offsets and times, and the next one continues."""
    disk.log.append([event(b"a"), event(b"b")], 1000)
    before, offset = disk.log.messages(), disk.log.last_offset
    disk.reopen()
    assert disk.log.messages() == before
    assert (disk.log.last_sequence, disk.log.last_offset, disk.log.last_enqueued_ms) == (1, offset, 1000)
    disk.log.append([event(b"c")], 2000)
    disk.reopen()
    assert (disk.log.last_sequence, len(disk.log)) == (2, 3)


@pytest.mark.parametrize("cut", [1, 10, 30])
def test_a_torn_tail_is_dropped(disk: Disk, cut: int, caplog: pytest.LogCaptureFixture) -> None:
    """A record that a crash cut off is dropped and reported; those before it stay and writing goes on."""
    disk.log.append([event(b"whole")], 0)
    disk.log.append([event(b"torn")], 0)
    os.truncate(disk.segments[-1], disk.segments[-1].stat().st_size - cut)
    disk.reopen()
    assert disk.log.last_sequence == 0
    assert "cut off by a crash" in caplog.text
    disk.log.append([event(b"next")], 0)
    disk.reopen()
    assert disk.log.last_sequence == 1


def test_a_torn_new_segment_is_dropped(disk: Disk) -> None:
    """A crash while a segment was begun leaves the log as it was."""
    disk.log.append([event(b"a")], 0)
    (disk.folder / f"{1:020d}.segment").write_bytes(b"EVEN")
    disk.reopen()
    assert (disk.log.last_sequence, len(disk.segments)) == (0, 1)


def test_damage_is_not_taken_for_a_crash(disk: Disk) -> None:
    """A flipped bit in an older segment stops the start, with what to do; events are never silently skipped."""
    for _ in range(3):
        disk.log.append([event(b"x" * 900_000)], 0)
    damaged = disk.segments[0]
    content = bytearray(damaged.read_bytes())
    content[5000] ^= 1
    damaged.write_bytes(content)
    with pytest.raises(CannotStart, match=r"is damaged at byte .* Delete"):
        disk.reopen()


def test_a_missing_segment_is_noticed(disk: Disk) -> None:
    """A gap between segments stops the start."""
    for _ in range(6):
        disk.log.append([event(b"x" * 900_000)], 0)
    disk.segments[1].unlink()
    with pytest.raises(CannotStart, match="does not continue"):
        disk.reopen()


def test_the_disk_is_capped(disk: Disk) -> None:
    """Old segments are deleted: the disk holds the retained bytes and about a segment more."""
    for _ in range(40):
        disk.log.append([event(b"x" * 900_000)], 0)
    assert sum(segment.stat().st_size for segment in disk.segments) < SMALL.bytes + (3 << 20)
    begin = disk.log.begin_sequence
    disk.reopen()
    disk.log.expire(0)
    assert disk.log.begin_sequence == begin


def test_expired_events_leave_the_disk(disk: Disk) -> None:
    """When all have expired nothing of them is on disk, and the numbers go on after a restart."""
    disk.log.append([event(b"secret")], 0)
    offset = disk.log.last_offset
    disk.log.expire(2 * HOUR)
    assert all(b"secret" not in segment.read_bytes() for segment in disk.segments)
    disk.reopen()
    assert (disk.log.last_sequence, disk.log.last_offset, len(disk.log)) == (0, offset, 0)


def test_a_full_disk_refuses_the_send(disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be written is not accepted: nothing of it is stored, and later sends succeed."""
    disk.log.append([event(b"a")], 0)

    def half(_: object, data: bytes) -> None:
        os.write(disk.journal._file.fileno(), data[: len(data) // 2])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr("local.eventhubs.journal._write", half)
        with pytest.raises(AmqpError, match="No space left"):
            disk.log.append([event(b"b")], 0)
    disk.log.append([event(b"c")], 0)
    kept = disk.log.messages()
    assert len(kept) == 2
    disk.reopen()
    assert disk.log.messages() == kept


def test_a_hub_keeps_its_partitions(tmp_path: Path) -> None:
    """Keys would land elsewhere: another number of partitions than the directory's is refused."""
    with open_hubs([HubDefinition("jobs", 2)], SMALL, tmp_path, lambda: 7):
        pass
    with open_hubs([HubDefinition("Jobs", 2)], SMALL, tmp_path, lambda: 9) as [hub]:
        assert hub.created_ms == 7
    with (
        pytest.raises(CannotStart, match="has 2 partitions"),
        open_hubs([HubDefinition("jobs", 4)], SMALL, tmp_path, int),
    ):
        pass


def test_one_endpoint_a_directory(tmp_path: Path) -> None:
    """A second endpoint on the same directory would tear the logs: it is refused."""
    with (
        open_hubs([HubDefinition("jobs", 1)], SMALL, tmp_path, int),
        pytest.raises(CannotStart, match="another endpoint uses"),
        open_hubs([HubDefinition("jobs", 1)], SMALL, tmp_path, int),
    ):
        pass


@pytest.mark.parametrize(
    ("hubs", "reason"),
    [
        ([HubDefinition("jobs", 1), HubDefinition("JOBS", 1)], "named twice"),
        ([HubDefinition("../jobs", 1)], "not a hub's name"),
        ([HubDefinition("jobs", 0)], "needs 1 to 1024"),
    ],
)
def test_a_hub_that_cannot_be(hubs: list[HubDefinition], reason: str) -> None:
    """A name twice (case does not count), a name that is a path, a hub without partitions: nothing starts."""
    with pytest.raises(CannotStart, match=reason), open_hubs(hubs, SMALL, None, int):
        pass
