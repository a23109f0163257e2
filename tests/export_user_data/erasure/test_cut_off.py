"""An erasure that dies at any point, and is done again, ends in the same state as one that does not."""

import contextlib
from collections import Counter
from typing import get_args

import jwt
import pytest

from shared.callers import Resident
from shared.cosmos import Conflict
from shared.injection import Point, listening
from shared.vault.store import CASE_ITEM
from tests.export_user_data.erasure.household import Household
from tests.vaults import Killed

pytestmark = pytest.mark.wire

PASSED = [point for point in get_args(Point) if point.startswith("erasure.") and point != "erasure.requested"]
ALSO_PASSED: tuple[Point, ...] = (
    "gate.changed",
    "ownership.ended",
    "ownership.gate_ended",
    "guests.told",
    "vault.case_made",
    "vault.sealed",
    "ledger.read",
)


ITEMS = {
    "telemetry/performanceReadings": 1,
    "telemetry/usageReadings": 1,
    "telemetry/attributableMalformed": 1,
    "devices/supportCase": 1,
    "devices/firmwareVersion": 1,
    "devices/guest": 1,
    "devices/supportLog": 1,
    "devices/pastOwnership": 1,
    "people/appInstallation": 1,
    "people/erasureRequest": 1,
    "people/link": 2,
    "people/ledgerSubject": 1,
    "people/notification": 3,
    "people/person": 1,
}
"""What the receipt counts."""

SEALED = 9
"""In the vault: person, subject, two links, the request; device, firmware, past period and a guest's emptied place."""

LEFT = {
    "people/gate": 2,
    "telemetry/gate": 2,
    "people/marker": 1,
    "telemetry/marker": 1,
    "people/person": 1,
    "people/link": 2,
    "devices/device": 2,
    "devices/guest": 1,
    "identities/identity": 1,
    "identities/pushAddress": 1,
    "vault/vaultCase": 1,
    "vault/vaultMonth": 1,
}
"""What lies in the database then: two tombstones, who stays, the monitor that nobody owns, the case."""

LAST_PLACE = 2
"""Of maria's places, in the order of their purge: readings, device, the person."""

LINK = {
    "id": "link:back",
    "type": "link",
    "deviceId": "d" * 32,
    "ownershipId": "e" * 32,
    "role": "guest",
    "guestId": "f" * 32,
    "state": "ended",
    "since": "2026-01-01T00:00:00.000Z",
}

ACTIONS = {
    "erasure_requested": 1,
    "erasure_narrowed": 1,
    "erasure_scanned": 1,
    "ownership_ended": 1,
    "guest_left": 2,
    "guest_removed": 2,
}
"""What the ledger tells of it, on the chains of both."""


@pytest.fixture
async def maria(household: Household) -> Resident:
    """With a guest of hers, and a guest herself."""
    jordi = await household.live("jordi", "VEO-000002")
    caller = await household.live("maria", "VEO-000001")
    hosts = household.hosts
    for host, guest in ((caller, "jordi"), (jordi, "maria")):
        hosts.device_id = household.homes["maria" if guest == "jordi" else "jordi"].access.device_id
        await hosts.accept(jordi if guest == "jordi" else caller, await hosts.invited(host, guest))
    return caller


async def sealed(household: Household) -> int:
    """How many items lie in the vault."""
    cases = [one for one in (await household.stored())["vault", "vaultCase"] if one["id"] == CASE_ITEM]
    return sum(sum(case["parts"].values()) for case in cases)


@pytest.mark.parametrize("point", [*PASSED, *ALSO_PASSED])
async def test_it_ends_in_the_same_state(household: Household, maria: Resident, point: Point) -> None:
    """Killed at the first and at the second time that it comes to a point."""
    asked = await household.asked(maria, scope="person")
    reached: Counter[Point] = Counter()

    async def die(at: Point) -> None:
        reached[at] += 1
        if at == point and reached[at] <= 2:
            raise Killed

    with listening(die):
        item = await household.until_erased(asked.erasure_id)
    assert reached[point] >= 1, "it never came there"
    assert await household.mentions(maria.person_id, "maria@resident.example") <= {"people/gate", "claims/claim"}
    stored = await household.stored()
    counted = {f"{container}/{record}": len(items) for (container, record), items in stored.items()}
    assert {name: counted.get(name, 0) for name in LEFT} == LEFT
    actions = Counter(entry["action"] for entry in stored["ledger", "ledgerEntry"])
    assert {action: actions[action] for action in ACTIONS} == ACTIONS
    assert jwt.decode(item["receipt"], options={"verify_signature": False})["items"] == ITEMS
    assert await sealed(household) == SEALED


async def test_a_confirmation_is_sent_again(household: Household, maria: Resident) -> None:
    """Who was cut off before the job was queued repeats it: it is one erasure, under one code."""

    async def die(at: Point) -> None:
        if at == "erasure.requested":
            raise Killed

    plan = await household.planned(maria, scope="person")
    with listening(die), pytest.raises(Killed):
        await household.confirmed(maria, plan.confirmation)
    first, second = [await household.confirmed(maria, plan.confirmation) for _ in range(2)]
    assert (first.erasure_id, first.receipt_code) == (second.erasure_id, second.receipt_code)
    assert len((await household.stored())["jobs", "erasure"]) == 1


async def test_what_comes_back_once_is_purged_again(household: Household, maria: Resident) -> None:
    """The scan, which does not ask for what the purge asked for, sends it back; then there is nothing left."""
    asked = await household.asked(maria, scope="person")
    back: list[dict[str, str]] = []

    async def put_back(at: Point) -> None:
        cursor = (await household.job(asked.erasure_id))["cursor"]
        if at == "erasure.purged" and cursor["at"] == LAST_PLACE and not back:
            back.append({**LINK, "personId": maria.person_id})
            await household.database["people"].create(back[0])

    with listening(put_back):
        await household.until_erased(asked.erasure_id)
    assert back
    assert "people/link" not in await household.mentions(maria.person_id)


async def test_what_keeps_coming_back_is_an_alarm_and_no_receipt(
    household: Household, maria: Resident, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever puts it back: after so many purges the job is parked, and says in which record it was."""
    asked = await household.asked(maria, scope="person")

    async def put_back(at: Point) -> None:
        if at == "erasure.purged":
            with contextlib.suppress(Conflict):
                await household.database["people"].create({**LINK, "personId": maria.person_id})

    with listening(put_back):
        for _ in range(20):
            await household.run(asked.erasure_id)
            household.hosts.clock.forward(minutes=10)
    item = await household.job(asked.erasure_id)
    assert (item["state"], item["failure"], "receipt" in item) == ("parked", "SomethingLeft", False)
    assert "ALARM job_parked" in caplog.text
