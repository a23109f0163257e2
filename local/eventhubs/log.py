"""One partition's log: events in order, kept within a size and an age."""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import Final, NamedTuple, Protocol

from local.eventhubs import codec
from local.eventhubs.errors import AmqpError, Condition
from local.eventhubs.messages import Event, stamp
from local.eventhubs.positions import Axis, StartPosition

NONE_YET: Final = -1
"""Last sequence number and last offset of a log that never held an event, as the service reports them."""


class Retention(NamedTuple):
    """How much one partition keeps, and for how long."""

    bytes: int
    milliseconds: int


class Record(NamedTuple):
    """One event with what a log knows of it besides its sequence number."""

    offset: int
    enqueued_ms: int
    message: bytes


class Mark(NamedTuple):
    """Where a log stands: what the next event continues, even when nothing of the past is kept."""

    next_sequence: int
    next_offset: int
    last_offset: int
    last_enqueued_ms: int


EMPTY: Final = Mark(0, 0, NONE_YET, 0)


class Journal(Protocol):
    """What outlives the process."""

    def append(self, records: Sequence[Record], before: Mark) -> None:
        """Write records that follow `before`; an OSError leaves the journal as it was."""

    def forget_before(self, sequence_number: int, mark: Mark) -> None:
        """Free what holds only events before this one; `mark` is where the log stands."""


class PartitionLog:
    """Events with dense sequence numbers, in memory; a journal makes them outlive the process.

    Offsets are positions in bytes. Enqueued times never go back, even when the clock does.
    """

    def __init__(
        self,
        retention: Retention,
        journal: Journal | None = None,
        mark: Mark = EMPTY,
        records: Sequence[Record] = (),
    ) -> None:
        self._retention = retention
        self._journal = journal
        self._mark = mark
        self._begin = mark.next_sequence - len(records)
        self._offsets = array("q", (record.offset for record in records))
        self._times = array("q", (record.enqueued_ms for record in records))
        self._messages = [record.message for record in records]
        self._bytes = sum(map(len, self._messages))

    def __len__(self) -> int:
        return len(self._messages)

    @property
    def begin_sequence(self) -> int:
        """Sequence number of the oldest kept event; of the next one if none is kept."""
        return self._begin

    @property
    def next_sequence(self) -> int:
        """Sequence number that the next event gets."""
        return self._mark.next_sequence

    @property
    def last_sequence(self) -> int:
        """Sequence number of the newest event ever appended, or `NONE_YET`."""
        return self._mark.next_sequence - 1

    @property
    def last_offset(self) -> int:
        """Offset of the newest event ever appended, or `NONE_YET`."""
        return self._mark.last_offset

    @property
    def last_enqueued_ms(self) -> int:
        """Enqueued time of the newest event ever appended, or 0."""
        return self._mark.last_enqueued_ms

    def message(self, sequence_number: int) -> bytes:
        """A kept event, as readers get it."""
        return self._messages[sequence_number - self._begin]

    def messages(self) -> list[bytes]:
        """All kept events, oldest first."""
        return list(self._messages)

    def append(self, events: Sequence[Event], now_ms: int) -> None:
        """Add events, all or none.

        Raises:
            AmqpError: the journal cannot be written.
        """
        enqueued_ms = max(now_ms, self._mark.last_enqueued_ms)
        sequence_number, offset = self._mark.next_sequence, self._mark.next_offset
        enqueued_time = codec.timestamp(enqueued_ms)
        records = []
        for event in events:
            message = stamp(event, sequence_number, offset, enqueued_time)
            records.append(Record(offset, enqueued_ms, message))
            sequence_number += 1
            offset += len(message)
        if not records:
            return
        self._write(records)
        self._mark = Mark(sequence_number, offset, records[-1].offset, enqueued_ms)
        self._keep(records)
        self.expire(now_ms)

    def _write(self, records: Sequence[Record]) -> None:
        if self._journal is None:
            return
        try:
            self._journal.append(records, self._mark)
        except OSError as error:
            raise AmqpError(Condition.INTERNAL_ERROR, f"The log cannot be written: {error.strerror}.") from error

    def _keep(self, records: Sequence[Record]) -> None:
        for offset, enqueued_ms, message in records:
            self._offsets.append(offset)
            self._times.append(enqueued_ms)
            self._messages.append(message)
            self._bytes += len(message)

    def expire(self, now_ms: int) -> None:
        """Drop what is too old or too much; the newest event is never too much."""
        drop = bisect_left(self._times, now_ms - self._retention.milliseconds)
        if self._bytes > self._retention.bytes:
            drop = max(drop, self._surplus())
        if drop:
            self._drop(drop)

    def _surplus(self) -> int:
        """How many of the oldest events to drop: a little more than needed, so that it is needed seldom."""
        goal = self._retention.bytes - self._retention.bytes // 32
        size, drop = self._bytes, 0
        while size > goal and drop < len(self._messages) - 1:
            size -= len(self._messages[drop])
            drop += 1
        return drop

    def _drop(self, count: int) -> None:
        self._bytes -= sum(map(len, self._messages[:count]))
        del self._offsets[:count], self._times[:count], self._messages[:count]
        self._begin += count
        if self._journal is not None:
            self._journal.forget_before(self._begin, self._mark)

    def locate(self, position: StartPosition) -> int:
        """Sequence number of the first event that a reader at `position` gets; the next event's if there is none yet.

        A position before the oldest kept event begins with that one, as in the service.

        Raises:
            AmqpError: the offset or sequence number is beyond the log, such as a checkpoint that outlived it.
        """
        if position.value is None:
            return max(self._begin, self.next_sequence - (1 if position.inclusive else 0))
        if position.axis is Axis.SEQUENCE_NUMBER:
            self._refuse_beyond(position, self.last_sequence)
            return max(self._begin, position.value + (0 if position.inclusive else 1))
        bisect = bisect_left if position.inclusive else bisect_right
        if position.axis is Axis.OFFSET:
            self._refuse_beyond(position, self.last_offset)
            return self._begin + bisect(self._offsets, position.value)
        return self._begin + bisect(self._times, position.value)

    @staticmethod
    def _refuse_beyond(position: StartPosition, last: int) -> None:
        if position.value is not None and position.value > last:
            raise AmqpError(
                Condition.ARGUMENT_ERROR,
                f"The supplied {position.axis.value} '{position.value}' is invalid. "
                f"The last {position.axis.value} in the system is '{last}'.",
            )
