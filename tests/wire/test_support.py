"""Support over HTTP: the owner lets staff see one device for a while, and nobody else sees anything."""

import json
from collections.abc import Awaitable
from pathlib import Path

import pytest
import pytest_asyncio

from local.api import Api, Refused
from local.cloud import LocalCloud
from local.outbox import timestamp
from local.resident import mentions
from local.staff import Staff
from tests.wire.conftest import PERSONAL, Household, Stored, call, eventually

IN_THE_LOG = ("neighbour.in.log@personal.example", "0A:5C:5C:5C:5C:5C", "198.51.100.77", "+34 600 777 888")
LOG = "12:38:38.123 call {} from {} via {} to {}\r\n12:38:39.001 uptimeMs=612345678 0x80070005\r\n".format(*IN_THE_LOG)
PERSONAL.update(IN_THE_LOG)
REQUEST = "5f3b9c0e-6d0a-4d4e-9a53-0c1c2c1f7a11"


@pytest_asyncio.fixture(loop_scope="session")
async def staff(cloud: LocalCloud, api: Api) -> Staff:
    return await signed_in(cloud, api, "support")


async def signed_in(cloud: LocalCloud, api: Api, *roles: str) -> Staff:
    member = Staff(api, issuer=cloud.addresses.identity, email="agent@staff.example", roles=roles)
    PERSONAL.add(member.email)
    await member.sign_in()
    return member


async def refused(doing: Awaitable[object]) -> tuple[int, str]:
    with pytest.raises(Refused) as caught:
        await doing
    return caught.value.status, caught.value.code


async def test_staff_see_a_device_while_its_owner_lets_them(household: Household, staff: Staff) -> None:
    """What it is before, log and readings with the case, nothing after it was closed; the ledger has each look."""
    serial = household.make.serial_number
    before = (await staff.look_up(serial)).body
    assert (before["registration"], before["model"], before["supportCases"]) == ("registered", "VEO-XS WIFI", [])
    [device] = await household.resident.devices()
    assert not {device["serialNumber"], device["macAddress"], household.ownership_id} & set(map(str, before.values()))
    device_id = device["deviceId"]
    assert await refused(staff.support_data(device_id, "0" * 32)) == (404, "support_case_unknown")

    case = await household.resident.open_support_case(device_id, log=LOG)
    assert case["takenOut"] == {"email": 1, "mac": 1, "ip": 1, "phone": 1}
    again = [await household.resident.open_support_case(device_id, request_id=REQUEST) for _ in range(2)]
    assert again[0]["caseId"] == again[1]["caseId"] != case["caseId"]
    await household.resident.close_support_case(device_id, again[0]["caseId"])
    assert (await staff.look_up(serial))["supportCases"] == [{"caseId": case["caseId"], "state": "open"}]
    await household.monitor.renew()
    household.monitor.observe({"kind": "system_health", "observedAt": timestamp(), "cpuPercent": 12.5})
    household.monitor.observe(call("missed"))
    await household.monitor.flush()

    async def arrived() -> bool:
        return bool((await staff.support_data(device_id, case["caseId"]))["readings"])

    await eventually(arrived, "the reading at the desk")
    seen = await staff.support_data(device_id, case["caseId"])
    assert seen["device"]["serialNumber"] == serial
    assert seen["log"] == (
        "12:38:38.123 call [e-mail] from [mac] via [ip] to [phone]\r\n12:38:39.001 uptimeMs=612345678 0x80070005\r\n"
    )
    [readings] = seen["readings"]
    assert {kind: columns["cpuPercent"] for kind, columns in readings["columns"].items()} == {"system_health": [12.5]}

    await household.resident.close_support_case(device_id, case["caseId"])
    assert await refused(staff.support_data(device_id, case["caseId"])) == (403, "support_case_not_open")
    assert (await staff.look_up(serial))["supportCases"] == []


async def test_a_case_that_staff_ask_for_waits_for_its_owner(
    household: Household, staff: Staff, stored: Stored
) -> None:
    """Asked once, told, agreed to or declined by the owner alone, closed by staff."""
    serial = household.make.serial_number
    asked = await staff.ask_for_support_case(serial, days=2)
    again = await staff.ask_for_support_case(serial)
    assert (asked.status, again.status, again["caseId"]) == (201, 200, asked["caseId"])
    [device] = await household.resident.devices()
    device_id, case_id = device["deviceId"], asked["caseId"]
    assert "support_case_asked" in {one["kind"] for one in await household.resident.notifications()}
    assert "performance" not in (await household.monitor.renew()).categories
    assert await refused(staff.support_data(device_id, case_id)) == (403, "support_case_not_open")

    agreed = await household.resident.agree_to_support_case(device_id, case_id)
    assert agreed["state"] == "open"
    assert "performance" in (await household.monitor.renew()).categories
    assert (await staff.support_data(device_id, case_id))["readings"] == []
    assert await refused(household.resident.decline_support_case(device_id, case_id)) == (409, "support_case_answered")
    assert (await staff.close_support_case(device_id, case_id))["state"] == "closed"
    assert "performance" not in (await household.monitor.renew()).categories

    second = await staff.ask_for_support_case(serial)
    await household.resident.decline_support_case(device_id, second["caseId"])
    cases = await household.resident.support_cases(device_id)
    assert [(case["askedBy"], case["state"]) for case in cases] == [("support", "declined"), ("support", "closed")]
    entries = await stored.items("ledger", "ledgerEntry")
    [subject] = {one["subject"] for one in entries if one["details"].get("caseId") == case_id}
    chain = sorted((one for one in entries if one["subject"] == subject), key=lambda one: int(one["seq"]))
    assert [(one["action"], one["actorKind"]) for one in chain] == [
        ("pairing_completed", "person"),
        ("support_case_asked", "staff:support"),
        ("support_case_agreed", "person"),
        ("support_data_viewed", "staff:support"),
        ("support_case_closed", "staff:support"),
        ("support_case_asked", "staff:support"),
        ("support_case_declined", "person"),
    ]


@pytest.mark.parametrize("roles", [(), ("privacy",), ("sales", "fleet")])
async def test_who_is_not_support_is_refused(
    cloud: LocalCloud, api: Api, household: Household, roles: tuple[str, ...]
) -> None:
    """Other roles, and residents, the owner included; whatever there is."""
    other = await signed_in(cloud, api, *roles)
    [device] = await household.resident.devices()
    case = await household.resident.open_support_case(device["deviceId"])
    for doing in (
        other.look_up(household.make.serial_number),
        other.ask_for_support_case(household.make.serial_number),
        other.support_data(device["deviceId"], case["caseId"]),
        other.close_support_case(device["deviceId"], case["caseId"]),
    ):
        assert await refused(doing) == (403, "not_allowed")


async def test_staff_are_no_owners(household: Household) -> None:
    """With a token of staff nobody answers for the owner, nor lists their cases."""
    [device] = await household.resident.devices()
    token = await household.token(email="agent@staff.example", roles=["support"])
    path = f"/api/me/devices/{device['deviceId']}/support-cases"
    problem = await household.refused("GET", path, None, authorization=f"Bearer {token}")
    assert (problem.status, problem.code) == (404, "device_not_yours")


@pytest.mark.parametrize("changes", [{"purpose": "curiosity"}, {"purpose": None}, {"serialNumber": "x"}, {"days": 31}])
async def test_staff_say_why(household: Household, changes: dict[str, object]) -> None:
    """A purpose of the list, and nothing out of bounds."""
    token = await household.token(email="agent@staff.example", roles=["support"])
    body = {"serialNumber": household.make.serial_number, "days": 7, "purpose": "complaint"} | changes
    problem = await household.refused(
        "POST", "/api/staff/support-cases", json.dumps(body).encode(), authorization=f"Bearer {token}"
    )
    assert problem.status == 422


async def test_a_log_that_is_too_long_is_refused(household: Household, stored: Stored) -> None:
    """And nothing of it is kept."""
    [device] = await household.resident.devices()
    before = await stored.everything()
    opening = household.resident.open_support_case(device["deviceId"], log="ñ" * 40_000)
    assert await refused(opening) == (422, "field_out_of_range")
    assert await stored.everything() == before


async def test_the_export_says_that_staff_looked(household: Household, staff: Staff, tmp_path: Path) -> None:
    """Who reads their export finds the look-up, the case and its log."""
    await staff.look_up(household.make.serial_number)
    [device] = await household.resident.devices()
    await household.resident.open_support_case(device["deviceId"], log=LOG)
    export_id = (await household.resident.request_export())["exportId"]

    async def ready() -> bool:
        return bool((await household.resident.export(export_id))["state"] == "ready")

    await eventually(ready, "the export")
    link = await household.resident.export_link(export_id)
    bundle = tmp_path / "export.zip"
    await household.resident.download(link["url"], bundle)
    found = mentions(bundle, ("device_looked_up", "uptimeMs=612345678", IN_THE_LOG[0]))
    assert found == {"device_looked_up": 1, "uptimeMs=612345678": 1, IN_THE_LOG[0]: 0}
