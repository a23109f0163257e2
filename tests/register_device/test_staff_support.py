"""Support staff: what they see of a device before a case, with one, and after; and how its owner learns of it."""

import asyncio
import base64
import json
from datetime import timedelta

import pytest

from register_device.support_readings import PAGE_LENGTH
from shared.cosmos import Database, declared
from shared.gate import Erased, load_policy
from shared.injection import Point, listening
from shared.keys import KeySet
from tests.conftest import SettableClock
from tests.people import SERIAL, House
from tests.register_device.cases import STAFF_ID, Desk, cpu, cut_off, refused

pytestmark = pytest.mark.wire

DEVICE = {
    "family": "MONITOR",
    "type": "VEO",
    "subtype": "WIFI",
    "model": "VEO-XS WIFI",
    "hardwareVersion": "01",
    "firmwareVersion": "3.2.1",
    "region": "ES",
}


@pytest.fixture
async def desk(database: Database, device_keys: KeySet, clock: SettableClock) -> Desk:
    house = House(database, device_keys, clock)
    access = await house.pair("maria", macAddress="02:00:5E:00:01:17", **DEVICE)
    clock.forward(hours=1)
    return Desk(house, access)


async def test_a_look_up_says_what_the_device_is_and_nothing_of_whose(desk: Desk) -> None:
    """No person, no ownership, no address of its interface, not when it was seen."""
    found = (await desk.look_up()).model_dump(by_alias=True, exclude_none=True)
    assert found == {
        "registration": "registered",
        "deviceId": desk.access.device_id,
        **DEVICE,
        "supportCases": [],
    }


async def test_a_device_that_never_registered_is_said_to_be_so(desk: Desk) -> None:
    """And nothing else is known of it."""
    found = await desk.look_up("VEO-999999")
    assert found.model_dump(exclude_none=True) == {"registration": "never_registered", "support_cases": []}
    assert await desk.actions() == []


async def test_a_device_without_an_owner_is_nobodys(desk: Desk) -> None:
    """It is said what it is; there is nobody to be told, and nobody to be asked; a case of before is over."""
    case = await desk.open()
    await desk.release()
    found = await desk.look_up()
    assert (found.registration, found.model) == ("not_registered", "VEO-XS WIFI")
    assert found.support_cases == []
    assert "device_looked_up" not in await desk.actions()
    assert await refused(desk.ask()) == "device_not_registered"
    assert await refused(desk.see(case.case_id)) == "support_case_not_open"
    assert await refused(desk.close_for_staff(case.case_id)) == "support_case_not_open"


async def test_a_device_that_is_not_admitted_is_said_to_be_so(desk: Desk) -> None:
    """As after its key became known."""
    await desk.revoke()
    assert (await desk.look_up()).registration == "revoked"
    assert await refused(desk.ask()) == "device_not_registered"


async def test_a_device_that_never_registered_has_nobody_to_ask(desk: Desk) -> None:
    """Nothing is stored."""
    assert await refused(desk.ask(serial="VEO-999999")) == "device_not_registered"


async def test_a_look_up_names_the_cases_that_are_open_or_asked_for(desk: Desk) -> None:
    """Those that have ended it does not."""
    ended = await desk.open()
    await desk.close(ended.case_id)
    desk.house.clock.forward(minutes=1)
    opened = await desk.open()
    desk.house.clock.forward(minutes=1)
    asked = await desk.ask()
    cases = [(case.case_id, case.state.value) for case in (await desk.look_up()).support_cases]
    assert cases == [(opened.case_id, "open"), (asked.case_id, "asked")]


async def test_every_look_is_in_the_owners_ledger(desk: Desk) -> None:
    """With who and why, once for each time; so are look-ups."""
    case = await desk.open()
    for _ in range(2):
        await desk.look_up()
        await desk.see(case.case_id)
    entries = (await desk.said())[1:]
    assert [entry["action"] for entry in entries] == ["device_looked_up", "support_data_viewed"] * 2
    assert {(entry["actorKind"], entry["actor"]) for entry in entries} == {("staff:support", STAFF_ID)}
    assert {entry["details"]["purpose"] for entry in entries} == {"support_call"}


async def test_asking_twice_asks_once(desk: Desk) -> None:
    """Also two members of staff at the same moment; the owner has one question, and is told once."""
    other = Desk(desk.house, desk.access, staff_id="6" * 32)
    cases = list(await asyncio.gather(desk.ask(), other.ask(), desk.ask()))
    desk.house.clock.forward(days=3)
    cases.append(await other.ask())
    assert len({case.case_id for case in cases}) == 1
    assert await desk.states() == [("support", "asked")]
    assert await desk.actions() == ["support_case_asked"]
    assert await desk.told() == ["support_case_asked"]


async def test_after_an_answer_another_question_may_be_asked(desk: Desk) -> None:
    """It is another one, told anew; one that was withdrawn needs no pause."""
    first = await desk.ask()
    await desk.close_for_staff(first.case_id)
    second = await desk.ask()
    assert second.case_id != first.case_id
    assert (await desk.told()).count("support_case_asked") == 2


@pytest.mark.parametrize("is_declined", [True, False])
async def test_an_owner_who_did_not_want_to_is_left_alone_for_seven_days(desk: Desk, *, is_declined: bool) -> None:
    """After declining, or not answering; nothing of it is recorded or told. A new owner was not asked."""
    first = await desk.ask()
    desk.house.clock.forward(days=14 - is_declined)
    if is_declined:
        await desk.decline(first.case_id)
    desk.house.clock.forward(days=7, milliseconds=-1)
    before = await desk.told(), await desk.actions()
    for asking in [desk.ask() for _ in range(3)]:
        assert await refused(asking) == "support_case_declined_lately"
    assert (await desk.told(), await desk.actions()) == before
    desk.house.clock.forward(milliseconds=1)
    await desk.ask()
    assert (await desk.told()).count("support_case_asked") == 2
    desk.house.clock.forward(minutes=1)
    last = (await desk.cases())[0]
    await desk.decline(last.case_id)
    new = Desk(desk.house, await desk.house.pair("jordi"), owner="jordi")
    assert (await new.ask()).state == "asked"


async def test_of_several_who_ask_while_the_owner_declines_nobody_asks_again(desk: Desk) -> None:
    """The one who is late learns it, and is not answered with a question that waits no more."""
    answered: list[str] = []

    async def declined_meanwhile(point: Point) -> None:
        if point == "support.recorded" and not answered:
            answered.append("")
            with listening(nothing):
                other = await desk.ask()
                answered[0] = other.case_id
                await desk.decline(other.case_id)

    async def nothing(_: Point) -> None:
        return

    with listening(declined_meanwhile):
        assert await refused(desk.ask()) == "support_case_declined_lately"
    assert await desk.states() == [("support", "declined")]
    assert await desk.actions() == ["support_case_asked", "support_case_declined"]
    assert await desk.told() == ["support_case_asked"]


@pytest.mark.parametrize("at", ["support.recorded", "support.asked"])
async def test_a_question_that_was_cut_off_is_asked_by_the_next(desk: Desk, at: Point) -> None:
    """Once in the ledger, one case, told once."""
    await cut_off(desk.ask(), at)
    await desk.ask()
    assert await desk.states() == [("support", "asked")]
    assert await desk.actions() == ["support_case_asked"]
    assert await desk.told() == ["support_case_asked"]


async def test_staff_see_nothing_without_an_open_case(desk: Desk) -> None:
    """Not while it is asked for, not after it was declined, closed, or has run out; and no ledger says they did."""
    asked = await desk.ask(days=1)
    assert await refused(desk.see(asked.case_id)) == "support_case_not_open"
    await desk.decline(asked.case_id)
    assert await refused(desk.see(asked.case_id)) == "support_case_not_open"
    closed = await desk.open()
    await desk.close(closed.case_id)
    expired = await desk.open(days=1)
    desk.house.clock.forward(days=1)
    for case in (closed, expired):
        assert await refused(desk.see(case.case_id)) == "support_case_not_open"
    assert await refused(desk.see("0" * 32)) == "support_case_unknown"
    assert "support_data_viewed" not in await desk.actions()


async def test_staff_see_device_log_and_performance_while_a_case_is_open(desk: Desk) -> None:
    """The readings as they are stored; never usage, nor anything that says whose it is."""
    case = await desk.open(log="call 600123456\r\n")
    desk.house.clock.forward(minutes=1)
    await desk.send(desk.health(12.5), desk.health(13.5), desk.call())
    seen = await desk.see(case.case_id)
    assert seen.device is not None
    assert (seen.device.serial_number, seen.device.mac_address) == (SERIAL, "02:00:5E:00:01:17")
    assert seen.log == "call [phone]\r\n"
    assert cpu([seen]) == [12.5, 13.5]
    written = seen.model_dump_json()
    assert "missed" not in written
    assert "maria" not in written
    assert desk.access.ownership_id not in written


async def test_staff_see_what_was_observed_under_the_case_and_no_more(desk: Desk) -> None:
    """Another case's readings belong to that one, also those of one message; by the corrected time."""
    first = await desk.open(days=2)
    desk.house.clock.forward(hours=1)
    await desk.send(desk.health(1))
    desk.house.clock.forward(hours=1)
    before = desk.house.clock() - timedelta(minutes=10)
    second = await desk.open(days=1)
    desk.house.clock.forward(minutes=20)
    slow = desk.house.clock() - timedelta(hours=1)
    await desk.send(desk.health(2, before), desk.health(3))
    await desk.send(desk.health(4, slow), desk.health(5, slow - timedelta(minutes=30)), clock_offset=timedelta(hours=1))
    assert sorted(cpu(await desk.pages(first.case_id))) == [1, 2, 3, 4, 5]
    assert sorted(cpu(await desk.pages(second.case_id))) == [3, 4]


async def test_readings_come_in_pages(desk: Desk) -> None:
    """Each once, in the order in which they were received, also those of one moment; device and log come once."""
    case = await desk.open(log="x")
    for number in range(PAGE_LENGTH + 11):
        if number % 3 == 0:
            desk.house.clock.forward(seconds=10)
        await desk.send(desk.health(number % 100), desk.call())
    pages = await desk.pages(case.case_id)
    assert [len(page.readings) for page in pages] == [PAGE_LENGTH, 11]
    received = [item.received_at for page in pages for item in page.readings]
    assert received == sorted(received)
    assert sorted(cpu(pages)) == sorted(float(number % 100) for number in range(PAGE_LENGTH + 11))
    assert [(page.device is None, page.log) for page in pages] == [(False, "x"), (True, None)]


async def test_a_page_is_not_too_large(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Long messages come one by one."""
    case = await desk.open()
    desk.house.clock.forward(minutes=1)
    for number in range(3):
        await desk.send(desk.health(number))
    monkeypatch.setattr("register_device.support_readings.PAGE_LIMIT_BYTES", 10)
    assert [len(page.readings) for page in await desk.pages(case.case_id)] == [1, 1, 1]


MADE_UP = [1, [], ["x", "y"], ["2026-11-22", "x"], ["0001-01-01T00:00:00+14:00", "x"]]


@pytest.mark.parametrize(
    "cursor", ["x", "ñ", "", *(base64.b64encode(json.dumps(one).encode()).decode() for one in MADE_UP)]
)
async def test_a_made_up_cursor_is_refused(desk: Desk, cursor: str) -> None:
    """Whatever it is."""
    case = await desk.open()
    assert await refused(desk.see(case.case_id, cursor)) == "cursor_invalid"


async def test_staff_close_what_they_need_no_more(desk: Desk) -> None:
    """The owner is told, the ledger says by whom, and nothing more is collected or seen."""
    asked = await desk.ask()
    await desk.agree(asked.case_id)
    for _ in range(2):
        assert (await desk.close_for_staff(asked.case_id)).state == "closed"
    assert await desk.collected() == ["usage"]
    assert await refused(desk.see(asked.case_id)) == "support_case_not_open"
    [entry] = [entry for entry in await desk.said() if entry["action"] == "support_case_closed"]
    assert (entry["actorKind"], entry["actor"]) == ("staff:support", STAFF_ID)
    assert (await desk.told()).count("support_case_closed") == 1


async def test_a_question_that_is_withdrawn_is_closed(desk: Desk) -> None:
    """It can be agreed to no more; its owner is told that, and not that something was collected."""
    asked = await desk.ask()
    for _ in range(2):
        assert (await desk.close_for_staff(asked.case_id)).state == "closed"
    assert await desk.told() == ["support_case_asked", "support_case_withdrawn"]
    assert await refused(desk.agree(asked.case_id)) == "support_case_answered"
    assert await refused(desk.close_for_staff("0" * 32)) == "support_case_unknown"


async def test_a_case_does_not_outlive_its_ownership(desk: Desk) -> None:
    """After a takeover it is closed for staff, and not among the cases of the new owner."""
    opened, asked = await desk.open(log="x"), await desk.ask()
    desk.house.clock.forward(minutes=1)
    await desk.send(desk.health(1))
    await desk.house.pair("jordi")
    for case in (opened, asked):
        assert await refused(desk.see(case.case_id)) == "support_case_not_open"
        assert await refused(desk.close_for_staff(case.case_id)) == "support_case_not_open"
    assert (await desk.look_up()).support_cases == []
    new = await desk.ask()
    assert new.case_id != asked.case_id


async def test_an_erased_owner_is_not_asked_and_nothing_of_it_is_stored(desk: Desk) -> None:
    """Nor is their data seen; what the device is can be said."""
    case = await desk.open()
    people = desk.house.database["people"]
    async for item in people.query("SELECT c.id FROM c WHERE c.type != 'gate'", partition="maria"):
        await people._proxy.delete_item(item["id"], "maria")
    gate = await people.read("maria", "gate")
    assert gate is not None
    await people.replace(declared(gate) | {"tombstone": True}, gate["_etag"])
    for doing in (desk.ask(), desk.see(case.case_id)):
        with pytest.raises(Erased):
            await doing
    cases = desk.house.database["devices"].query(
        "SELECT * FROM c WHERE c.type = 'supportCase'", partition=desk.access.device_id
    )
    assert [item["caseId"] async for item in cases] == [case.case_id]
    assert (await desk.look_up()).model == "VEO-XS WIFI"


async def test_a_monitor_learns_of_the_agreement_by_its_policy(desk: Desk) -> None:
    """The gate admits performance from then on, and not what was observed before."""
    asked = await desk.ask()
    desk.house.clock.forward(hours=2)
    await desk.agree(asked.case_id)
    policy = await load_policy(desk.house.database["telemetry"], desk.access.ownership_id)
    now = desk.house.clock()
    assert policy.refusal("performance", now, now) is None
    assert policy.refusal("performance", now - timedelta(hours=1), now) == "category_not_open"
