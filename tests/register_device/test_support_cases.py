"""Support cases of owners: opened or agreed to by them alone, told to them, and never longer than they said."""

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest
from pydantic import ValidationError

from register_device.contract.support import LOG_LIMIT_BYTES, OpenSupportCase
from register_device.support_cases import open_case
from register_device.support_limits import CASES_A_DAY
from shared import clock as clocks
from shared.cosmos import Database
from shared.errors import Problem
from shared.gate import change_policy, load_policy
from shared.injection import Point, listening
from shared.keys import KeySet
from shared.policy import WINDOWS_KEPT, Window
from tests.conftest import SettableClock
from tests.people import House
from tests.register_device.cases import Desk, cut_off, refused

pytestmark = pytest.mark.wire

REQUEST = UUID("5f3b9c0e-6d0a-4d4e-9a53-0c1c2c1f7a11")

LOG = "12:38:38.123 call 600123456 -> maria@resident.example\r\n12:38:39.001 rssi -67\n"


@pytest.fixture
async def desk(database: Database, device_keys: KeySet, clock: SettableClock) -> Desk:
    house = House(database, device_keys, clock)
    access = await house.pair("maria", model="VEO-XS WIFI")
    clock.forward(hours=1)
    return Desk(house, access)


async def test_a_log_is_stored_without_what_is_personal(desk: Desk) -> None:
    """With its line ends, and with what was taken out of it; the owner is told that at once."""
    case = await desk.open(log=LOG)
    assert case.taken_out == {"phone": 1, "email": 1}
    stored = await desk.house.database["devices"].read(desk.access.device_id, f"log:{case.case_id}")
    assert stored is not None
    assert stored["text"] == "12:38:38.123 call [phone] -> [e-mail]\r\n12:38:39.001 rssi -67\n"
    assert stored["takenOut"] == {"phone": 1, "email": 1}
    assert stored["expiresAt"] == clocks.text(desk.house.clock() + timedelta(days=90))
    assert stored["ttl"] == timedelta(days=90).total_seconds()


async def test_a_case_without_a_log_stores_none(desk: Desk) -> None:
    """It need not be given."""
    case = await desk.open()
    assert case.taken_out is None
    assert await desk.house.database["devices"].read(desk.access.device_id, f"log:{case.case_id}") is None


def test_a_log_is_at_most_64_kib_of_utf_8() -> None:
    """Counted in bytes: a letter may have several."""
    whole = OpenSupportCase.model_validate({"log": "ñ" * (LOG_LIMIT_BYTES // 2)})
    assert len((whole.log or "").encode()) == LOG_LIMIT_BYTES
    for log in ("ñ" * (LOG_LIMIT_BYTES // 2) + "n", "n" * (LOG_LIMIT_BYTES + 1)):
        with pytest.raises(ValidationError):
            OpenSupportCase.model_validate({"log": log})


async def test_nothing_is_collected_before_the_owner_agrees(desk: Desk) -> None:
    """The question is told, in the app and by mail, and that is all."""
    await desk.ask()
    assert await desk.states() == [("support", "asked")]
    assert await desk.collected() == ["usage"]
    assert await desk.told() == ["support_case_asked"]
    assert await desk.actions() == ["support_case_asked"]


async def test_the_days_count_from_the_agreement(desk: Desk) -> None:
    """Not from the question."""
    asked = await desk.ask(days=3)
    desk.house.clock.forward(days=13)
    agreed = await desk.agree(asked.case_id)
    assert agreed.opened_at == desk.house.clock()
    assert agreed.expires_at == desk.house.clock() + timedelta(days=3)
    assert await desk.collected() == ["usage", "performance"]
    desk.house.clock.forward(days=3)
    assert await desk.collected() == ["usage"]
    assert await desk.states() == [("support", "expired")]


async def test_agreeing_twice_is_agreeing_once(desk: Desk) -> None:
    """The second answer is the first, also when the case has ended."""
    asked = await desk.ask(days=3)
    agreed = await desk.agree(asked.case_id)
    desk.house.clock.forward(hours=1)
    assert await desk.agree(asked.case_id) == agreed
    assert await desk.actions() == ["support_case_asked", "support_case_agreed"]
    assert await desk.told() == ["support_case_asked", "support_case_opened"]
    await desk.close(asked.case_id)
    assert (await desk.agree(asked.case_id)).state == "closed"
    assert await desk.collected() == ["usage"]


async def test_who_declines_is_not_asked_again_by_the_same_question(desk: Desk) -> None:
    """Nothing is collected, and it can neither be agreed to nor closed any more."""
    asked = await desk.ask()
    declined = await desk.decline(asked.case_id)
    desk.house.clock.forward(hours=1)
    assert await desk.decline(asked.case_id) == declined
    assert await refused(desk.agree(asked.case_id)) == "support_case_answered"
    assert await desk.close(asked.case_id) == declined
    assert await desk.states() == [("support", "declined")]
    assert await desk.collected() == ["usage"]
    assert await desk.actions() == ["support_case_asked", "support_case_declined"]


async def test_an_unanswered_question_lapses(desk: Desk) -> None:
    """After 14 days silence is no agreement; nor can it be turned into one."""
    asked = await desk.ask()
    assert asked.answer_by == desk.house.clock() + timedelta(days=14)
    desk.house.clock.forward(days=14)
    assert await desk.states() == [("support", "lapsed")]
    assert await refused(desk.agree(asked.case_id)) == "support_case_answered"
    assert await refused(desk.decline(asked.case_id)) == "support_case_answered"
    assert await desk.collected() == ["usage"]


async def test_what_was_agreed_to_is_not_declined_but_closed(desk: Desk) -> None:
    """A late refusal would leave the case open."""
    asked = await desk.ask()
    await desk.agree(asked.case_id)
    assert await refused(desk.decline(asked.case_id)) == "support_case_answered"
    assert (await desk.close(asked.case_id)).state == "closed"
    assert await desk.collected() == ["usage"]


async def test_the_owner_sees_every_case_with_its_state(desk: Desk) -> None:
    """Newest first, with who asked."""
    first = await desk.open(days=1)
    desk.house.clock.forward(hours=1)
    await desk.close(first.case_id)
    await desk.open(days=1)
    desk.house.clock.forward(days=2)
    await desk.open(days=1)
    desk.house.clock.forward(hours=1)
    await desk.ask()
    assert await desk.states() == [
        ("support", "asked"),
        ("owner", "open"),
        ("owner", "expired"),
        ("owner", "closed"),
    ]


async def test_nobody_answers_for_the_owner(desk: Desk) -> None:
    """Somebody else's device is not there, and a case that never was is unknown."""
    asked = await desk.ask()
    for stranger in ("jordi", ""):
        other = Desk(desk.house, desk.access, owner=stranger)
        for doing in (other.agree(asked.case_id), other.decline(asked.case_id), other.states()):
            assert await refused(doing) == "device_not_yours"
    for doing in (desk.agree("0" * 32), desk.decline("0" * 32)):
        assert await refused(doing) == "support_case_unknown"


async def test_a_question_does_not_outlive_its_ownership(desk: Desk) -> None:
    """The new owner neither sees nor answers what the former one was asked; nor does the former one."""
    asked, opened = await desk.ask(), await desk.open(log=LOG)
    desk.house.clock.forward(hours=1)
    new = Desk(desk.house, await desk.house.pair("jordi"), owner="jordi")
    assert await new.states() == []
    for case in (asked, opened):
        for doing in (new.agree(case.case_id), new.decline(case.case_id), new.close(case.case_id)):
            assert await refused(doing) == "support_case_unknown"
    assert await refused(desk.agree(asked.case_id)) == "device_not_yours"
    assert await new.collected() == ["usage"]


async def test_there_is_room_for_an_agreement_or_it_is_refused(desk: Desk) -> None:
    """One more window would end another; the question stays, to be answered when one is closed."""
    asked = await desk.ask()
    for _ in range(WINDOWS_KEPT):
        desk.house.clock.forward(minutes=1)
        last = await desk.open(days=1)
    assert await refused(desk.agree(asked.case_id)) == "support_cases_too_many"
    await desk.close(last.case_id)
    assert (await desk.agree(asked.case_id)).state == "open"


async def test_a_case_is_kept_for_two_years(desk: Desk) -> None:
    """From when it was made, whatever is written to it later."""
    asked = await desk.ask()
    made = desk.house.clock()
    desk.house.clock.forward(days=10)
    await desk.agree(asked.case_id)
    stored = await desk.house.database["devices"].read(desk.access.device_id, f"case:{asked.case_id}")
    assert stored is not None
    assert stored["expiresAt"] == clocks.text(made + timedelta(days=730))
    assert stored["ttl"] == timedelta(days=720).total_seconds()


@pytest.mark.parametrize("at", ["support.granted", "support.told", "gate.read"])
async def test_an_agreement_that_was_cut_off_is_finished_by_the_next(desk: Desk, at: Point) -> None:
    """Nothing is collected before the owner was told; the days still count from the first agreement."""
    asked = await desk.ask(days=3)
    agreed_at = desk.house.clock()
    await cut_off(desk.agree(asked.case_id), at)
    assert await desk.collected() == ["usage"]
    desk.house.clock.forward(hours=1)
    agreed = await desk.agree(asked.case_id)
    assert agreed.opened_at == agreed_at
    assert await desk.collected() == ["usage", "performance"]
    assert await desk.actions() == ["support_case_asked", "support_case_agreed"]
    assert await desk.told() == ["support_case_asked", "support_case_opened"]


@pytest.mark.parametrize("at", ["support.granted", "support.told", "gate.read"])
async def test_an_opening_that_was_cut_off_is_finished_or_closed(desk: Desk, at: Point) -> None:
    """The owner finds it in their list; until then it collects nothing."""
    await cut_off(desk.open(days=3, log=LOG), at)
    assert await desk.collected() == ["usage"]
    cases = await desk.cases()
    assert [case.state for case in cases] == ["open"]
    await desk.agree(cases[0].case_id)
    assert await desk.collected() == ["usage", "performance"]
    assert await desk.actions() == ["support_case_opened"]
    await desk.close(cases[0].case_id)
    assert await desk.collected() == ["usage"]


@pytest.mark.parametrize("at", ["support.granted", "support.told", "gate.read"])
async def test_a_request_that_was_named_is_finished_by_its_repeat(desk: Desk, at: Point) -> None:
    """Nobody has to look for the case that it opened: there is one, told once, and it collects."""
    await cut_off(desk.open(days=3, log=LOG, request_id=REQUEST), at)
    desk.house.clock.forward(minutes=1)
    case = await desk.open(days=3, log=LOG, request_id=REQUEST)
    assert case.taken_out == {"phone": 1, "email": 1}
    assert await desk.collected() == ["usage", "performance"]
    assert [one.case_id for one in await desk.cases()] == [case.case_id]
    assert await desk.actions() == ["support_case_opened"]
    assert await desk.told() == ["support_case_opened"]


async def test_a_request_opens_one_case_however_often_it_is_sent(desk: Desk) -> None:
    """Also at once; and a late repeat opens nothing that was closed. Another request is another case."""
    cases = await asyncio.gather(*(desk.open(request_id=REQUEST) for _ in range(4)))
    assert len({case.case_id for case in cases}) == 1
    assert (await desk.open()).case_id != cases[0].case_id
    await desk.close(cases[0].case_id)
    assert (await desk.open(request_id=REQUEST)).state == "closed"
    assert sorted(await desk.states()) == [("owner", "closed"), ("owner", "open")]


async def test_of_any_number_opened_at_once_as_many_are_open_as_there_is_room_for(desk: Desk) -> None:
    """Each has its window; the others are refused, and neither stored, told nor recorded."""
    asked = await desk.ask()
    opening = [desk.open(days=days) for days in range(1, WINDOWS_KEPT + 3)]
    ends = await asyncio.gather(desk.agree(asked.case_id), *opening, return_exceptions=True)
    assert [end.code for end in ends if isinstance(end, BaseException) and isinstance(end, Problem)] == [
        "support_cases_too_many"
    ] * 3
    states = await desk.states()
    assert sum(state == "open" for _, state in states) == WINDOWS_KEPT
    policy = await load_policy(desk.house.database["telemetry"], desk.access.ownership_id)
    opened = [case for case in await desk.cases() if case.state == "open"]
    assert {(window.start, window.end) for window in policy.windows["performance"]} == {
        (case.opened_at, case.expires_at) for case in opened
    }
    assert (await desk.told()).count("support_case_opened") == WINDOWS_KEPT
    actions = await desk.actions()
    assert actions.count("support_case_opened") + actions.count("support_case_agreed") == WINDOWS_KEPT


async def test_cases_opened_in_the_same_millisecond_are_closed_one_by_one(desk: Desk) -> None:
    """Each has a window of its own, and takes no other with it."""
    cases = [await desk.open() for _ in range(3)]
    assert len({case.expires_at for case in cases}) == 3
    for case in cases[:2]:
        for _ in range(2):
            await desk.close(case.case_id)
        assert await desk.collected() == ["usage", "performance"]
    await desk.close(cases[2].case_id)
    assert await desk.collected() == ["usage"]


async def test_a_window_left_by_a_case_that_was_closed_takes_nobodys_room(desk: Desk) -> None:
    """One that was closed while it was being opened may leave it for a moment; one of an open case never goes."""
    closed = await desk.open(days=30)
    await desk.close(closed.case_id)
    assert closed.opened_at is not None
    left = Window(closed.opened_at, closed.expires_at)
    telemetry, house = desk.house.database["telemetry"], desk.house

    async def leave(window: Window) -> None:
        await change_policy(
            telemetry,
            desk.access.ownership_id,
            lambda policy: policy.with_window("performance", window),
            journal=house.journal,
            now=house.clock(),
        )

    cases = [await desk.open(days=days) for days in range(1, WINDOWS_KEPT)]
    await leave(left)
    cases.append(await desk.open(days=20))
    policy = await load_policy(telemetry, desk.access.ownership_id)
    assert {window.end for window in policy.windows["performance"]} == {case.expires_at for case in cases}
    await desk.close(cases.pop().case_id)
    await leave(Window(house.clock(), house.clock() + timedelta(days=40)))  # of no case at all
    assert await refused(desk.open(request_id=REQUEST)) == "busy"
    policy = await load_policy(telemetry, desk.access.ownership_id)
    assert {case.expires_at for case in cases} <= {window.end for window in policy.windows["performance"]}


async def test_a_device_has_twenty_cases_a_day(desk: Desk) -> None:
    """Those that were closed included, and those that staff ask for; also when they are opened at once."""
    for _ in range(CASES_A_DAY - 1):
        await desk.close((await desk.open()).case_id)
    ends = await asyncio.gather(*(desk.open() for _ in range(3)), return_exceptions=True)
    assert [end.code for end in ends if isinstance(end, Problem)] == ["support_cases_too_many"] * 2
    assert len(await desk.cases()) == CASES_A_DAY
    assert await refused(desk.open(log=LOG)) == "support_cases_too_many"
    assert await refused(desk.ask()) == "support_cases_too_many"
    assert "support_case_asked" not in await desk.actions()
    desk.house.clock.forward(days=1)
    await desk.open()


async def test_case_and_log_are_stored_both_or_not_at_all(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A log without a case would be shown to nobody and closed by nobody."""

    async def away(*_: object) -> None:
        raise ConnectionError

    with monkeypatch.context() as outage:
        outage.setattr(desk.house.database["devices"], "batch", away)
        with pytest.raises(ConnectionError):
            await desk.open(log=LOG)
    assert await desk.states() == []


@pytest.mark.parametrize("at", ["support.narrowed", "gate.changed"])
async def test_a_closing_that_was_cut_off_collects_nothing(desk: Desk, at: Point) -> None:
    """The gate is narrowed first; the next call finishes it, and tells once."""
    case = await desk.open()
    await cut_off(desk.close(case.case_id), at)
    assert await desk.collected() == ["usage"]
    for _ in range(2):
        assert (await desk.close(case.case_id)).state == "closed"
    assert await desk.actions() == ["support_case_opened", "support_case_closed"]
    assert await desk.told() == ["support_case_closed", "support_case_opened"]


async def test_a_refusal_that_was_cut_off_is_recorded_by_the_next(desk: Desk) -> None:
    """It holds from the first one."""
    asked = await desk.ask()
    await cut_off(desk.decline(asked.case_id), "support.declined")
    assert await desk.states() == [("support", "declined")]
    await desk.decline(asked.case_id)
    assert await desk.actions() == ["support_case_asked", "support_case_declined"]


async def test_of_agreeing_and_declining_at_once_one_counts(desk: Desk) -> None:
    """And what is collected is what the case says."""
    asked = await desk.ask()
    ends = await asyncio.gather(desk.agree(asked.case_id), desk.decline(asked.case_id), return_exceptions=True)
    assert [end.code for end in ends if isinstance(end, Problem)] == ["support_case_answered"]
    [(_, state)] = await desk.states()
    assert (state, await desk.collected()) in [("open", ["usage", "performance"]), ("declined", ["usage"])]


@pytest.mark.parametrize("at", ["support.granted", "support.told", "gate.read"])
async def test_what_is_closed_while_it_is_being_opened_collects_nothing(desk: Desk, at: Point) -> None:
    """Whichever of the two writes last."""
    asked = await desk.ask()
    closed: list[bool] = []

    async def close(point: Point) -> None:
        if point == at and not closed:
            closed.append(True)
            with listening(nothing):
                await desk.close_for_staff(asked.case_id)

    async def nothing(_: Point) -> None:
        return

    with listening(close):
        await desk.agree(asked.case_id)
    assert await desk.states() == [("support", "closed")]
    assert await desk.collected() == ["usage"]


async def test_what_is_agreed_to_while_it_is_being_withdrawn_is_closed(desk: Desk) -> None:
    """The question was withdrawn; the agreement came in between."""
    asked = await desk.ask()
    agreed: list[bool] = []

    async def agree(point: Point) -> None:
        if point == "support.narrowed" and not agreed:
            agreed.append(True)
            await desk.agree(asked.case_id)

    with listening(agree):
        await desk.close_for_staff(asked.case_id)
    assert await desk.states() == [("support", "closed")]
    assert await desk.collected() == ["usage"]


async def test_a_log_belongs_to_a_device_of_ones_own(desk: Desk) -> None:
    """Nothing of it is stored for anybody else."""
    opening = open_case(
        "jordi",
        desk.access.device_id,
        7,
        log=LOG,
        database=desk.house.database,
        journal=desk.house.journal,
        now=desk.house.clock(),
    )
    assert await refused(opening) == "device_not_yours"
    query = "SELECT * FROM c WHERE c.type = 'supportLog'"
    logs = desk.house.database["devices"].query(query, partition=desk.access.device_id)
    assert [log async for log in logs] == []
