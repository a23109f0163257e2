"""Restriction and legal hold over HTTP: by the resident, by privacy staff, and by the worker in between."""

from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio

from local.api import Api, Refused
from local.cloud import LocalCloud
from local.staff import Staff
from tests.wire.conftest import Household, Stored, call, eventually
from tests.wire.test_support import refused, signed_in

UNTIL = (datetime.now(UTC) + timedelta(days=30)).isoformat(timespec="milliseconds")


@pytest_asyncio.fixture(loop_scope="session")
async def privacy(cloud: LocalCloud, api: Api) -> Staff:
    return await signed_in(cloud, api, "privacy")


async def of_household(household: Household, stored: Stored) -> list[dict[str, object]]:
    found = await stored.items("telemetry", "usageReadings")
    return [item for item in found if item["ownershipId"] == household.ownership_id]


async def test_a_resident_restricts_and_lifts(
    cloud: LocalCloud, api: Api, household: Household, stored: Stored
) -> None:
    """What was stored is kept by the worker, what comes is marked, staff are refused; then all is as before."""
    resident, support = household.resident, await signed_in(cloud, api, "support")
    household.monitor.observe(call())
    await household.monitor.flush()

    async def arrived() -> bool:
        return len(await of_household(household, stored)) == 1

    await eventually(arrived, "the first reading")
    [device] = await resident.devices()
    restricted = await resident.restrict(scope="device", deviceId=device["deviceId"])
    assert (restricted.status, restricted["state"], restricted["by"]) == (201, "active", "person")
    again = await resident.restrict(scope="device", deviceId=device["deviceId"])
    assert (again.status, again["restrictionId"]) == (200, restricted["restrictionId"])
    assert await refused(support.look_up(household.make.serial_number)) == (403, "data_restricted")
    await household.monitor.renew()
    household.monitor.observe(call("missed"))
    await household.monitor.flush()

    async def kept() -> bool:
        return [item.get("keptBy") for item in await of_household(household, stored)] == ["restriction"] * 2

    await eventually(kept, "the worker keeps the one, and the other came kept")
    items = sorted(await of_household(household, stored), key=lambda item: str(item["receivedAt"]))
    assert [item.get("storeOnly") for item in items] == [None, True]
    assert await refused(resident.lift_restriction("0" * 32)) == (404, "restriction_unknown")
    assert (await resident.lift_restriction(restricted["restrictionId"]))["state"] == "lifted"

    async def let_go() -> bool:
        found = await of_household(household, stored)
        return not any(item.keys() & {"keptBy", "storeOnly"} for item in found)

    await eventually(let_go, "the worker lets both go")
    assert (await support.look_up(household.make.serial_number))["registration"] == "registered"
    kinds = [one["kind"] for one in await resident.notifications()]
    assert {"restriction_begun", "restriction_lifted"} <= set(kinds)


async def test_privacy_staff_hold_and_announce(household: Household, privacy: Staff) -> None:
    """The person reads ground and end of the hold, and is told three days before a restriction ends."""
    [device] = await household.resident.devices()
    who = {"deviceId": device["deviceId"]}
    held = await privacy.set_hold(who, UNTIL)
    assert (held.status, held["told"]) == (201, True)
    assert (await privacy.set_hold(who, UNTIL)).status == 200
    entered = await privacy.enter_restriction(who, scope="category", category="usage")
    assert (entered.status, entered["by"]) == (201, "staff")
    told = await household.resident.standings()
    assert [(one["ground"], one["scope"]) for one in told["legalHolds"]] == [("legal_claims", "person")]
    assert "reference" not in told["legalHolds"][0]
    announced = await privacy.announce_lifting(held["personId"], entered["restrictionId"])
    assert announced["state"] == "lifting"
    found = await privacy.find_restrictions(personId=held["personId"])
    assert [one["restrictionId"] for one in found["restrictions"]] == [entered["restrictionId"]]
    assert [one["holdId"] for one in found["legalHolds"]] == [held["holdId"]]
    assert (await privacy.end_hold(held["personId"], held["holdId"]))["endedAt"]
    kinds = {one["kind"] for one in await household.resident.notifications()}
    assert {"legal_hold_claims", "legal_hold_ended", "restriction_begun", "restriction_lifting"} <= kinds
    assert "restriction_lifted" not in kinds


async def test_privacy_staff_are_told_what_there_is_not(household: Household, privacy: Staff) -> None:
    """No such person, restriction or hold, and a scope that is not whole."""
    assert await refused(privacy.find_restrictions(email="nobody@personal.example")) == (404, "person_unknown")
    person_id = (await privacy.find_restrictions(deviceId=(await household.resident.devices())[0]["deviceId"]))[
        "personId"
    ]
    assert await refused(privacy.announce_lifting(person_id, "0" * 32)) == (404, "restriction_unknown")
    assert await refused(privacy.end_hold(person_id, "0" * 32)) == (404, "legal_hold_unknown")
    assert await refused(privacy.set_hold({"personId": person_id}, "2020-01-01T00:00:00Z")) == (
        422,
        "field_out_of_range",
    )
    with pytest.raises(Refused, match="field_missing"):
        await household.resident.restrict(scope="device")
    with pytest.raises(Refused, match="field_out_of_range"):
        await privacy.find_restrictions(personId=person_id, email="nobody@personal.example")
