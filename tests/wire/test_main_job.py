"""The main job through every real protocol: HTTP, AMQP, the Functions worker, Cosmos DB, Blob storage."""

import asyncio
import json
import subprocess
import sys
import uuid
from pathlib import Path

import pytest
from azure.eventhub import EventData
from azure.eventhub.aio import EventHubProducerClient
from openapi_spec_validator import validate

from local.cloud import LocalCloud
from local.mail import kept_in
from tests.wire.conftest import Household, Stored, call, envelope, eventually

ROOT = Path(__file__).parent.parent.parent


async def test_the_walkthrough_holds_from_start_to_end(tmp_path: Path) -> None:
    """`make demo` on an empty machine: every step, exit code 0, and no process left behind."""
    command = (sys.executable, "-m", "local", "run", "--exit", "--any-ports", "--data", str(tmp_path / "cloud"))
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    printed, _ = await asyncio.wait_for(process.communicate(), 110)
    assert process.returncode == 0, printed.decode()
    assert b"Every step held" in printed


async def test_readings_travel_from_the_monitor_to_the_owner(household: Household, stored: Stored) -> None:
    """What was accepted is stored once, and the owner sees that the monitor was there."""
    household.monitor.observe(call("missed"))
    household.monitor.observe(call("answered", durationS=21))
    delivered = await household.monitor.flush()
    assert delivered.accepted == 2

    async def seen() -> bool:
        [device] = await household.resident.devices()
        return device.get("lastSeenAt") == delivered.received_at

    await eventually(seen, "the monitor was never seen")
    items = [
        item
        for item in await stored.items("telemetry", "usageReadings")
        if item["ownershipId"] == household.ownership_id
    ]
    assert [item["columns"]["call"]["outcome"] for item in items] == [["missed", "answered"]]


async def test_a_malformed_event_is_quarantined_and_its_neighbours_are_stored(
    cloud: LocalCloud, household: Household, stored: Stored
) -> None:
    """Straight into the hub, around the gateway, between two good messages."""
    assert household.monitor.access is not None
    authorization = f"Bearer {household.monitor.access.token}"
    marker = uuid.uuid4().hex
    await household.api.send("POST", "/api/telemetry", envelope(call()), authorization=authorization)
    async with EventHubProducerClient.from_connection_string(
        cloud.settings["EventHubs"], eventhub_name="telemetry"
    ) as producer:
        for body in (f"not json {marker}".encode(), b"\xff\xfe\x00", b""):
            batch = await producer.create_batch(partition_key=household.ownership_id)
            batch.add(EventData(body))
            await producer.send_batch(batch)
    await household.api.send("POST", "/api/telemetry", envelope(call()), authorization=authorization)

    async def all_there() -> bool:
        items = await stored.items("telemetry", "usageReadings")
        mine = [item for item in items if item["ownershipId"] == household.ownership_id]
        return len(mine) == 2 and len(await stored.items("quarantine", "malformed")) >= 3

    await eventually(all_there, "two messages stored, three events in quarantine")
    assert {item["reason"] for item in await stored.items("quarantine", "malformed")} == {"unattributable"}


async def test_a_killed_host_loses_and_doubles_nothing(cloud: LocalCloud, household: Household, stored: Stored) -> None:
    """The host is killed while messages are under way and started again: each is stored once."""
    assert household.monitor.access is not None
    authorization = f"Bearer {household.monitor.access.token}"
    sent = [envelope(call(), messageId=str(uuid.uuid4())) for _ in range(40)]
    for number, body in enumerate(sent):
        await household.api.send("POST", "/api/telemetry", body, authorization=authorization)
        if number == 30:
            await cloud.kill_host()
            await cloud.start_host()
    expected = {json.loads(body)["messageId"] for body in sent}

    async def all_stored() -> bool:
        items = await stored.items("telemetry", "usageReadings")
        ids = [item["messageId"] for item in items if item["ownershipId"] == household.ownership_id]
        return sorted(ids) == sorted(expected)

    await eventually(all_stored, "every message stored once")


async def test_the_same_message_sent_twice_is_stored_once(household: Household, stored: Stored) -> None:
    """The answer to the first one was lost on the way."""
    assert household.monitor.access is not None
    authorization = f"Bearer {household.monitor.access.token}"
    body = envelope(call())
    for _ in range(3):
        await household.api.send("POST", "/api/telemetry", body, authorization=authorization)
    last = envelope(call())
    await household.api.send("POST", "/api/telemetry", last, authorization=authorization)

    async def last_stored() -> bool:
        items = await stored.items("telemetry", "usageReadings")
        return any(item["messageId"] == json.loads(last)["messageId"] for item in items)

    await eventually(last_stored, "the last message")
    items = await stored.items("telemetry", "usageReadings")
    assert len([item for item in items if item["messageId"] == json.loads(body)["messageId"]]) == 1


async def test_the_ledger_says_what_was_done_to_whose_data(household: Household, stored: Stored) -> None:
    """One chain tells of the pairing and of an export from the request to the link, and names nobody."""
    export_id = (await household.resident.request_export())["exportId"]

    async def ready() -> bool:
        return bool((await household.resident.export(export_id))["state"] == "ready")

    await eventually(ready, "the export")
    await household.resident.export_link(export_id)
    entries = await stored.items("ledger", "ledgerEntry")
    [paired] = [entry for entry in entries if entry["details"].get("ownershipId") == household.ownership_id]
    chain = sorted((entry for entry in entries if entry["subject"] == paired["subject"]), key=lambda one: one["seq"])
    assert [(entry["action"], entry["actorKind"]) for entry in chain] == [
        ("pairing_completed", "person"),
        ("export_requested", "person"),
        ("export_ready", "service"),
        ("export_link_given", "person"),
    ]
    assert household.email not in str(chain)


async def test_a_resident_is_told_in_the_app_and_by_mail(cloud: LocalCloud, household: Household) -> None:
    """Each notification is mailed once, to them alone, and says in both places the same."""
    [device] = await household.resident.devices()
    case = await household.resident.open_support_case(device["deviceId"])
    await household.resident.close_support_case(device["deviceId"], case["caseId"])
    told = await household.resident.notifications()
    assert [one["kind"] for one in told] == ["support_case_closed", "support_case_opened", "monitor_paired"]

    def mails() -> dict[str, str]:
        mine = [mail for mail in kept_in(cloud.state.mail) if mail["Delivered-To"] == household.email]
        return {mail["Message-ID"].strip("<>").partition("@")[0]: mail["Subject"] for mail in mine}

    async def all_there() -> bool:
        return len(mails()) == len(told)

    await eventually(all_there, "a mail for each notification")
    assert mails() == {one["notificationId"]: one["subject"] for one in told}
    read = await household.resident.read_notification(told[0]["notificationId"])
    assert [one.get("readAt") for one in await household.resident.notifications()] == [read["readAt"], None, None]


async def test_the_description_is_served(household: Household) -> None:
    """OpenAPI 3.1 of all HTTP functions, to anyone."""
    answer = await household.api.get("/api/openapi.json")
    validate(answer.body)
    assert len(answer["paths"]) > 10


@pytest.mark.parametrize("path", ["/api/nothing", "/api/me/devices/..%2f..%2fx/support-cases"])
async def test_nothing_is_nothing(household: Household, path: str) -> None:
    """What does not exist is 404, also with a token."""
    problem = await household.refused("POST", path, b"{}", authorization=f"Bearer {await household.token()}")
    assert problem.status == 404
