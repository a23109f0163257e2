from azure.eventhub._buffered_producer._partition_resolver import PartitionResolver  # the SDK's own, held to be right
from hypothesis import given
from hypothesis import strategies as st

from local.eventhubs.partitioning import partition_of


@given(key=st.text(max_size=80), partitions=st.integers(1, 40))
def test_lands_where_the_sdk_puts_it(key: str, partitions: int) -> None:
    """Any key lands in the partition that the SDK's resolver names."""
    resolver = PartitionResolver([str(index) for index in range(partitions)])
    assert str(partition_of(key, partitions)) == resolver.get_partition_id_by_partition_key(key)
