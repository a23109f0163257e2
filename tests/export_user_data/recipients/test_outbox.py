"""Notices: each recipient hears of each change until it acknowledges it, whatever it does and whoever is stopped."""

import asyncio
import json
import logging
from dataclasses import replace
from datetime import timedelta
from typing import Final

import aiohttp
import pytest

from export_user_data.recipients import acknowledgements
from export_user_data.recipients.outbox import ALARM_AFTER, REMINDED_AFTER, acknowledge, change
from local.recipient import Manner, RecipientSink
from shared import webhooks
from shared.callers import Recipient
from shared.cosmos import Delete
from shared.data_map import Category
from shared.errors import Problem
from shared.injection import Point
from shared.keys import read_acknowledgement_token
from shared.notifications import FIRST_PAUSE, LONGEST_PAUSE
from shared.webhooks import REPEAT_HEADER, SIGNATURE_HEADER, Webhooks
from tests.doubles import changed
from tests.export_user_data.recipients.conftest import SALES, Desk
from tests.hosts import cut_off

pytestmark = pytest.mark.wire

WEBSITE: Final = "website"


async def test_a_recipient_is_told_and_acknowledges(desk: Desk, sink: RecipientSink) -> None:
    """Once; what it needed to find its copy is kept no longer than that."""
    await desk.tell()
    assert (await desk.notice())["about"] == {"email": "maria@resident.example"}
    assert await desk.run_timer() == {"acknowledged": 1}
    [received] = sink.notices
    assert {name: received.content[name] for name in ("format", "recipient", "event", "requestId", "about")} == {
        "format": "blue-notice/1",
        "recipient": SALES,
        "event": "rectification",
        "requestId": "request-1",
        "about": {"email": "maria@resident.example"},
    }
    item = await desk.notice()
    assert item["state"] == "acknowledged"
    assert item.keys().isdisjoint({"about", "nextAttemptAt"})
    desk.clock.forward(days=1)
    assert await desk.run_timer() == {}


async def test_a_notice_is_signed_by_this_service(desk: Desk, sink: RecipientSink) -> None:
    """By a key that anybody can ask for; another body or a stranger's key is told apart."""
    await desk.tell()
    await desk.run_timer()
    [received] = sink.notices
    signature = received.headers[SIGNATURE_HEADER]
    assert desk.export_keys.verify_detached(received.body, signature)
    assert not desk.export_keys.verify_detached(received.body + b" ", signature)


async def test_a_repeat_tells_nobody_twice(desk: Desk, sink: RecipientSink) -> None:
    """The request, the event and the recipient name a notice, also once it is acknowledged."""
    await desk.tell()
    await desk.run_timer()
    first = await acknowledgements("request-1", database=desk.database)
    desk.clock.forward(hours=1)
    await desk.tell()
    assert await desk.run_timer() == {}
    assert await acknowledgements("request-1", database=desk.database) == first
    assert len(sink.notices) == 1


async def test_events_and_requests_are_told_apart(desk: Desk, sink: RecipientSink) -> None:
    """A restriction and its lifting are two; each has a key of its own, by which a repeat is recognised."""
    await desk.tell(event="restriction")
    await desk.tell(event="restriction_lifted")
    await desk.tell("request-2", event="restriction")
    assert await desk.run_timer() == {"acknowledged": 3}
    assert len({received.headers[REPEAT_HEADER] for received in sink.notices}) == 3


@pytest.mark.parametrize("manner", ["refuse", "garbage", "silence", "redirect", "flood", "drop"])
async def test_who_does_not_acknowledge_is_told_again(
    desk: Desk, sink: RecipientSink, manner: Manner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Refused, hanging, answering garbage, pointing elsewhere, answering without end: the same notice, later."""
    monkeypatch.setattr(webhooks, "ANSWER_TIMEOUT_S", 0.5)
    await desk.tell()
    sink.answer_next(manner)
    assert await desk.run_timer() == {"not heard, to be tried again": 1}
    assert (await desk.notice())["state"] == "pending"
    assert await desk.run_timer() == {}
    desk.clock.now += FIRST_PAUSE
    assert await desk.run_timer() == {"acknowledged": 1}
    first, second = sink.notices
    assert first.headers[REPEAT_HEADER] == second.headers[REPEAT_HEADER]
    assert sink.strayed == 0


async def test_nobody_is_given_up(desk: Desk, sink: RecipientSink, caplog: pytest.LogCaptureFixture) -> None:
    """Pauses grow to an hour, and somebody is woken; the alarm names the recipient and nobody else."""
    await desk.tell()
    sink.answer_next("refuse", times=ALARM_AFTER + 20)
    with caplog.at_level(logging.WARNING, logger="blue.recipients"):
        for _ in range(ALARM_AFTER + 20):
            assert await desk.run_timer() == {"not heard, to be tried again": 1}
            desk.clock.now += LONGEST_PAUSE
    assert [record.levelno for record in caplog.records].count(logging.ERROR) == 21
    assert f"ALARM recipient_silent: {SALES}: it answered 503" in caplog.text
    assert "maria" not in caplog.text
    assert await desk.run_timer() == {"acknowledged": 1}


async def test_a_recipient_may_take_it_and_acknowledge_later(desk: Desk, sink: RecipientSink) -> None:
    """With the token that came with the notice, and that is good for this one; the first time counts."""
    await desk.tell()
    sink.answer_next("take")
    assert await desk.run_timer() == {"taken, to be acknowledged later": 1}
    token = sink.notices[0].content["acknowledgeWith"]
    caller = read_acknowledgement_token(token, keys=desk.keys, now=desk.clock())
    assert caller == Recipient(SALES, "request-1", "rectification")
    desk.clock.forward(hours=5)
    first = await acknowledge(caller, jobs=desk.database["jobs"], now=desk.clock())
    desk.clock.forward(hours=5)
    second = await acknowledge(caller, jobs=desk.database["jobs"], now=desk.clock())
    assert first["acknowledgedAt"] == second["acknowledgedAt"]
    assert "about" not in await desk.notice()
    desk.clock.forward(days=2)
    assert await desk.run_timer() == {}


async def test_who_took_it_is_reminded(desk: Desk, sink: RecipientSink) -> None:
    """A day later, until it has acknowledged."""
    await desk.tell()
    sink.answer_next("take")
    await desk.run_timer()
    desk.clock.now += REMINDED_AFTER - timedelta(seconds=1)
    assert await desk.run_timer() == {}
    desk.clock.forward(seconds=1)
    assert await desk.run_timer() == {"acknowledged": 1}


async def test_a_token_is_good_for_thirty_days_and_for_one_notice(desk: Desk, sink: RecipientSink) -> None:
    """What is kept no more is acknowledged to nobody."""
    await desk.tell()
    sink.answer_next("take")
    await desk.run_timer()
    token = sink.notices[0].content["acknowledgeWith"]
    with pytest.raises(Problem, match="token_expired"):
        read_acknowledgement_token(token, keys=desk.keys, now=desk.clock() + timedelta(days=30))
    with pytest.raises(Problem, match="notice_unknown"):
        await acknowledge(Recipient(SALES, "request-9", "rectification"), jobs=desk.database["jobs"], now=desk.clock())


async def test_a_worker_that_is_killed_after_it_was_heard_tells_again(desk: Desk, sink: RecipientSink) -> None:
    """With the same key, so that the recipient can tell."""
    await desk.tell()
    await cut_off("recipients.heard", desk.run_timer())
    assert await desk.run_timer() == {}
    desk.clock.now += FIRST_PAUSE
    assert await desk.run_timer() == {"acknowledged": 1}
    first, second = sink.notices
    assert first.headers[REPEAT_HEADER] == second.headers[REPEAT_HEADER]


@pytest.mark.parametrize("at", ["recipients.queued", "ledger.read"])
async def test_telling_that_was_cut_off_is_completed_by_a_repeat(desk: Desk, sink: RecipientSink, at: Point) -> None:
    """The recipient hears of it either way, and once."""
    await cut_off(at, desk.tell())
    await desk.run_timer()
    await desk.tell()
    await desk.run_timer()
    assert len(sink.notices) == 1
    told = desk.database["people"].query("SELECT * FROM c WHERE c.type = 'recipientsTold'", partition="maria")
    assert [item["requestId"] async for item in told] == ["request-1"]
    steps = desk.database["ledger"].query("SELECT * FROM c WHERE c.type = 'ledgerEntry'")
    assert [(item["action"], item["details"]) async for item in steps] == [
        ("recipients_told", {"event": "rectification", "recipients": 2})
    ]


async def test_many_workers_at_once_tell_once(desk: Desk, sink: RecipientSink) -> None:
    """The lease is taken under the item's ETag."""
    await desk.tell()
    ends = await asyncio.gather(*(desk.run_timer() for _ in range(4)))
    assert sum(end.get("acknowledged", 0) for end in ends) == 1
    assert len(sink.notices) == 1


async def test_a_notice_outlives_its_person(desk: Desk) -> None:
    """Who was erased is told of to recipients all the same, and nothing is written about them."""
    await changed(desk.database["people"], "maria", lambda policy: replace(policy, tombstone=True))
    await desk.tell(event="erasure")
    assert await desk.run_timer() == {"acknowledged": 1}
    [cloud, sales] = await acknowledgements("request-1", database=desk.database)
    assert (cloud.state, sales.state, sales.acknowledged_at) == ("in_place", "acknowledged", desk.clock())
    people = desk.database["people"].query("SELECT * FROM c WHERE c.type = 'recipientsTold'", partition="maria")
    assert [item async for item in people] == []


async def test_who_is_given_nothing_of_it_is_not_told(desk: Desk, sink: RecipientSink) -> None:
    """Push services hear nothing of a contact; of those who learn it otherwise it is said how, and nothing is sent."""
    await desk.tell(category=Category.APP)
    assert await desk.run_timer() == {}
    found = await acknowledgements("request-1", database=desk.database)
    assert [(one.recipient, one.state) for one in found] == [
        ("cloud_provider", "in_place"),
        ("push_services", "lapses"),
    ]
    assert all(one.is_settled for one in found)
    assert sink.notices == []


async def test_one_that_does_not_answer_keeps_nobody_waiting(
    desk: Desk, sink: RecipientSink, session: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In one run it is asked once, however many notices it has; another recipient is told meanwhile."""
    monkeypatch.setattr("shared.notifications.CONCURRENT_MAILS", 1)
    async with RecipientSink() as other:
        desk.webhooks = Webhooks({SALES: sink.address, WEBSITE: other.address}, desk.export_keys, session)
        for number in range(3):
            await desk.tell(f"request-{number}")
        sink.answer_next("drop", times=3)
        ends = await desk.run_timer()
        assert ends == {
            "acknowledged": 3,
            "not heard, to be tried again": 1,
            "put off: the recipient does not answer": 2,
        }
        assert (len(sink.notices), len(other.notices)) == (1, 3)


async def test_a_recipient_without_an_address_is_an_alarm_and_not_forgotten(
    desk: Desk, session: aiohttp.ClientSession
) -> None:
    """The settings lost it while a notice was waiting."""
    await desk.tell()
    known, desk.webhooks = desk.webhooks, Webhooks({}, desk.export_keys, session)
    assert await desk.run_timer() == {"not heard, to be tried again": 1}
    desk.webhooks = known
    desk.clock.now += FIRST_PAUSE
    assert await desk.run_timer() == {"acknowledged": 1}


async def test_a_notice_that_is_gone_is_nothing_to_do(desk: Desk) -> None:
    """Its time was over, or it was acknowledged meanwhile."""
    await desk.tell()
    item = await desk.notice()
    await desk.database["jobs"].batch("request-1", [Delete(item["id"])])
    assert await change("request-1", item["id"], desk.database["jobs"], desk.clock(), attempts=1) is None
    assert await desk.run_timer() == {}


async def test_nothing_personal_is_in_the_body_but_what_finds_the_copy(desk: Desk, sink: RecipientSink) -> None:
    """Neither the person's id nor anything else that was not asked for."""
    await desk.tell()
    await desk.run_timer()
    body = json.loads(sink.notices[0].body)
    assert body.keys() == {
        *("format", "recipient", "event", "categories", "about", "createdAt", "requestId", "acknowledgeWith")
    }
    assert body["categories"] == ["interactions"]
