"""The watch over partitions, with the hub's own numbers and the checkpoints that the host writes."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest_asyncio

from ingest_telemetry.watch import STALLED_AFTER, Watch, watch_partitions
from local.cloud import LocalCloud
from local.control import tell
from shared.hubs import TELEMETRY_HUB
from tests.wire.conftest import Household, call, eventually
from tests.wire.sent import Stream

PARTITIONS = 4


@pytest_asyncio.fixture(loop_scope="session")
async def stream(cloud: LocalCloud) -> AsyncIterator[Stream]:
    """The telemetry hub, read to its end before and after."""
    async with Stream.of(cloud) as opened:
        await opened.read_to_its_end()
        yield opened
        await tell(cloud.control("eventhubs"), "reset")
        await opened.read_to_its_end()


async def test_a_partition_that_nobody_reads_is_seen(cloud: LocalCloud, household: Household, stream: Stream) -> None:
    """The stream stands still for minutes before a message; and when it goes on, all is well."""
    household.monitor.observe(call("answered"))
    await household.monitor.flush()
    await stream.read_to_its_end()
    assert await look(stream) == []
    for partition in range(PARTITIONS):
        await tell(cloud.control("eventhubs"), "stop-partition", hub=TELEMETRY_HUB, partition=str(partition))
    household.monitor.observe(call("missed"))
    await household.monitor.flush()
    [alarm] = await look(stream)
    assert alarm.startswith("partition_stalled ")
    await tell(cloud.control("eventhubs"), "reset")
    await stream.read_to_its_end()
    assert await look(stream) == []


async def look(stream: Stream) -> list[str]:
    """What the watch sees some minutes from now."""
    soon = datetime.now(UTC) + STALLED_AFTER * 2
    return await watch_partitions(Watch(), hub=stream.hubs.telemetry, host_blobs=stream.blobs, now=soon)


async def test_the_timer_looks_at_the_real_thing(cloud: LocalCloud, household: Household) -> None:
    """It is run by the host, and finds hub and checkpoints by the app's settings."""
    log = cloud.parts["host"].log
    begin = log.stat().st_size
    async with household.api.session.post(f"{household.api.base_url}/admin/functions/watch_partitions") as answer:
        assert answer.status == 202

    async def has_run() -> bool:
        return b"'Functions.watch_partitions' (Succeeded" in log.read_bytes()[begin:]

    await eventually(has_run, "the watch")
