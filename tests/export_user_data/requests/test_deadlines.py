"""Warnings before a request is due, and the board on which staff see what is."""

import logging
import re
from datetime import UTC, datetime, timedelta

import pytest

from export_user_data.requests import finding
from export_user_data.requests.contract import Board
from shared.cosmos import declared
from shared.errors import Problem
from tests.export_user_data.requests.counter import MARIA, Counter
from tests.export_user_data.restriction.desk import Killed, killed_at

pytestmark = pytest.mark.wire

DUE = datetime(2026, 12, 22, 22, 59, 59, 999000, tzinfo=UTC)
ALARM = re.compile(r"ALARM request_due: (.*), request ([0-9a-f]{32})")


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What the alarms said, and nothing but alarms was logged as loudly."""
    loud = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    found = [ALARM.fullmatch(message) for message in loud]
    return [alarm[1] for alarm in found if alarm is not None]


async def board(counter: Counter, state: str | None = None, cursor: str | None = None) -> Board:
    return await finding.board(state, cursor, counter.register)


async def test_staff_are_warned_as_the_time_passes(counter: Counter, caplog: pytest.LogCaptureFixture) -> None:
    """At half of it, at three quarters, at nine tenths, and daily once it is over; an alarm names a request alone."""
    filed = await counter.file()
    for _ in range(33 * 24):
        counter.forward(hours=1)
        await counter.look()
    over = "the time to answer is over"
    assert said(caplog) == [f"{level} % of the time to answer have passed" for level in (50, 75, 90)] + [over] * 3
    assert (await counter.stored(filed))["warned"] == 100
    await counter.answer(filed)
    caplog.clear()
    counter.forward(days=3)
    assert await counter.look() == 0
    assert said(caplog) == []


async def test_a_warning_comes_once(counter: Counter, caplog: pytest.LogCaptureFixture) -> None:
    """However often the timer looks; one that was cut off behind its alarm may say it again."""
    filed = await counter.file()
    counter.until(DUE - timedelta(days=14))
    assert [await counter.look() for _ in range(3)] == [1, 0, 0]
    assert len(said(caplog)) == 1
    stored = await counter.stored(filed)
    assert (stored["warned"], stored["dueAt"], "telling" in stored) == (50, "2026-12-22T22:59:59.999Z", False)


async def test_a_question_that_nobody_answers_is_not_forgotten(
    counter: Counter, caplog: pytest.LogCaptureFixture
) -> None:
    """The clock stands, and after thirty days staff are told every day that the request can be refused."""
    filed = await counter.file()
    await counter.ask(filed)
    for _ in range(29):
        counter.forward(days=1, seconds=1)
        await counter.look()
    assert said(caplog) == []
    counter.forward(days=1)
    await counter.look()
    assert said(caplog) == ["nobody has said who asks for 30 days"]


async def test_a_late_entry_is_an_alarm_at_once(counter: Counter, caplog: pytest.LogCaptureFixture) -> None:
    """A letter that lay about for longer than a month."""
    came = counter.clock() - timedelta(days=40)
    entered = await counter.enter(who={"personId": MARIA}, receivedAt=came.isoformat())
    assert (entered.overdue, entered.percent > 100) == (True, True)
    assert said(caplog) == ["the time to answer is over"]


async def test_one_fault_does_not_keep_the_others(counter: Counter) -> None:
    """The run counts as failed, and the rest was looked at."""
    broken, whole = await counter.file("access"), await counter.file("erasure")
    stored = await counter.stored(broken)
    await counter.database["people"].replace(declared(stored) | {"receivedAt": "yesterday"}, stored["_etag"])
    counter.until(DUE - timedelta(days=14))
    with pytest.raises(ValueError, match="isoformat"):
        await counter.look()
    assert (await counter.stored(whole))["warned"] == 50


async def test_the_board_begins_with_what_is_overdue(counter: Counter) -> None:
    """Then in the order in which they are due; what is closed is not on it, and nothing on it tells of a person."""
    came = counter.clock() - timedelta(days=40)
    soon = await counter.file("erasure")
    overdue = await counter.enter("access", who={"email": "lead@personal.example"}, receivedAt=came.isoformat())
    later = await counter.file("objection")
    await counter.extend(later)
    await counter.withdraw(await counter.file("complaint"))
    shown = await board(counter)
    assert [one.request_id for one in shown.requests] == [one.request_id for one in (overdue, soon, later)]
    assert [one.overdue for one in shown.requests] == [True, False, False]
    assert [one.warned for one in shown.requests] == [100, 0, 0]
    assert "@" not in shown.model_dump_json()
    assert [one.request_id for one in (await board(counter, "extended")).requests] == [later.request_id]
    assert (await board(counter, "identity_awaited")).requests == []


async def test_the_board_is_read_page_by_page(counter: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is left out and nothing shown twice, also of what is due at the same moment."""
    monkeypatch.setattr(finding, "PAGE_LENGTH", 2)
    filed = {
        (await counter.file(right)).request_id
        for right in ("access", "erasure", "objection", "complaint", "restriction")
    }
    seen, cursor = [], None
    while True:
        page = await board(counter, cursor=cursor)
        seen += [one.request_id for one in page.requests]
        cursor = page.cursor
        if cursor is None:
            break
        assert len(page.requests) == 2
    assert (len(seen), set(seen)) == (5, filed)


@pytest.mark.parametrize(
    ("asked", "code"),
    [({"cursor": "x"}, "cursor_invalid"), ({"state": "answered"}, "field_out_of_range")],
)
async def test_a_page_that_there_is_not_is_refused(counter: Counter, asked: dict[str, str], code: str) -> None:
    """A cursor that is none, and a state that nothing on the board has."""
    with pytest.raises(Problem) as refused:
        await board(counter, **asked)
    assert refused.value.code == code


async def test_a_request_that_is_not_told_yet_is_looked_at(counter: Counter) -> None:
    """It says what its person is to be told, until somebody comes to it."""
    filed = await counter.file()
    with pytest.raises(Killed), killed_at("requests.stored"):
        await counter.answer(filed)
    stored = await counter.stored(filed)
    assert (stored["telling"], "boardKey" in stored) == ("request_answered", False)
