"""Poison through every real protocol: set aside, shown to staff as it came, tried again, given up."""

import base64
import re
import zipfile
from pathlib import Path
from typing import Any

import pytest
from azure.eventhub import EventData
from azure.eventhub.aio import EventHubProducerClient

from local.api import Refused
from local.cloud import LocalCloud
from shared.gate import load_policy
from tests.poison import ELSEWHERE, POISON, stamp
from tests.wire.conftest import Household, Stored, call, eventually
from tests.wire.sent import Stream
from tests.wire.test_fleet import Engineer

STAMPED = [poison for poison in POISON if poison.is_stamped]
NOBODYS = [poison for poison in POISON if not poison.is_stamped]


async def poisoned(cloud: LocalCloud, household: Household, stored: Stored) -> None:
    """All of it in the hub, around the gateway, and dealt with."""
    policy = await load_policy(stored.database["telemetry"], household.ownership_id)
    producer = EventHubProducerClient.from_connection_string(cloud.settings["EventHubs"], eventhub_name="telemetry")
    async with producer:
        for poison in POISON:
            event = EventData(poison.body)
            event.properties[ELSEWHERE] = "yes"
            if poison.is_stamped:
                event.properties.update(stamp(household.ownership_id, policy))
            batch = await producer.create_batch(partition_key=household.ownership_id)
            batch.add(event)
            await producer.send_batch(batch)

    async def set_aside() -> bool:
        mine = await stored.items("telemetry", "attributableMalformed")
        return len([item for item in mine if item["ownershipId"] == household.ownership_id]) == len(STAMPED)

    await eventually(set_aside, "all poison set aside")


class Desk(Engineer):
    """Staff of the fleet before the quarantine."""

    async def ask(self, what: str, **body: Any) -> dict[str, Any]:
        return (await self.post(f"/api/staff/quarantine/{what}", {"purpose": "repair", **body})).body

    async def pages(self, **place: Any) -> list[dict[str, Any]]:
        listed: list[dict[str, Any]] = []
        cursor: dict[str, str] = {}
        while True:
            page = await self.ask("list", **place, **cursor)
            listed += page["events"]
            if "cursor" not in page:
                return listed
            cursor = {"cursor": page["cursor"]}


async def test_poison_is_set_aside_and_staff_deal_with_it(
    cloud: LocalCloud, household: Household, stored: Stored
) -> None:
    """Every kind under its reason; and behind it the line goes on."""
    await poisoned(cloud, household, stored)
    household.monitor.observe(call("missed"))
    assert (await household.monitor.flush()).accepted == 1
    desk = await Desk.signed_in(household, "fleet")
    mine = {"serialNumber": household.data["serialNumber"]}
    listed = await desk.pages(**mine)
    assert sorted(one["reason"] for one in listed) == sorted(poison.reason for poison in STAMPED)
    seen = [await desk.ask("inspect", eventId=one["eventId"], **mine) for one in listed]
    assert sorted(base64.b64decode(one["body"]) for one in seen) == sorted(poison.body for poison in STAMPED)
    assert all(one["properties"]["ownershipId"] == household.ownership_id for one in seen)
    assert ELSEWHERE not in str(seen)

    # The replay that staff ask for stays one event, however the hub delivers it.
    [first, second, *_] = [one["eventId"] for one in listed if one["reason"] == "body_unreadable"]
    assert "replayedAt" in await desk.ask("replay", eventId=first, **mine)
    assert "releasedAt" in await desk.ask("release", eventId=second, **mine)
    with pytest.raises(Refused, match="quarantined_event_released"):
        await desk.ask("replay", eventId=second, **mine)
    async with Stream.of(cloud) as stream:
        await stream.read_to_its_end()
    assert [one["eventId"] for one in await desk.pages(**mine)] == [one["eventId"] for one in listed]
    items = await stored.items("telemetry", "usageReadings")
    assert len([item for item in items if item["ownershipId"] == household.ownership_id]) == 1


async def test_what_is_nobodys_is_found_by_partition(cloud: LocalCloud, household: Household, stored: Stored) -> None:
    """Listed, seen and given up without a serial number."""
    await poisoned(cloud, household, stored)
    desk = await Desk.signed_in(household, "fleet")
    found = [
        (one["eventId"], (await desk.ask("inspect", eventId=one["eventId"]))["body"])
        for partition in range(4)
        for one in await desk.pages(partition=partition)
    ]
    [poison] = NOBODYS
    ids = [event_id for event_id, body in found if base64.b64decode(body) == poison.body]
    assert ids
    assert "releasedAt" in await desk.ask("release", eventId=ids[-1])
    with pytest.raises(Refused, match="quarantined_event_unknown"):
        await desk.ask("inspect", eventId="malformed:0:999999:0123456789abcdef")


async def test_the_owner_exports_what_could_not_be_stored(
    cloud: LocalCloud, household: Household, stored: Stored, tmp_path: Path
) -> None:
    """It came from their monitor; and what staff did with it is in their ledger, without who they are."""
    await poisoned(cloud, household, stored)
    desk = await Desk.signed_in(household, "fleet")
    mine = {"serialNumber": household.data["serialNumber"]}
    [event_id, *_] = [one["eventId"] for one in await desk.pages(**mine)]
    await desk.ask("release", eventId=event_id, **mine)
    export_id = (await household.resident.request_export())["exportId"]

    async def ready() -> bool:
        return bool((await household.resident.export(export_id))["state"] == "ready")

    await eventually(ready, "the export")
    bundle = tmp_path / "export.zip"
    await household.resident.download((await household.resident.export_link(export_id))["url"], bundle)
    with zipfile.ZipFile(bundle) as archive:
        content = "".join(archive.read(name).decode() for name in archive.namelist() if name.endswith(".jsonl"))
    assert all(base64.b64encode(poison.body).decode() in content for poison in STAMPED)
    assert {"unstored_events_viewed", "unstored_event_released"} <= set(re.findall(r"unstored_\w+", content))
    handled = [item for item in await stored.items("telemetry", "attributableMalformed") if "handledBy" in item]
    assert handled
    assert all(f'"handledBy":"{item["handledBy"]}"' not in content for item in handled)
