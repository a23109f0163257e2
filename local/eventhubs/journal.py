"""A partition's log on disk: append-only segments, of which old ones are deleted whole.

A record is written before its sender hears that it was accepted, so it outlives the process whatever kills it. Nothing
is synced: losing power can lose the last seconds. A record that was cut off by a crash is dropped when the journal is
opened. Expired events stay on disk until all of their segment has expired.
"""

import logging
import struct
import zlib
from collections.abc import Sequence
from io import FileIO
from pathlib import Path
from typing import Final, NamedTuple

from local.eventhubs.log import EMPTY, Mark, Record
from local.serving import CannotStart

_MAGIC: Final = b"EVENTS01"
_HEADER: Final = struct.Struct(">8sqqqqI")
"""Magic, the mark before the first record (next sequence, next offset, last offset, last time), checksum."""
_RECORD: Final = struct.Struct(">IIqq")
"""Size of the message, checksum of what follows, offset, enqueued time; then the message."""
_CHECKED_FROM: Final = 8
_SMALLEST_SEGMENT: Final = 1 << 20
_SEGMENTS: Final = 8
"""Into how many segments the retained bytes are cut, about."""

_LOGGER: Final = logging.getLogger(__name__)


class Damaged(Exception):
    """Bytes that cannot be a crash's doing."""


class Recovered(NamedTuple):
    """What was found on disk."""

    journal: "SegmentJournal"
    mark: Mark
    records: list[Record]


class SegmentJournal:
    """The open journal of one partition; the newest segment is the one written to."""

    def __init__(self, folder: Path, segment_bytes: int, segments: list[Path]) -> None:
        self._folder = folder
        self._segment_bytes = segment_bytes
        self._segments = segments
        self._file = FileIO(segments[-1], "r+")
        self._size = self._file.seek(0, 2)

    @classmethod
    def open(cls, folder: Path, retention_bytes: int) -> Recovered:
        """Open what is in the folder, or begin anew.

        Raises:
            CannotStart: a segment is damaged.
        """
        folder.mkdir(parents=True, exist_ok=True)
        segments = sorted(folder.glob("*.segment"))
        try:
            segments, mark, records = _recover(segments)
        except Damaged as error:
            raise CannotStart(f"eventhubs: {error} Delete {folder} to go on without these events.") from error
        if not segments:
            segments = [_create(folder, mark)]
        return Recovered(cls(folder, max(_SMALLEST_SEGMENT, retention_bytes // _SEGMENTS), segments), mark, records)

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def append(self, records: Sequence[Record], before: Mark) -> None:
        """Write records that follow `before`; an OSError leaves the journal as it was."""
        if self._size >= self._segment_bytes:
            self._roll(before)
        data = b"".join(part for record in records for part in _encode(record))
        try:
            _write(self._file, data)
        except OSError:
            self._file.truncate(self._size)
            self._file.seek(self._size)
            raise
        self._size += len(data)

    def forget_before(self, sequence_number: int, mark: Mark) -> None:
        """Delete the segments that hold only older events; if that is all of them, begin a new one."""
        try:
            if sequence_number == mark.next_sequence and self._size > _HEADER.size:
                self._roll(mark)
            while len(self._segments) > 1 and _first_sequence(self._segments[1]) <= sequence_number:
                self._segments[0].unlink()
                del self._segments[0]
        except OSError as error:  # nothing is lost; the next expiry tries again
            _LOGGER.warning("Expired events cannot be deleted from %s: %s", self._folder, error)

    def _roll(self, mark: Mark) -> None:
        segment = _create(self._folder, mark)
        self._file.close()
        self._file = FileIO(segment, "r+")
        self._size = self._file.seek(0, 2)
        self._segments.append(segment)


def _first_sequence(segment: Path) -> int:
    return int(segment.stem)


def _create(folder: Path, mark: Mark) -> Path:
    segment = folder / f"{mark.next_sequence:020d}.segment"
    head = _HEADER.pack(_MAGIC, *mark, 0)[:-4]
    segment.write_bytes(head + zlib.crc32(head).to_bytes(4))
    return segment


def _write(file: FileIO, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[file.write(rest) :]


def _encode(record: Record) -> tuple[bytes, bytes]:
    head = _RECORD.pack(len(record.message), 0, record.offset, record.enqueued_ms)
    checksum = zlib.crc32(record.message, zlib.crc32(head[_CHECKED_FROM:]))
    return head[:4] + checksum.to_bytes(4) + head[_CHECKED_FROM:], record.message


def _recover(segments: list[Path]) -> tuple[list[Path], Mark, list[Record]]:
    """The usable segments, where they end, and what they hold."""
    mark, records = EMPTY, list[Record]()
    for index, segment in enumerate(segments):
        newest = segment is segments[-1]
        data = segment.read_bytes()
        start = _read_header(data)
        if start is None:
            if not newest:
                raise Damaged(f"{segment} does not begin as a segment does.")
            segment.unlink()
            return segments[:index], mark, records
        if index and start != mark:
            raise Damaged(f"{segment} does not continue the one before it.")
        found, end = _read_records(data)
        if end < len(data):
            _drop_tail(segment, end, len(data), newest=newest)
        records += found
        mark = _after(start, found)
    return segments, mark, records


def _read_header(data: bytes) -> Mark | None:
    """The mark that a segment begins with; None if its header was cut off."""
    if len(data) < _HEADER.size:
        return None
    magic, *mark, checksum = _HEADER.unpack_from(data)
    if magic != _MAGIC or checksum != zlib.crc32(data[: _HEADER.size - 4]):
        raise Damaged("A segment's header is not of this format.")
    return Mark(*mark)


def _read_records(data: bytes) -> tuple[list[Record], int]:
    """The whole records, and where they end."""
    records, position = list[Record](), _HEADER.size
    while position + _RECORD.size <= len(data):
        size, checksum, offset, enqueued_ms = _RECORD.unpack_from(data, position)
        end = position + _RECORD.size + size
        if end > len(data) or checksum != zlib.crc32(memoryview(data)[position + _CHECKED_FROM : end]):
            break
        records.append(Record(offset, enqueued_ms, data[position + _RECORD.size : end]))
        position = end
    return records, position


def _drop_tail(segment: Path, end: int, size: int, *, newest: bool) -> None:
    if not newest:
        raise Damaged(f"{segment} is damaged at byte {end}.")
    _LOGGER.warning("A write to %s was cut off by a crash; its last %d bytes are dropped.", segment, size - end)
    with segment.open("r+b") as file:
        file.truncate(end)


def _after(mark: Mark, records: Sequence[Record]) -> Mark:
    if not records:
        return mark
    last = records[-1]
    return Mark(mark.next_sequence + len(records), last.offset + len(last.message), last.offset, last.enqueued_ms)
