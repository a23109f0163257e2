"""An erasure that dies at any point, and is done again, ends in the same state as one that does not."""

import contextlib
import hashlib
from collections import Counter
from typing import get_args

import jwt
import pytest

from shared.callers import Resident
from shared.clock import moment
from shared.cosmos import Conflict, Item
from shared.injection import Point, listening
from shared.jobs import start_job
from shared.vault.store import CASE_ITEM
from tests.doubles import RecordingHub
from tests.export_user_data.erasure.household import Household
from tests.vaults import Killed

pytestmark = pytest.mark.wire

PASSED = [
    point
    for point in get_args(Point)
    if point.startswith("erasure.") and point not in {"erasure.requested", "erasure.signed", "erasure.copy_withdrawn"}
]
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


@pytest.mark.parametrize("point", ["erasure.signed", "ledger.read"])
async def test_the_last_receipt_is_the_one_that_the_ledger_knows(
    household: Household, maria: Resident, point: Point
) -> None:
    """Signed again it would be another: who dies in between goes on with the one that is stored."""
    asked = await household.asked(maria, scope="person")
    item = await household.until_erased(asked.erasure_id)
    household.hosts.clock.now = moment(item["lapsesAt"])
    dead: list[Point] = []

    async def die(at: Point) -> None:
        if at == point and not dead:
            dead.append(at)
            raise Killed

    with listening(die), pytest.raises(Killed):
        await household.run(asked.erasure_id)
    household.hosts.clock.forward(minutes=2)
    assert await household.run(asked.erasure_id) == "done"
    receipt = (await household.job(asked.erasure_id))["receipt"]
    entries = (await household.stored())["ledger", "ledgerEntry"]
    told = [entry["details"]["hash"] for entry in entries if entry["action"] == "erasure_completed"]
    assert told == [hashlib.sha256(receipt.encode()).hexdigest()]


async def test_a_restriction_that_was_lifted_lately_is_no_hindrance(household: Household, maria: Resident) -> None:
    """What worked for it is a job of the person, and goes as well; so does an export that was asked for meanwhile."""
    queue = household.database["jobs"]
    asked = await household.asked(maria, scope="person")
    started: list[Item] = []

    async def start(at: Point) -> None:
        if at == "erasure.narrowed" and not started:
            for kind, details in (("keepData", {"lifted": True}), ("export", {"scope": "access"})):
                now = household.hosts.clock()
                started.append(await start_job(kind, maria.person_id, details, jobs=queue, hub=RecordingHub(), now=now))

    with listening(start):
        await household.until_erased(asked.erasure_id)
    assert len(started) == 2
    assert await household.mentions(maria.person_id) <= {"people/gate", "claims/claim"}


async def test_an_earlier_erasure_of_a_part_is_nobodys_then(household: Household, maria: Resident) -> None:
    """One that is done keeps its receipt and no names; one that still waits goes with the person."""
    done = await household.erased(maria, scope="category", category="usage")
    access = household.homes["maria"].access
    waiting = await household.asked(maria, scope="device", deviceId=access.device_id)
    await household.erased(maria, scope="person")
    assert "receipt" in await household.job(done["jobId"])
    assert await household.mentions(maria.person_id) <= {"people/gate", "claims/claim"}
    assert "deviceId" not in await household.job(waiting.erasure_id)
    assert await household.run(waiting.erasure_id) == "nothing to do"


async def test_a_guest_who_was_just_accepting_is_erased(household: Household) -> None:
    """The link is there and the place is not theirs yet."""
    hosts, maria = household.hosts, await household.live("maria", "VEO-000001")
    hosts.device_id = household.homes["maria"].access.device_id
    jordi = await hosts.sign_in("jordi")
    guest_id = await hosts.invited(maria, "jordi")

    async def die(at: Point) -> None:
        if at == "guests.accepting":
            raise Killed

    with listening(die), pytest.raises(Killed):
        await hosts.accept(jordi, guest_id)
    await household.erased(jordi, scope="person")
    assert await household.mentions(jordi.person_id, "jordi@resident.example") <= {"people/gate", "claims/claim"}


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
