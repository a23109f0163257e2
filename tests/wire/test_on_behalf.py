"""Rights of those who do not use the app, over HTTP: from the letter to what the person finds in their data."""

from pathlib import Path

import pytest_asyncio

from local.api import Answer, Api
from local.cloud import LocalCloud
from local.outbox import timestamp
from local.resident import mentions
from local.staff import Staff
from tests.wire.conftest import PERSONAL, Household, eventually
from tests.wire.test_support import refused, signed_in

LEAD = "lead.by.letter@personal.example"
MOVED = "lead.by.letter@moved.example"
PERSONAL.update({LEAD, MOVED})
REQUEST = "7" * 32


@pytest_asyncio.fixture(loop_scope="session")
async def privacy(cloud: LocalCloud, api: Api) -> Staff:
    return await signed_in(cloud, api, "privacy")


async def copy_of(person_id: str, privacy: Staff, **asked: str) -> Answer:
    """Order a copy, wait for it, and get the link."""
    ordered = await privacy.act_for(person_id, "exports", **asked)
    assert ordered.status == 202
    export_id = ordered["exportId"]

    async def ready() -> bool:
        return bool((await privacy.copy_state(person_id, export_id))["state"] == "ready")

    await eventually(ready, "the copy")
    return await privacy.act_for(person_id, f"exports/{export_id}/link")


async def test_an_owner_is_found_by_serial_number_and_acted_for(
    household: Household, privacy: Staff, tmp_path: Path
) -> None:
    """The copy that staff hand over says who looked, who acted, and how they were asked."""
    resident, serial = household.resident, household.make.serial_number
    [found] = (await privacy.find_people(serialNumber=serial))["people"]
    [device] = await resident.devices()
    [tie] = found["ties"]
    assert (found["hasAccount"], tie["role"], tie["deviceId"]) == (True, "owner", device["deviceId"])
    person_id = found["personId"]
    acted = await privacy.act_for(person_id, "objections", requestId=REQUEST)
    assert (acted["right"], acted["channel"]) == ("objection", "letter")
    withdrawn = await privacy.act_for(person_id, "consents/usage_statistics", given=False, channel="call")
    assert withdrawn["right"] == "consent_withdrawn"
    region = {"field": "region", "deviceId": device["deviceId"], "region": "PT"}
    assert (await privacy.act_for(person_id, "rectifications", **region))["state"] == "done"
    link = await copy_of(person_id, privacy)
    bundle = tmp_path / "export.zip"
    await resident.download(link["url"], bundle)
    seen = mentions(bundle, ("person_found", "acted_for_person", '"staff:privacy"', household.email))
    assert seen["person_found"] == 1
    assert seen["acted_for_person"] == 4
    assert seen['"staff:privacy"'] >= 7
    assert seen[household.email] > 0
    told = {one["kind"] for one in await resident.notifications()}
    assert {"acted_for_you", "copy_handed_over", "objection_recorded", "data_rectified"} <= told


async def test_somebody_without_an_account_has_every_right(
    household: Household, privacy: Staff, tmp_path: Path
) -> None:
    """Who only ever spoke with sales: found by address, corrected, copied, erased; how far that is needs no account."""
    sales = f"Bearer {await household.token(email='sales@staff.example', roles='sales')}"
    said = {"purpose": "other", "channel": "sales", "subject": "offer", "at": timestamp(), "text": "An offer, please."}
    entered = await household.api.post("/api/staff/interactions", said | {"email": LEAD}, authorization=sales)
    [found] = (await privacy.find_people(email=LEAD))["people"]
    assert (found["hasAccount"], found["ties"]) == (False, [])
    person_id = found["personId"]
    await privacy.act_for(person_id, "rectifications", field="email", email=MOVED)
    text = {"field": "interaction", "interactionId": entered["interactionId"], "text": "Two offers, please."}
    await privacy.act_for(person_id, "rectifications", **text)
    link = await copy_of(person_id, privacy)
    bundle = tmp_path / "export.zip"
    await household.resident.download(link["url"], bundle)
    found_in_copy = mentions(bundle, (MOVED, "Two offers, please.", "An offer, please.")).values()
    assert [count > 0 for count in found_in_copy] == [True, True, False]
    plan = await privacy.act_for(person_id, "erasures", scope="person")
    begun = await privacy.act_for(person_id, "erasures/confirm", confirmation=plan["confirmation"])
    assert begun.status == 202
    asked = {"erasureId": begun["erasureId"], "receiptCode": begun["receiptCode"]}

    async def is_under_way() -> bool:
        return "narrowedAt" in (await household.api.post("/api/erasures/receipt", asked)).body

    await eventually(is_under_way, "nothing more is stored of them")


async def test_staff_are_told_what_cannot_be_done(household: Household, privacy: Staff) -> None:
    """As the person would be told, and nothing of who else there is."""
    [found] = (await privacy.find_people(serialNumber=household.make.serial_number))["people"]
    person_id, nobody = found["personId"], "0" * 32
    assert await refused(privacy.find_people(email=household.email)) == (404, "person_unknown")
    assert await refused(privacy.act_for(nobody, "objections")) == (404, "person_unknown")
    moved = privacy.act_for(person_id, "rectifications", field="email", email=MOVED)
    assert await refused(moved) == (409, "address_follows_sign_in")
    assert await refused(privacy.act_for(person_id, "rectifications", field="email")) == (422, "field_missing")
    own = await household.resident.request_export()
    assert await refused(privacy.copy_state(person_id, own["exportId"])) == (404, "export_unknown")
    confirming = privacy.act_for(person_id, "erasures/confirm", confirmation="none")
    assert await refused(confirming) == (409, "confirmation_invalid")
    by_call = {"given": True, "channel": "call", "noticeVersion": "1", "noticeHash": "0" * 64}
    consenting = privacy.act_for(person_id, "consents/usage_statistics", **by_call)
    assert await refused(consenting) == (422, "field_out_of_range")
    assert await refused(privacy.act_for(person_id, "objections", channel="telegram")) == (422, "field_out_of_range")
    assert await refused(privacy.act_for(person_id, "objections", deviceId=nobody)) == (404, "device_not_yours")
