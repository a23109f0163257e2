import pytest

from local.eventhubs.errors import AmqpError, Condition
from local.eventhubs.log import PartitionLog, Retention
from local.eventhubs.namespace import Partition


class Reader:
    """A consumer link that remembers why it was ended."""

    def __init__(self, epoch: int | None = None, group: str = "$default") -> None:
        self.group = group
        self.epoch = epoch
        self.end: AmqpError | None = None

    def wake(self) -> None: ...

    def disconnect(self, error: AmqpError) -> None:
        self.end = error


@pytest.fixture
def partition() -> Partition:
    return Partition("0", PartitionLog(Retention(1000, 1000)), lambda: 0)


def test_five_readers_without_a_level(partition: Partition) -> None:
    """A sixth reader of a group is refused, until one leaves; another group's readers do not count."""
    readers = [Reader() for _ in range(5)]
    for reader in readers:
        partition.admit(reader)
    partition.admit(Reader(group="other"))
    with pytest.raises(AmqpError, match="which is 5") as refusal:
        partition.admit(Reader())
    assert refusal.value.condition is Condition.RESOURCE_LIMIT_EXCEEDED
    partition.leave(readers[0])
    partition.admit(Reader())


def test_a_level_outranks_none(partition: Partition) -> None:
    """A reader with a level disconnects all of its group without one, and nobody else."""
    unowned, elsewhere = Reader(), Reader(group="other")
    partition.admit(unowned)
    partition.admit(elsewhere)
    partition.admit(Reader(0))
    assert unowned.end is not None
    assert unowned.end.condition is Condition.LINK_STOLEN
    assert elsewhere.end is None


@pytest.mark.parametrize(("holder", "comer", "taken"), [(0, 0, True), (1, 2, True), (2, 1, False), (0, None, False)])
def test_levels_decide(partition: Partition, holder: int, comer: int | None, taken: bool) -> None:
    """An equal or higher level takes over; a lower one, or none, is refused and disturbs nobody."""
    first, second = Reader(holder), Reader(comer)
    partition.admit(first)
    if taken:
        partition.admit(second)
    else:
        with pytest.raises(AmqpError) as refusal:
            partition.admit(second)
        assert refusal.value.condition is Condition.LINK_STOLEN
    assert (first.end is not None) is taken
