"""A request from its receipt to its answer: who files it, which steps lead on, who is told, and what is kept of it."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError

from export_user_data.requests import rules
from export_user_data.requests.contract import StaffRequestBody
from export_user_data.requests.deciding import answered_by
from local.mail import MailSink
from shared.contract import Purpose
from shared.errors import Problem
from shared.keys import keyed_id
from shared.people import person_without_account
from tests.export_user_data.requests.counter import MARIA, STAFF, Counter, body
from tests.export_user_data.restriction.desk import Killed, killed_at
from tests.hosts import Hosts
from tests.people import IDENTITY_KEY, SERIAL

pytestmark = pytest.mark.wire

LAW_FORBIDS = "artículos 17.3.b) y 23 del RGPD"
DUE = datetime(2026, 12, 22, 22, 59, 59, 999000, tzinfo=UTC)


async def refused(doing: object) -> str:
    with pytest.raises(Problem) as problem:
        await doing  # type: ignore[misc]
    return problem.value.code


async def test_a_person_files_a_request_and_it_runs(counter: Counter) -> None:
    """It is due within a month; asked again while it is open it is the same one; the ledger and the person know."""
    filed = await counter.file(text="Everything since 2024.")
    assert (filed.state, filed.channel, filed.identity, filed.due_at) == ("received", "app", "session", DUE)
    assert not filed.repeats
    assert await counter.file() == filed
    assert await counter.actions() == ["request_filed"]
    assert await counter.told() == ["request_received"]
    assert (await counter.own(filed.request_id)).text == "Everything since 2024."


async def test_every_right_runs_beside_the_others(counter: Counter) -> None:
    """One open request for each."""
    filed = {(await counter.file(right)).request_id for right in rules.Right}
    assert len(filed) == len(rules.Right)


async def test_nobody_sees_somebody_elses(counter: Counter) -> None:
    """It is not there."""
    filed = await counter.file()
    await counter.house.move_in("jordi")
    assert await refused(counter.own(filed.request_id, "jordi")) == "request_unknown"
    assert await refused(counter.withdraw(filed, "jordi")) == "request_unknown"


async def test_a_person_cannot_flood_the_office(counter: Counter) -> None:
    """So many a day, however fast they are withdrawn."""
    for _ in range(rules.A_DAY_LIMIT):
        await counter.withdraw(await counter.file())
    assert await refused(counter.file()) == "requests_too_many"


async def test_another_request_for_the_same_right_is_kept_too(counter: Counter) -> None:
    """What it says is stored and has a clock of its own; the same words are the same request."""
    first = await counter.file("rectification", text="My surname has one n.")
    counter.forward(days=3)
    second = await counter.file("rectification", text="My address is another.")
    assert (second.request_id != first.request_id, second.due_at) == (True, DUE + timedelta(days=3))
    assert (await counter.own(second.request_id)).text == "My address is another."
    assert await counter.file("rectification", text="My surname has one n.") == first
    assert await counter.file("rectification", text="My address is another.") == second
    assert await counter.file("rectification") == second
    assert await counter.actions() == ["request_filed"] * 2


async def test_what_is_refused_in_part_has_a_ground_and_a_reason(counter: Counter) -> None:
    """Of that right; answer and letter say both, with whom to complain to."""
    filed = await counter.file("erasure")
    for said in ({}, {"ground": "law_forbids"}, {"text": "The invoice must be kept."}):
        with pytest.raises(ValidationError):
            await counter.answer(filed, outcome="partly_granted", **said)
    with pytest.raises(ValidationError):
        await counter.answer(filed, outcome="granted", ground="law_forbids")
    part = {"outcome": "partly_granted", "text": "The invoice must be kept."}
    assert await refused(counter.answer(filed, **part, ground="rights_of_others")) == "ground_unfit"
    done = await counter.answer(filed, **part, ground="law_forbids")
    assert done.decision is not None
    assert (done.state, done.decision.outcome, done.decision.article) == ("answered", "partly_granted", LAW_FORBIDS)
    assert await refused(counter.refuse(filed, ground="law_forbids")) == "request_closed"
    written = await counter.letter(filed, "answer", language="en")
    for said_so in ("GDPR 17(3)(b), 23", "The invoice must be kept.", rules.COMPLAINT_ROUTE["en"][0]):  # type: ignore[index]
        assert said_so in written.text


async def test_only_who_has_an_account_is_told_in_the_app(counter: Counter) -> None:
    """Of others staff cannot say so; what is carried out for them is said by mail."""
    entered = await counter.enter("rectification", who={"email": "lead@personal.example"})
    lead = entered.person_id
    assert await refused(counter.answer(entered, lead, sent="app")) == "field_out_of_range"
    assert await refused(counter.refuse(entered, lead, sent="app")) == "field_out_of_range"
    assert await refused(counter.extend(entered, lead, sent="app")) == "field_out_of_range"
    done = await answered_by(
        lead, entered.request_id, {}, counter.register, purpose=Purpose.RIGHTS_REQUEST, sent="mail", staff_id=STAFF
    )
    assert done.decision is not None
    assert done.decision.letter is not None
    assert done.decision.letter.sent == "mail"


async def test_a_letter_runs_from_the_day_it_came(counter: Counter) -> None:
    """Staff enter it later, and the same file makes the same request."""
    came = counter.clock() - timedelta(days=9)
    entered = await counter.enter(
        who={"email": "new@personal.example"}, receivedAt=came.isoformat(), reference="RQ-2026-18"
    )
    assert (entered.state, entered.channel, entered.identity) == ("received", "letter", "address")
    assert (entered.received_at, entered.due_at) == (came, DUE - timedelta(days=9))
    again = await counter.enter(
        who={"email": "New@personal.example"}, receivedAt=came.isoformat(), reference="RQ-2026-18"
    )
    assert again == entered
    [entry] = await counter.entries(entered.person_id)
    assert entry["details"] == {
        "requestId": entered.request_id,
        "right": "access",
        "channel": "letter",
        "received": "2026-11-13",
        "purpose": "rights_request",
    }


@pytest.mark.parametrize("days", [-1, 367])
async def test_a_time_of_receipt_is_believable(counter: Counter, days: int) -> None:
    """Never in the future, and not years ago."""
    came = counter.clock() - timedelta(days=days)
    assert await refused(counter.enter(receivedAt=came.isoformat())) == "field_out_of_range"


async def test_who_has_no_account_is_found_by_what_they_gave(counter: Counter) -> None:
    """By the address, by a device or its serial number, by an id, or by an earlier request."""
    access = await counter.house.pair(MARIA)
    by_device = await counter.enter("access", who={"deviceId": access.device_id})
    by_serial = await counter.enter("erasure", who={"serialNumber": SERIAL})
    by_request = await counter.enter("objection", who={"requestId": by_device.request_id})
    by_id = await counter.enter("complaint", who={"personId": MARIA})
    people = [one.person_id for one in (by_device, by_serial, by_request, by_id)]
    assert people == [MARIA] * 4
    assert [by_device.identity, by_serial.identity, by_request.identity] == ["device", "device", "address"]
    known = await person_without_account(
        "lead@personal.example", database=counter.database, identity_key=IDENTITY_KEY, now=counter.clock()
    )
    assert (await counter.enter("access", who={"email": "lead@personal.example"})).person_id == known
    for who in ({"deviceId": "0" * 32}, {"personId": "nobody"}, {"requestId": "0" * 32}):
        assert await refused(counter.enter(who=who)) == "person_unknown"


async def test_who_signs_in_is_not_known_by_their_address(counter: Counter) -> None:
    """Neither when staff enter a request, nor when they look for one; a request of nobody's has its clock all the same.

    They had given the address before there was an account, and are still found by what only they may know.
    """
    address = {"email": "lead@resident.example"}
    filed = await counter.enter("access", who=address)
    async with MailSink() as mails:
        signed_in = await Hosts(counter.house, mails).sign_in("lead")
    assert signed_in.person_id == filed.person_id
    assert await refused(counter.enter("erasure", who=address)) == "person_unknown"
    assert await refused(counter.find(who=address)) == "person_unknown"
    assert await refused(counter.identified(filed, filed.person_id, who=address)) == "person_unknown"
    assert (await counter.enter("erasure")).identity == "awaited"
    assert [one.request_id for one in await counter.find(who={"requestId": filed.request_id})] == [filed.request_id]


def test_a_requester_is_named_in_one_way() -> None:
    """Two ways could name two people."""
    said = {"purpose": "other", "reference": "RQ-2026-1", "right": "access", "channel": "call"}
    said |= {"receivedAt": "2026-11-22T10:00:00Z"}
    for who in ({}, {"personId": "1", "deviceId": "0" * 32}):
        with pytest.raises(ValidationError):
            body(StaffRequestBody, **said, who=who)


async def test_whom_nothing_identifies_has_a_clock_as_well(counter: Counter) -> None:
    """A person without an address or a name; it is asked who they are, told as a letter, and refused without answer."""
    entered = await counter.enter(channel="walk_in")
    assert (entered.identity, entered.due_at) == ("awaited", DUE)
    person = await counter.database["people"].read(entered.person_id, "person")
    assert person is not None
    assert person.keys() & {"email", "identityKey", "contactKey"} == set()
    asked = await counter.ask(entered, entered.person_id)
    assert (asked.state, asked.identity_question and asked.identity_question.stops_the_clock) == (
        "identity_awaited",
        True,
    )
    counter.forward(days=29)
    assert await refused(counter.refuse(entered, entered.person_id, ground="not_identified")) == "ground_unfit"
    counter.forward(days=11)
    waiting = (await counter.find(reference="RQ-2026-17"))[0]
    assert (waiting.overdue, waiting.percent, waiting.due_at) == (False, asked.percent, DUE + timedelta(days=40))
    ended = await counter.refuse(entered, entered.person_id, ground="not_identified")
    assert (ended.state, ended.decision and ended.decision.is_late) == ("refused", False)
    assert await counter.told(entered.person_id) == []


async def test_the_clock_goes_on_once_it_is_known_who_asks(counter: Counter) -> None:
    """With the days that it stood."""
    filed = await counter.file()
    await counter.begin(filed)
    await counter.ask(filed)
    assert await refused(counter.answer(filed)) == "request_step_unfit"
    assert await refused(counter.extend(filed)) == "request_step_unfit"
    assert await refused(counter.begin(filed)) == "request_step_unfit"
    counter.forward(days=5)
    known = await counter.identified(filed)
    assert (known.state, known.identity, known.due_at) == ("in_progress", "device", DUE + timedelta(days=5))
    assert await counter.identified(filed) == known
    assert await refused(counter.ask(filed, question="contradictory")) == "request_step_unfit"
    assert await counter.told() == ["request_received", "request_identity_asked", "request_identified"]


async def test_a_late_question_lets_the_clock_run(counter: Counter) -> None:
    """Who waits with it longer than the rules say cannot win time by it."""
    filed = await counter.file()
    counter.forward(days=8)
    asked = await counter.ask(filed)
    assert asked.identity_question is not None
    assert not asked.identity_question.stops_the_clock
    assert await counter.told() == ["request_received", "request_identity_asked_late"]
    counter.forward(days=5)
    assert (await counter.identified(filed)).due_at == DUE


async def test_the_time_is_extended_within_the_first_month_only(counter: Counter) -> None:
    """Once, with a reason and a notice; the person is told the new day."""
    filed = await counter.file()
    late = await counter.file("erasure")
    counter.until(DUE)
    extended = await counter.extend(filed)
    assert extended.state == "extended"
    assert extended.due_at == datetime(2027, 2, 22, 22, 59, 59, 999000, tzinfo=UTC)
    assert extended.extension is not None
    assert (extended.extension.reason, extended.extension.letter.kind) == ("complexity", "extension")
    assert await counter.extend(filed) == extended
    assert await refused(counter.extend(filed, reason="number_of_requests")) == "request_step_unfit"
    counter.forward(milliseconds=1)
    assert await refused(counter.extend(late)) == "extension_too_late"
    assert "request_extended" in await counter.told()
    [entry] = [one for one in await counter.entries() if one["action"] == "request_extended"]
    assert entry["details"]["until"] == "2027-02-22"
    assert entry["details"]["hash"] == extended.extension.letter.sha256


async def test_an_answer_is_proved(counter: Counter) -> None:
    """What was decided, by which role, what carried it out, and which letter says so: stored, and in the ledger."""
    filed = await counter.file()
    answered = await counter.answer(filed, text="It is in your export.", links={"exportId": "1" * 32})
    decision = answered.decision
    assert decision is not None
    assert decision.letter is not None
    assert (answered.state, decision.outcome, decision.by) == ("answered", "granted", "staff:privacy")
    assert (decision.export_id, decision.is_late, decision.letter.sent) == ("1" * 32, False, "mail")
    letter = await counter.letter(filed, "answer", language=decision.letter.language)
    assert letter.sha256 == decision.letter.sha256
    [entry] = [one for one in await counter.entries() if one["action"] == "request_answered"]
    assert entry["details"]["hash"] == letter.sha256
    assert await counter.answer(filed, text="Something else.") == answered
    assert await refused(counter.answer(filed, outcome="nothing_held")) == "request_closed"
    assert await refused(counter.withdraw(filed)) == "request_closed"
    assert await counter.told() == ["request_received", "request_answered"]


async def test_what_staff_carry_out_closes_the_request(counter: Counter) -> None:
    """One call, with what carried it out; repeated it changes nothing."""
    filed = await counter.file("restriction")
    for _ in range(2):
        closed = await answered_by(
            MARIA,
            filed.request_id,
            {"restrictionId": "2" * 32},
            counter.register,
            purpose=Purpose.RIGHTS_REQUEST,
            sent="post",
            staff_id=STAFF,
        )
    assert (closed.state, closed.decision and closed.decision.restriction_id) == ("answered", "2" * 32)
    assert (await counter.actions()).count("request_answered") == 1


async def test_a_refusal_names_ground_reason_and_whom_to_complain_to(counter: Counter) -> None:
    """It closes the request; a late one says that it is late."""
    filed, late = await counter.file("erasure"), await counter.file("objection")
    done = await counter.refuse(filed)
    assert done.decision is not None
    assert (done.state, done.decision.ground, done.decision.article) == ("refused", "law_forbids", LAW_FORBIDS)
    assert done.decision.text == "The invoice must be kept."
    assert "AEPD" in done.decision.complaint_route[0]
    assert await counter.refuse(filed) == done
    assert await refused(counter.refuse(filed, ground="unfounded")) == "request_closed"
    counter.until(DUE + timedelta(days=1))
    late_one = await counter.refuse(late)
    assert late_one.decision is not None
    assert late_one.decision.is_late


async def test_only_what_repeats_is_refused_as_repetitive(counter: Counter) -> None:
    """An access again within six months is marked; it can be answered all the same, and no other right ever is."""
    first = await counter.file()
    assert await refused(counter.refuse(first, ground="repetitive")) == "ground_unfit"
    assert await refused(counter.refuse(first, ground="not_identified")) == "ground_unfit"
    await counter.answer(first)
    withdrawn = await counter.file("consent_withdrawal")
    await counter.answer(withdrawn)
    counter.forward(days=100)
    second, other = await counter.file(), await counter.file("consent_withdrawal")
    assert (second.repeats, other.repeats) == (True, False)
    for ground in rules.Ground:
        assert await refused(counter.refuse(other, ground=ground.value)) == "ground_unfit"
    assert await refused(counter.refuse(second, ground="legal_claims")) == "ground_unfit"
    assert (await counter.answer(second)).state == "answered"
    third = await counter.file()
    assert (await counter.refuse(third, ground="repetitive")).state == "refused"
    counter.until(datetime(2027, 9, 3, 12, tzinfo=UTC))
    assert not (await counter.file()).repeats


async def test_what_was_withdrawn_is_not_repeated(counter: Counter) -> None:
    """It was not exercised."""
    first = await counter.file()
    assert (await counter.withdraw(first)).state == "withdrawn"
    assert (await counter.withdraw(first)).state == "withdrawn"
    second = await counter.file()
    assert (second.request_id != first.request_id, second.repeats) == (True, False)
    assert (await counter.withdraw_for(second)).state == "withdrawn"
    assert await counter.actions() == [
        "request_filed",
        "request_withdrawn",
        "request_filed",
        "request_withdrawal_entered",
    ]


@pytest.mark.parametrize("point", ["requests.recorded", "requests.stored", "requests.told"])
async def test_what_is_cut_off_is_completed(counter: Counter, point: str) -> None:
    """At any point of filing and of answering: repeated it is done once, and the timer tells what nobody was told."""
    with pytest.raises(Killed), killed_at(point):  # type: ignore[arg-type]
        await counter.file()
    filed = await counter.file()
    with pytest.raises(Killed), killed_at(point):  # type: ignore[arg-type]
        await counter.answer(filed)
    if point == "requests.recorded":
        await counter.answer(filed)
    await counter.look()
    stored = await counter.stored(filed)
    assert stored["state"] == "answered"
    assert stored.keys() & {"telling", "nextWarnAt", "boardKey"} == set()
    assert await counter.actions() == ["request_filed", "request_answered"]
    assert await counter.told() == ["request_received", "request_answered"]


async def test_an_answer_that_is_changed_after_a_cut_is_the_one_that_is_proved(counter: Counter) -> None:
    """The ledger tells of both letters, and the record has the hash of the last."""
    filed = await counter.file()
    with pytest.raises(Killed), killed_at("requests.recorded"):
        await counter.answer(filed, text="It is in your export.")
    answered = await counter.answer(filed, text="It is on its way by post.", sent="post")
    assert answered.decision is not None
    assert answered.decision.letter is not None
    told = [one["details"] for one in await counter.entries() if one["action"] == "request_answered"]
    assert [one["sent"] for one in told] == ["mail", "post"]
    assert told[1]["hash"] == answered.decision.letter.sha256 != told[0]["hash"]


async def test_of_two_who_decide_at_once_one_decides(counter: Counter) -> None:
    """The other is told that it is closed; and two who file at once file one."""
    first, second = await asyncio.gather(counter.file(), counter.file())
    assert first.request_id == second.request_id
    ends = await asyncio.gather(counter.answer(first), counter.refuse(first), return_exceptions=True)
    problems = [end for end in ends if isinstance(end, Problem)]
    assert [problem.code for problem in problems] == ["request_closed"]
    assert (await counter.own(first.request_id)).state in {"answered", "refused"}
    assert len((await counter.told())[1:]) == 1


async def test_what_nobody_was_told_yet_says_so(counter: Counter) -> None:
    """Until the timer has come to it."""
    with pytest.raises(Killed), killed_at("requests.stored"):
        await counter.file()
    assert await counter.told() == []
    filed = await counter.enter("erasure", who={"personId": MARIA})
    stored = [await counter.stored(one) for one in (filed,)]
    assert "telling" not in stored[0]


async def test_staff_find_requests_and_the_person_sees_that_they_looked(counter: Counter) -> None:
    """By id, by file, by device, by an address that was given; each look is in the ledger before it is shown."""
    access = await counter.house.pair(MARIA)
    filed = await counter.file()
    entered = await counter.enter("erasure", who={"deviceId": access.device_id})
    device_id = keyed_id(IDENTITY_KEY, "device", SERIAL)
    for who in ({"requestId": filed.request_id}, {"deviceId": device_id}, {"serialNumber": SERIAL}):
        found = await counter.find(who=who)
        assert {one.request_id for one in found} == {filed.request_id, entered.request_id}
    assert [one.request_id for one in await counter.find(reference="RQ-2026-17")] == [entered.request_id]
    assert (await counter.actions()).count("requests_viewed") == 4
    assert await counter.find(reference="RQ-1999-1") == []
    assert await refused(counter.find(who={"email": "nobody@personal.example"})) == "person_unknown"
    other = await counter.enter("access", "RQ-2026-99", who={"email": "lead@personal.example"})
    assert [one.request_id for one in await counter.find(who={"email": "lead@personal.example"})] == [other.request_id]
