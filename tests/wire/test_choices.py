"""Objections, consents and guardians through every real protocol."""

from datetime import UTC, datetime

import pytest

from local.api import Refused
from local.cloud import LocalCloud
from local.mail import kept_in
from tests.wire.conftest import Household, Stored, call, envelope, eventually

BEFORE, OBJECTED, AFTER = (f"{number}0000000-0000-4000-8000-000000000000" for number in (1, 2, 3))


async def test_an_objection_is_felt_by_the_monitor_at_once(household: Household, stored: Stored) -> None:
    """Also with the token that it has: what it sends is accepted for processing, and nothing of it is stored."""
    access = household.monitor.access
    assert access is not None
    query = "SELECT * FROM c WHERE c.type = 'usageReadings'"

    async def send(message_id: str, token: str) -> None:
        message = envelope(call(), messageId=message_id)
        await household.api.send("POST", "/api/telemetry", message, authorization=f"Bearer {token}")

    async def kept() -> list[str]:
        found = stored.database["telemetry"].query(query, partition=access.ownership_id)
        return sorted([str(item["messageId"]) async for item in found])

    async def first_is_kept() -> bool:
        return await kept() == [BEFORE]

    await send(BEFORE, access.token)
    await eventually(first_is_kept, "the reading is stored")
    resident = household.resident
    said = await resident.object_to_statistics()
    assert [one.get("deviceId") for one in said["objections"]] == [None]
    assert (await resident.objections()).body == said.body
    await send(OBJECTED, access.token)
    renewed = await household.api.post("/api/devices/token", {}, authorization=await household.attestation())
    assert renewed["categories"] == []
    [device] = await resident.devices()
    with pytest.raises(Refused, match="device_not_yours"):
        await resident.object_to_statistics("0" * 32)
    assert (await resident.withdraw_objection(device["deviceId"]))["objections"] == said["objections"]
    assert (await resident.withdraw_objection())["objections"] == []
    token = (await household.api.post("/api/devices/token", {}, authorization=await household.attestation()))["token"]
    await send(AFTER, token)

    async def last_is_kept() -> bool:  # the partition's order: what came before it is decided by then
        return AFTER in await kept()

    await eventually(last_is_kept, "the reading behind the objection is stored")
    assert await kept() == [BEFORE, AFTER]


async def test_a_consent_is_one_call_each_way(household: Household) -> None:
    """With the text that was shown; another one is refused."""
    resident = household.resident
    for given in (True, False):
        await resident.consent("interactions", given=given)
        shown = (await resident.consents())["interactions"]
        assert (shown["given"], [entry["given"] for entry in shown["history"]][-1]) == (given, given)
    authorization = f"Bearer {await household.token()}"
    for body, code in (
        ({"given": True, "noticeVersion": "1", "noticeHash": "0" * 64}, "consent_text_outdated"),
        ({"given": True, "noticeVersion": "1"}, "field_missing"),
    ):
        with pytest.raises(Refused, match=code):
            await household.api.post("/api/me/consents/interactions", body, authorization=authorization)


async def test_a_guardian_acts_for_a_ward(cloud: LocalCloud, household: Household, neighbours: Household) -> None:
    """Named by the minor, told by mail, until they step down."""
    minor, guardian = household.resident, neighbours.resident
    assert (await minor.age()).body == {"isUnder14": False, "state": "none"}
    assert (await minor.attest_under_14(neighbours.email))["state"] == "asked"

    async def mailed() -> bool:
        mails = [mail for mail in kept_in(cloud.state.mail) if mail["Delivered-To"] == neighbours.email]
        return "You are named as a parent or guardian" in {mail["Subject"] for mail in mails}

    await eventually(mailed, "the mail to the guardian")
    with pytest.raises(Refused, match="guardian_needed"):
        await minor.consent("usage_statistics", given=True)
    [asked] = (await guardian.wards())["invitations"]
    ward_id = asked["wardId"]
    await guardian.accept_ward(ward_id, f"{datetime.now(UTC).year + 2}-06")
    consents = (await guardian.consent("usage_statistics", given=True, ward_id=ward_id))["consents"]
    assert [one["given"] for one in consents if one["purpose"] == "usage_statistics"] == [True]
    assert [entry["by"] for entry in (await minor.consents())["usage_statistics"]["history"]] == ["guardian"]
    await guardian.object_for_ward(ward_id)
    assert len((await guardian.ward_objections(ward_id))["objections"]) == 1
    assert (await guardian.object_for_ward(ward_id, withdraw=True))["objections"] == []
    await guardian.step_down(ward_id)
    assert (await guardian.wards()).body == {"wards": [], "invitations": []}
    await minor.attest_under_14(neighbours.email)
    [asked] = (await guardian.wards())["invitations"]
    await guardian.decline_ward(asked["wardId"])
    assert (await minor.age())["state"] == "none"
