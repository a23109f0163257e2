"""The owner's live readings through every real protocol: the last-known state, and the stream."""

import asyncio
import json
from typing import Any

import pytest

from local.api import Refused
from tests.wire.conftest import Household, call, envelope


async def _send(household: Household, *bodies: bytes) -> list[str]:
    """Let the monitor send messages; their ids."""
    assert household.monitor.access is not None
    authorization = f"Bearer {household.monitor.access.token}"
    for body in bodies:
        await household.api.send("POST", "/api/telemetry", body, authorization=authorization)
    return [json.loads(body)["messageId"] for body in bodies]


async def test_an_owner_follows_their_monitor(household: Household, neighbours: Household) -> None:
    """Who waits is answered when a reading arrives; no message is missed or comes twice; nobody else sees it."""
    resident = household.resident
    device_id = (await resident.devices())[0]["deviceId"]
    assert (await resident.device_state(device_id))["readings"] == []
    begun = await resident.readings(device_id)
    assert begun.readings == []
    waits = asyncio.create_task(resident.readings(device_id, begun.cursor, wait_s=25))
    sent = await _send(
        household, *(envelope(call("missed"), call("answered", durationS=number)) for number in range(5))
    )
    page = await waits
    seen: list[dict[str, Any]] = list(page.readings)
    while len(seen) < 10:
        page = await resident.readings(device_id, page.cursor, wait_s=25)
        seen += page.readings
    assert sorted(reading["messageId"] for reading in seen) == sorted(2 * sent)
    assert page.head["lag"]["deliveredLagS"] >= 0
    [state] = (await resident.device_state(device_id))["readings"]
    assert (state["category"], state["kind"]) == ("usage", "call")
    for path in ("state", "telemetry"):
        with pytest.raises(Refused, match="device_not_yours"):
            await neighbours.resident._get(f"/api/me/devices/{device_id}/{path}")
    with pytest.raises(Refused, match="cursor_invalid"):
        await resident.readings(device_id, "made-up")
