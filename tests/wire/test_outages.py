"""Outages of what the service stands on: nothing is lost, nothing twice, and it recovers by itself.

Each lasts seconds here; `OUTAGE_S=180 python -m pytest tests/wire/test_outages.py` makes it minutes.
"""

import asyncio
import os
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from local.api import Refused
from local.cloud import LocalCloud
from local.control import tell
from local.cosmos.faults import Fault
from local.outbox import Message
from tests.wire.conftest import Household, Stored, call
from tests.wire.sent import Sending, Stream, all_accepted, stored_messages

OUTAGE_S = float(os.environ.get("OUTAGE_S", "2"))
pytestmark = pytest.mark.timeout(120 + 20 * OUTAGE_S)


@pytest_asyncio.fixture(loop_scope="session")
async def stream(cloud: LocalCloud) -> AsyncIterator[Stream]:
    """The telemetry hub; afterwards no fault is left."""
    async with Stream.of(cloud) as opened:
        yield opened
        await cloud.cosmos.reset_faults()
        await tell(cloud.control("eventhubs"), "reset")
        await opened.read_to_its_end()


DATABASE_FAULTS: dict[str, dict[str, Any]] = {
    "away": {"status": 503},
    "throttling": {"status": 429, "retry_after_ms": 300},
    "slow": {"latency_ms": 700},
    "cut off before": {"drop": "before"},
    "cut off after": {"drop": "after"},
}


async def test_an_outage_of_the_database_loses_and_doubles_nothing(
    cloud: LocalCloud, household: Household, neighbours: Household, stored: Stored, stream: Stream
) -> None:
    """Away, throttling, slow, dropping connections before and after the work: monitors notice nothing of it."""
    sending = [Sending(household), Sending(neighbours)]
    ending = asyncio.Event()
    async with asyncio.TaskGroup() as load:
        for one in sending:
            load.create_task(one.keep_on(ending))
        for fault in DATABASE_FAULTS.values():
            await cloud.cosmos.inject(Fault(container="telemetry", for_seconds=OUTAGE_S, **fault))
            await asyncio.sleep(OUTAGE_S)
        ending.set()
    met = [fault["met"] for fault in await cloud.cosmos.faults()]
    await stream.read_to_its_end()
    assert any(met)
    assert not sending[0].refusals + sending[1].refusals
    accepted = all_accepted(sending)
    assert len(accepted) > 10
    assert await stored_messages(stored.database, {household.ownership_id, neighbours.ownership_id}) == accepted


async def test_an_outage_of_the_hub_is_told_and_waited_for(
    cloud: LocalCloud, household: Household, stored: Stored, stream: Stream
) -> None:
    """The gateway never accepts what it could not hand on; the reference monitor keeps it, and sends it later."""
    control = cloud.control("eventhubs")
    household.monitor.observe(call("answered", durationS=1.5))
    before = await household.monitor.flush()
    assert before.accepted == 1
    await tell(control, "refuse-connections")
    await tell(control, "drop-connections")
    with pytest.raises(Refused) as refused:
        await household.monitor.send(Message.of([call("answered", durationS=2.5)]))
    assert (refused.value.code, refused.value.status) == ("hub_unavailable", 503)
    assert refused.value.retry_after is not None
    assert refused.value.retry_after > 0

    taken = [call("answered", durationS=3.5), call("missed", durationS=4.5)]
    for reading in taken:
        household.monitor.observe(reading)
    async with asyncio.TaskGroup() as meanwhile:
        flushing = meanwhile.create_task(household.monitor.flush())
        await asyncio.sleep(OUTAGE_S)
        await tell(control, "reset")
    assert flushing.result().accepted == len(taken)
    await stream.read_to_its_end()
    found = await stored_messages(stored.database, {household.ownership_id})
    durations = sorted(row.partition(",")[0] for rows in found.values() for row in rows)
    assert len(durations) == len(set(durations))
    assert {'{"durationS": 1.5', '{"durationS": 3.5', '{"durationS": 4.5'} <= set(durations)


async def test_a_throttled_hub_is_told_and_waited_for(
    cloud: LocalCloud, household: Household, stored: Stored, stream: Stream
) -> None:
    """Above its throughput it refuses sends; and one that it took without saying so is stored once."""
    control = cloud.control("eventhubs")
    sending = Sending(household)
    await tell(control, "throttle-sends", for_seconds=OUTAGE_S, hub="telemetry")
    await sending.send(sending.make())
    await tell(control, "lose-acknowledgements", times=1, hub="telemetry")
    for _ in range(3):
        await sending.send(sending.make())
    await stream.read_to_its_end()
    assert await stored_messages(stored.database, {household.ownership_id}) == sending.accepted
