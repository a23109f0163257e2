"""Objections, consents and guardians through every real protocol."""

from datetime import UTC, datetime

import pytest

from local.api import Refused
from local.cloud import LocalCloud
from local.mail import kept_in
from tests.wire.conftest import Household, Stored, call, envelope, eventually


async def test_an_objection_is_felt_by_the_monitor_at_once(household: Household, stored: Stored) -> None:
    """Also with the token that it has: what it sends is accepted for processing, and nothing of it is stored."""
    access = household.monitor.access
    assert access is not None
    query = "SELECT * FROM c WHERE c.type = 'usageReadings'"

    async def kept() -> int:
        found = stored.database["telemetry"].query(query, partition=access.ownership_id)
        return len([item async for item in found])

    async def sent() -> bool:
        return await kept() == 1

    await household.api.send("POST", "/api/telemetry", envelope(call()), authorization=f"Bearer {access.token}")
    await eventually(sent, "the reading is stored")
    resident = household.resident
    said = await resident.object_to_statistics()
    assert [one.get("deviceId") for one in said["objections"]] == [None]
    assert (await resident.objections()).body == said.body
    await household.api.send("POST", "/api/telemetry", envelope(call()), authorization=f"Bearer {access.token}")
    renewed = await household.api.post("/api/devices/token", {}, authorization=await household.attestation())
    assert renewed["categories"] == []
    [device] = await resident.devices()
    with pytest.raises(Refused, match="device_not_yours"):
        await resident.object_to_statistics("0" * 32)
    assert (await resident.withdraw_objection(device["deviceId"]))["objections"] == said["objections"]
    assert (await resident.withdraw_objection())["objections"] == []
    token = (await household.api.post("/api/devices/token", {}, authorization=await household.attestation()))["token"]
    await household.api.send("POST", "/api/telemetry", envelope(call()), authorization=f"Bearer {token}")

    async def sent_again() -> bool:
        return await kept() == 2

    await eventually(sent_again, "the reading behind it is stored, and the one before was not")


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
