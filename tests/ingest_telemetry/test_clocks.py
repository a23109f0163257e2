"""Clocks: four times are kept, none is overwritten, and a wrong clock is corrected and marked."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from ingest_telemetry.contract import Envelope, Receipt
from ingest_telemetry.gateway import accept_message
from ingest_telemetry.messages import HubEvent
from ingest_telemetry.storing import store_events
from shared import clock as clocks
from shared.callers import Monitor
from shared.cosmos import Item
from tests.doubles import RecordingCounters, RecordingHub
from tests.owned import Owned

pytestmark = pytest.mark.wire

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MONTH = timedelta(days=30)


async def delivered(
    owned: Owned, *observed_at: datetime, sent_at: datetime, monitor_time: datetime | None = None
) -> tuple[Receipt, list[Item]]:
    """What becomes of a message with calls observed and sent at these times, by the monitor's own clock."""
    hub = RecordingHub()
    readings = [{"kind": "call", "observedAt": moment.isoformat(), "outcome": "missed"} for moment in observed_at]
    envelope: dict[str, Any] = {"schemaVersion": 1, "messageId": str(uuid4()), "readings": readings}
    written = json.dumps(envelope | {"sentAt": sent_at.isoformat()}).encode()
    receipt = await accept_message(
        Monitor("device", owned.id, owned.policy),
        Envelope.model_validate_json(written),
        written,
        hub=hub,
        counters=RecordingCounters(),
        now=owned.clock(),
        monitor_time=monitor_time.isoformat() if monitor_time else None,
    )
    for body, _, properties in hub.sent:
        event = HubEvent(body=body, properties=properties, partition="0", sequence_number=1, enqueued_at=owned.clock())
        await store_events([event], database=owned.database, now=owned.clock)
    return receipt, await owned.stored()


def corrected(item: Item) -> list[datetime]:
    """The times of the readings, as every reader of an item works them out."""
    offset = timedelta(seconds=item["clockOffsetS"])
    return [clocks.moment(written) + offset for written in item["columns"]["call"]["observedAt"]]


async def test_four_times_are_kept(owned: Owned) -> None:
    """Observed and sent by the monitor's clock, received by ours, and the corrected time by the offset beside them."""
    now = owned.clock()
    _, [item] = await delivered(owned, now - timedelta(hours=2), sent_at=now - timedelta(hours=1), monitor_time=now)
    assert item["columns"]["call"]["observedAt"] == [clocks.text(now - timedelta(hours=2))]
    assert (item["sentAt"], item["receivedAt"]) == (clocks.text(now - timedelta(hours=1)), clocks.text(now))
    assert (item["clockOffsetS"], item["timeQuality"]) == (0.0, "device")
    assert (item["observedFrom"], item["observedTo"]) == (clocks.text(now - timedelta(hours=2)),) * 2


async def test_a_backlog_of_a_month_keeps_its_times(owned: Owned) -> None:
    """The network was away: what waited at the monitor is as old as it says, and none of it is lost."""
    now = owned.clock()
    owned.policy = await owned.begun_before(MONTH + timedelta(days=1))
    observed = [now - timedelta(days=days) for days in range(30, 0, -1)]
    receipt, [item] = await delivered(owned, *observed, sent_at=now - MONTH, monitor_time=now)
    assert (receipt.accepted, item["count"], item["timeQuality"]) == (30, 30, "device")
    assert corrected(item) == observed
    assert item["days"] == [moment.date().isoformat() for moment in observed]


@pytest.mark.parametrize("says_the_time", [True, False])
async def test_a_monitor_in_1970_is_corrected(owned: Owned, says_the_time: bool) -> None:
    """Its readings lie as far before now as they lie before its own present; what it wrote stays."""
    now, its_now = owned.clock(), EPOCH + timedelta(hours=3)
    _, [item] = await delivered(
        owned, EPOCH + timedelta(hours=2), sent_at=its_now, monitor_time=its_now if says_the_time else None
    )
    assert corrected(item) == [now - timedelta(hours=1)]
    assert item["columns"]["call"]["observedAt"] == ["1970-01-01T02:00:00.000Z"]
    assert (item["sentAt"], item["timeQuality"]) == ("1970-01-01T03:00:00.000Z", "corrected")


@pytest.mark.parametrize("says_the_time", [True, False])
async def test_a_monitor_in_the_future_is_corrected(owned: Owned, says_the_time: bool) -> None:
    """Its clock is three years ahead."""
    now = owned.clock()
    its_now = now + timedelta(days=1100)
    _, [item] = await delivered(
        owned, its_now - timedelta(hours=1), sent_at=its_now, monitor_time=its_now if says_the_time else None
    )
    assert corrected(item) == [now - timedelta(hours=1)]
    assert item["timeQuality"] == "corrected"


async def test_a_reading_from_the_future_of_a_right_clock_is_refused(owned: Owned) -> None:
    """The monitor says what time it is, so the reading cannot be true."""
    now = owned.clock()
    receipt, items = await delivered(owned, now + timedelta(hours=1), now, sent_at=now, monitor_time=now)
    assert [one.code for one in receipt.receipts] == ["observed_in_future", None]
    assert [item["count"] for item in items] == [1]


async def test_a_clock_that_is_a_little_off_is_left_alone(owned: Owned) -> None:
    """A few minutes are what clocks differ by; a correction would only make times jump."""
    now = owned.clock()
    _, [item] = await delivered(owned, now, sent_at=now, monitor_time=now - timedelta(minutes=4))
    assert (item["clockOffsetS"], item["timeQuality"]) == (0.0, "device")


async def test_no_clock_carries_a_reading_into_an_ownership_that_it_is_older_than(owned: Owned) -> None:
    """The monitor was somebody else's then: by its own word, or by the corrected time."""
    now = owned.clock()
    before = owned.policy.start - timedelta(hours=1)
    receipt, _ = await delivered(owned, before, sent_at=now, monitor_time=now)
    assert [one.code for one in receipt.receipts] == ["outside_ownership"]
    age = now - before
    receipt, _ = await delivered(owned, EPOCH, sent_at=EPOCH + age, monitor_time=EPOCH + age)
    assert [one.code for one in receipt.receipts] == ["outside_ownership"]
    assert await owned.stored() == []
