"""The vault and the report of retention over HTTP, as privacy staff use them."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from export_user_data.walk import held_about, shown
from local.cloud import LocalCloud
from shared.blobs import Blobs
from shared.vault import Blocked, KeyEncryptionKeys, VaultStore, block
from tests.wire.conftest import Household, Stored, eventually
from tests.wire.test_fleet import Engineer

GROUND = {"ground": "court_order"}


class Officer(Engineer):
    """A member of the privacy staff."""

    @classmethod
    async def at_the_desk(cls, household: Household, name: str) -> "Officer":
        return cls(household, await household.token(email=f"{name}@staff.example", roles="privacy"))


@asynccontextmanager
async def the_vault(cloud: LocalCloud, stored: Stored) -> AsyncIterator[VaultStore]:
    """The app's own, with the keys of its settings."""
    blobs = Blobs.open(connection=cloud.settings["BLUE_BLOB_CONNECTION"], account_url=None, credential=None)
    try:
        yield VaultStore(stored.database, blobs, KeyEncryptionKeys(json.loads(cloud.settings["BLUE_VAULT_KEYS"])))
    finally:
        await blobs.close()


async def blocked_device(household: Household, cloud: LocalCloud, stored: Stored) -> Blocked:
    """What a court will ask for: the record of the household's monitor."""
    [device] = [
        item for item in await stored.items("devices", "device") if item["serialNumber"] == household.make.serial_number
    ]
    async with the_vault(cloud, stored) as vault:
        [blocked] = await block(
            device["ownershipId"],
            "page",
            [("devices", device)],
            ground="rectification",
            person_id=device["ownerPersonId"],
            vault=vault,
            now=datetime.now(UTC),
        )
    return blocked


async def test_two_open_what_is_blocked(household: Household, cloud: LocalCloud, stored: Stored) -> None:
    """Found by a serial number or an address in the body, asked for by one, agreed to by another, read by both."""
    blocked = await blocked_device(household, cloud, stored)
    ana, ben = await Officer.at_the_desk(household, "ana"), await Officer.at_the_desk(household, "ben")
    for by in ({"serialNumber": household.make.serial_number}, {"email": household.email}):
        [case] = (await ana.post("/api/staff/vault/find", GROUND | by))["cases"]
        assert (case["caseId"], case["destroyedOn"]) == (blocked.case_id, blocked.until.isoformat())
    case_path = f"/api/staff/vault/{blocked.case_id}/openings"
    opening = await ana.post(case_path, GROUND | {"reference": "46250-42-1-2026-0001234"})
    path = f"{case_path}/{opening['openingId']}"
    alone = await household.refused("POST", f"{path}/approve", b"{}", authorization=await bearer(household, "ana"))
    assert (alone.status, alone.code) == (403, "second_person_needed")
    assert (await ben.post(f"{path}/approve", {}))["state"] == "open"
    for officer in (ana, ben):
        read = await officer.post(f"{path}/content", {})
        assert read["item"]["serialNumber"] == household.make.serial_number
    chain = [
        entry["action"] for entry in await stored.items("ledger", "ledgerEntry") if entry["subject"] == blocked.case_id
    ]
    assert sorted(chain) == ["vault_opening_approved", "vault_opening_asked", "vault_read", "vault_read"]


async def bearer(household: Household, name: str) -> str:
    return f"Bearer {await household.token(email=f'{name}@staff.example', roles='privacy')}"


async def test_the_resident_sees_what_is_blocked(household: Household, cloud: LocalCloud, stored: Stored) -> None:
    """Their export has it: what is blocked, why and until when."""
    blocked = await blocked_device(household, cloud, stored)
    [person] = [item for item in await stored.items("people", "person") if item["email"] == household.email]
    held = [one async for one in held_about(person["personId"], database=stored.database)]
    [told] = [shown(one) for one in held if one.record_name == "blockedData"]
    assert (told["category"], told["why"], told["until"]) == ("device", blocked.why, blocked.until.isoformat())


async def test_a_search_that_is_none_repeats_nothing(household: Household) -> None:
    """What was sent is personal, right or wrong."""
    body = json.dumps(GROUND | {"email": household.email, "serialNumber": household.make.serial_number}).encode()
    problem = await household.refused(
        "POST", "/api/staff/vault/find", body, authorization=await bearer(household, "ana")
    )
    assert problem.status == 422
    assert household.email not in json.dumps(dict(problem.problem))


async def test_the_timers_of_the_vault_and_of_retention_run(household: Household) -> None:
    """They find nothing to do, and the report is made by a job."""
    ana = await Officer.at_the_desk(household, "ana")
    assert (await ana.get("/api/staff/retention-report?date=2020-02-29"))["categories"] == []
    for timer in ("block_expired", "destroy_blocked", "report_retention"):
        async with household.api.session.post(f"{household.api.base_url}/admin/functions/{timer}") as answer:
            assert answer.status == 202

    async def reported() -> bool:
        return bool((await ana.get("/api/staff/retention-report"))["categories"])

    await eventually(reported, "the report was never made")
    report = await ana.get("/api/staff/retention-report")
    assert {category["category"]: category["overdue"] for category in report["categories"]}["device"] == 0
    assert household.make.serial_number not in json.dumps(report.body)
