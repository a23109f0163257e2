import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.eventhubs.errors import AmqpError
from local.eventhubs.log import PartitionLog, Retention
from local.eventhubs.messages import Event, read_stored
from local.eventhubs.positions import EARLIEST, Axis, StartPosition
from tests.local.eventhubs.peer import data_message

HOUR = 3_600_000


def event(body: bytes = b"x") -> Event:
    return Event(b"", b"", 0, None, data_message(body))


def filled(count: int) -> PartitionLog:
    """A log whose event n came at second n."""
    log = PartitionLog(Retention(1 << 20, HOUR))
    for number in range(count):
        log.append([event(b"%d" % number)], 1000 * number)
    return log


def offset_of(log: PartitionLog, sequence_number: int) -> int:
    return int(read_stored("0", log.message(sequence_number)).offset)


def test_every_axis_finds_its_event() -> None:
    """Offset, sequence number and time name the same event; inclusive begins with it, exclusive after it."""
    log = filled(10)
    for axis, value in ((Axis.OFFSET, offset_of(log, 4)), (Axis.SEQUENCE_NUMBER, 4), (Axis.ENQUEUED_TIME, 4000)):
        assert log.locate(StartPosition(axis, value, inclusive=True)) == 4
        assert log.locate(StartPosition(axis, value, inclusive=False)) == 5
    assert log.locate(EARLIEST) == 0
    assert log.locate(StartPosition(Axis.OFFSET, None, inclusive=False)) == 10
    assert log.locate(StartPosition(Axis.OFFSET, None, inclusive=True)) == 9


@pytest.mark.parametrize("count", [0, 3])
def test_a_position_beyond_the_log_is_refused(count: int) -> None:
    """A checkpoint that outlived the log it belongs to is refused, never taken for the end."""
    log = filled(count)
    for axis, last in ((Axis.OFFSET, log.last_offset), (Axis.SEQUENCE_NUMBER, log.last_sequence)):
        with pytest.raises(AmqpError, match=f"The last {axis.value} in the system is '{last}'"):
            log.locate(StartPosition(axis, last + 1, inclusive=False))
        assert log.locate(StartPosition(axis, last, inclusive=False)) == count


def test_old_events_go() -> None:
    """Events older than the retention are dropped; the numbers of those that stay do not change."""
    log = filled(10)
    log.expire(HOUR + 6500)
    assert (log.begin_sequence, len(log)) == (7, 3)
    assert read_stored("0", log.message(7)).body == b"7"
    assert log.locate(EARLIEST) == log.locate(StartPosition(Axis.SEQUENCE_NUMBER, 2, inclusive=True)) == 7


def test_an_emptied_log_goes_on_counting() -> None:
    """When everything has expired, the next event continues numbers and offsets, and an old checkpoint still holds."""
    log = filled(5)
    last = log.last_offset
    log.expire(3 * HOUR)
    assert len(log) == 0
    assert log.locate(StartPosition(Axis.OFFSET, last, inclusive=False)) == 5
    log.append([event()], 3 * HOUR)
    assert (log.begin_sequence, log.last_sequence) == (5, 5)
    assert log.last_offset > last


@given(st.lists(st.integers(0, 400), min_size=1, max_size=80))
def test_size_is_capped(sizes: list[int]) -> None:
    """However events come, a partition keeps no more bytes than allowed, and always the newest event."""
    log = PartitionLog(Retention(2000, HOUR))
    for size in sizes:
        log.append([event(b"x" * size)], 0)
        assert sum(map(len, log.messages())) <= 2000
    assert log.last_sequence == len(sizes) - 1
    assert len(log) == log.next_sequence - log.begin_sequence >= 1


def test_an_event_above_the_cap_is_kept_alone() -> None:
    """The newest event is delivered even if it alone is more than the cap."""
    log = PartitionLog(Retention(100, HOUR))
    log.append([event(), event(b"x" * 500)], 0)
    assert (log.begin_sequence, len(log)) == (1, 1)


def test_time_never_goes_back() -> None:
    """Events keep their order in time when the clock is set back."""
    log = PartitionLog(Retention(1 << 20, HOUR))
    log.append([event()], 5000)
    log.append([event()], 3000)
    assert log.last_enqueued_ms == 5000
    assert log.locate(StartPosition(Axis.ENQUEUED_TIME, 5000, inclusive=True)) == 0
