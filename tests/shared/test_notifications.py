"""Notifications: one event tells once, and its mail is sent once, whoever is stopped on the way."""

import asyncio
import logging
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from local.mail import MailSink
from shared import notifications
from shared.callers import Resident
from shared.clock import text
from shared.cosmos import Container, Database, Item, Replace
from shared.gate import create_gate
from shared.mail import SEND_TIMEOUT_S, Mail, Mailer
from shared.notifications import ALARM_AFTER, FIRST_PAUSE, LONGEST_PAUSE, deliver, deliver_due, notify, pause_after
from shared.people import nameless_person, own_record
from shared.policy import Policy
from shared.templates import Unrenderable
from tests.conftest import SettableClock

SENDER = "no-reply@blue.example"


@pytest.fixture
async def sink() -> AsyncIterator[MailSink]:
    async with MailSink() as running:
        yield running


class Post:
    """What sending stands on, in one hand."""

    def __init__(self, database: Database, clock: SettableClock, mailer: Mailer) -> None:
        """Nobody lives here yet."""
        self.people = database["people"]
        self.clock = clock
        self.mailer = mailer
        self.database = database

    async def move_in(self, person: str) -> None:
        caller = Resident(person, f"{person}@resident.example", "key")
        await own_record(caller, database=self.database, now=self.clock())

    async def install(self, person: str, phone: str, language: str) -> None:
        await self.people.create(
            {
                "id": f"app:{phone}",
                "type": "appInstallation",
                "personId": person,
                "language": language,
                "updatedAt": text(self.clock()),
            }
        )

    async def tell(self, person: str = "maria", subject: str = "an ownership") -> str:
        return await notify(
            person, "monitor_paired", subject, {"since": self.clock()}, people=self.people, now=self.clock()
        )

    async def deliver(self, notification_id: str, person: str = "maria") -> str:
        return await deliver(person, notification_id, people=self.people, mailer=self.mailer, now=self.clock)

    async def run_timer(self) -> dict[str, int]:
        return dict(await deliver_due(people=self.people, mailer=self.mailer, now=self.clock))

    async def item(self, notification_id: str, person: str = "maria") -> Item:
        item = await self.people.read(person, f"notification:{notification_id}")
        assert item is not None
        return item


@pytest.fixture
async def post(database: Database, clock: SettableClock, sink: MailSink) -> Post:
    made = Post(database, clock, Mailer.of(sink.address, sender=SENDER, password=None))
    await made.move_in("maria")
    return made


@pytest.mark.wire
async def test_a_notification_is_sent_to_its_person(post: Post, sink: MailSink) -> None:
    """By the timer, to the address that their record has then, and once."""
    told = await post.tell()
    assert await post.run_timer() == {"sent": 1}
    [received] = sink.messages
    assert received.recipients == ("maria@resident.example",)
    assert received.parsed["Subject"] == "A monitor was paired with your account"
    assert received.parsed["Message-ID"] == f"<{told}@blue.example>"
    item = await post.item(told)
    assert (item["mail"], item["sentAt"], item["language"]) == ("sent", item["createdAt"], "en")
    post.clock.forward(days=1)
    assert await post.run_timer() == {}


@pytest.mark.wire
async def test_one_event_tells_once(post: Post, sink: MailSink) -> None:
    """A repeated request, a redelivered event: the notification is there already, also when it was sent."""
    first = await post.tell()
    await post.run_timer()
    post.clock.forward(hours=1)
    assert await post.tell() == first
    await post.run_timer()
    assert len(sink.messages) == 1


@pytest.mark.wire
async def test_two_events_and_two_people_are_told_apart(post: Post, sink: MailSink) -> None:
    """Each has an id of its own."""
    await post.move_in("jordi")
    told = {await post.tell(), await post.tell(subject="another ownership"), await post.tell("jordi")}
    assert len(told) == 3
    assert await post.run_timer() == {"sent": 3}
    assert sorted(received.recipients[0][:5] for received in sink.messages) == ["jordi", "maria", "maria"]


@pytest.mark.wire
async def test_many_workers_at_once_send_once(post: Post, sink: MailSink) -> None:
    """The lease is taken under the item's ETag: one of them gets it."""
    told = await post.tell()
    ends = await asyncio.gather(*(post.deliver(told) for _ in range(8)))
    assert ends.count("sent") == 1
    assert set(ends) <= {"sent", "another worker has it", "nothing to do"}
    assert len(sink.messages) == 1


@pytest.mark.wire
async def test_two_runs_of_the_timer_at_once_send_each_once(post: Post, sink: MailSink) -> None:
    """Two instances of the app, many mails."""
    told = {await post.tell(subject=f"ownership {number}") for number in range(20)}
    await asyncio.gather(post.run_timer(), post.run_timer())
    assert sorted(received.parsed["Message-ID"] for received in sink.messages) == sorted(
        f"<{notification_id}@blue.example>" for notification_id in told
    )


@pytest.mark.wire
async def test_what_is_refused_is_tried_again_until_it_is_sent(post: Post, sink: MailSink) -> None:
    """After a pause, and not before."""
    told = await post.tell()
    sink.refuse_next(3)
    for attempt in range(1, 4):
        assert await post.run_timer() == {"not sent, to be tried again": 1}
        post.clock.now += pause_after(attempt) - timedelta(milliseconds=1)
        assert await post.run_timer() == {}
        post.clock.forward(milliseconds=1)
    assert await post.run_timer() == {"sent": 1}
    assert len(sink.messages) == 1
    assert (await post.item(told))["attempts"] == 4


@pytest.mark.wire
async def test_a_mail_is_never_given_up(post: Post, sink: MailSink, caplog: pytest.LogCaptureFixture) -> None:
    """A mail server that refuses for weeks: an alarm at every attempt, and the mail goes when it takes it."""
    await post.tell()
    attempts = ALARM_AFTER + 200
    sink.refuse_next(attempts, "550 no such box: maria@resident.example")
    for _ in range(attempts):
        await post.run_timer()
        post.clock.now += LONGEST_PAUSE
    alarms = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert len(alarms) == attempts - ALARM_AFTER + 1
    assert "ALARM mail_not_sent: SMTPRecipientsRefused 550" in alarms[0].message
    assert "maria" not in caplog.text
    assert await post.run_timer() == {"sent": 1}


def test_pauses_grow_to_an_hour() -> None:
    """And stay there; the first is longer than sending can take, so that nobody else begins meanwhile."""
    pauses = [pause_after(attempt) for attempt in range(1, 100)]
    assert pauses == sorted(pauses)
    assert pauses[0] == FIRST_PAUSE > timedelta(seconds=SEND_TIMEOUT_S)
    assert pauses[1] == 2 * FIRST_PAUSE
    assert pauses[-1] == pause_after(10**6) == timedelta(hours=1)


@pytest.mark.wire
async def test_an_erased_person_gets_nothing(post: Post, sink: MailSink) -> None:
    """There is no record with an address any more; what waited for them goes too."""
    await create_gate(post.people, "erased", Policy(epoch=1, start=post.clock()))
    await notify("erased", "export_failed", "export", {"requested": post.clock()}, people=post.people, now=post.clock())
    assert await post.run_timer() == {"dropped: there is no such person any more": 1}
    assert sink.messages == []
    left = post.people.query("SELECT c.type FROM c WHERE c.type = 'notification'", partition="erased")
    assert [item async for item in left] == []


@pytest.mark.wire
async def test_who_has_no_address_finds_it_in_the_inbox(post: Post, sink: MailSink) -> None:
    """Nothing is mailed, and it is not tried again; nobody else waits for it."""
    await nameless_person("nameless", database=post.database, now=post.clock())
    notification_id = await post.tell("nameless")
    await post.tell("maria")
    assert await post.run_timer() == {"not mailed: there is no address": 1, "sent": 1}
    post.clock.forward(days=1)
    assert await post.run_timer() == {}
    assert (await post.item(notification_id, "nameless"))["mail"] == "pending"
    assert await post.deliver(notification_id, "nameless") == "nothing to do"
    assert [mail.recipients for mail in sink.messages] == [("maria@resident.example",)]


@pytest.mark.wire
async def test_nobody_is_told_behind_a_tombstone(post: Post) -> None:
    """What happens after an erasure is not written about the person who was erased."""
    await create_gate(post.people, "erased", Policy(epoch=1, start=post.clock(), tombstone=True))
    await notify("erased", "export_failed", "export", {"requested": post.clock()}, people=post.people, now=post.clock())
    assert await post.run_timer() == {}


@pytest.mark.wire
async def test_an_item_that_is_gone_is_nothing_to_do(post: Post, sink: MailSink) -> None:
    """It was erased between the query and the delivery."""
    assert await post.deliver("0" * 32) == "nothing to do"
    assert sink.messages == []


class Stopped(Mailer):
    """A worker that is killed right after the server took the mail."""

    async def send(self, mail: Mail) -> None:
        """Send, and say nothing of it."""
        await super().send(mail)
        raise SystemError("killed")


@pytest.mark.wire
async def test_a_repeat_after_a_crash_has_the_same_message_id(post: Post, sink: MailSink) -> None:
    """SMTP has no transactions: the mail goes again, after the lease, and mail systems can tell."""
    told = await post.tell()
    dying = Stopped.of(sink.address, sender=SENDER, password=None)
    with pytest.raises(SystemError):
        await deliver("maria", told, people=post.people, mailer=dying, now=post.clock)
    assert await post.deliver(told) == "nothing to do"
    post.clock.now += FIRST_PAUSE
    assert await post.deliver(told) == "sent"
    first, second = sink.messages
    assert first.content == second.content


@pytest.mark.wire
async def test_one_that_cannot_be_made_does_not_keep_the_others(post: Post, sink: MailSink) -> None:
    """The fault is raised when all others were tried, so that it is seen."""
    broken = await post.tell()
    item = await post.item(broken)
    await post.people.batch("maria", [Replace(notifications.changed(item, post.clock(), parameters={}), item["_etag"])])
    for number in range(3):
        await post.tell(subject=f"ownership {number}")
    with pytest.raises(Unrenderable):
        await post.run_timer()
    assert len(sink.messages) == 3


@pytest.mark.wire
async def test_a_run_ends_in_time(post: Post, sink: MailSink, monkeypatch: pytest.MonkeyPatch) -> None:
    """A slow mail server: what is left is due the next time."""
    monkeypatch.setattr(notifications, "CONCURRENT_MAILS", 1)
    for number in range(3):
        await post.tell(subject=f"ownership {number}")

    class Slow(Mailer):
        async def send(self, mail: Mail) -> None:
            await super().send(mail)
            post.clock.now += notifications.RUN_LIMIT

    post.mailer = Slow.of(sink.address, sender=SENDER, password=None)
    assert await post.run_timer() == {"sent": 1, "left for the next run": 2}
    post.mailer = Mailer.of(sink.address, sender=SENDER, password=None)
    assert await post.run_timer() == {"sent": 2}


@pytest.mark.wire
async def test_a_run_takes_up_a_bounded_number(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many there are."""
    monkeypatch.setattr(notifications, "DUE_AT_ONCE", 2)
    for number in range(3):
        await post.tell(subject=f"ownership {number}")
    assert [sum((await post.run_timer()).values()) for _ in range(3)] == [2, 1, 0]


@pytest.mark.wire
async def test_a_mail_is_in_the_language_of_the_newest_app(post: Post, sink: MailSink) -> None:
    """As it is when the mail is sent."""
    told = await post.tell()
    await post.install("maria", "old phone", "en-GB")
    post.clock.forward(days=1)
    await post.install("maria", "new phone", "es-ES")
    await post.run_timer()
    [received] = sink.messages
    assert received.parsed["Subject"] == "Se ha vinculado un monitor a su cuenta"
    assert received.parsed["Content-Language"] == "es"
    assert (await post.item(told))["language"] == "es"


@pytest.mark.wire
async def test_a_mail_that_is_read_while_it_is_sent_is_sent_once(post: Post, sink: MailSink) -> None:
    """The app changes the same item: what each of them keeps stays."""
    told = await post.tell()

    class Read(Mailer):
        async def send(self, mail: Mail) -> None:
            await super().send(mail)
            item = await post.item(told)
            await notifications.change(item, people=post.people, now=post.clock(), readAt="2026-11-22T00:00:00.000Z")

    post.mailer = Read.of(sink.address, sender=SENDER, password=None)
    assert await post.deliver(told) == "sent"
    item = await post.item(told)
    assert (item["mail"], item["readAt"]) == ("sent", "2026-11-22T00:00:00.000Z")
    assert "nextAttemptAt" not in item


class Contended(Container):
    """A container in which somebody else changes an item between every read and write."""

    def __init__(self, wrapped: Container) -> None:
        """Over a real one."""
        super().__init__(wrapped.name, wrapped._proxy)

    async def read(self, partition: str, item_id: str) -> Item | None:
        """Read what has changed by the time that it is returned."""
        item = await super().read(partition, item_id)
        if item is not None:
            await super().replace({name: item[name] for name in item if name[0] != "_"}, item["_etag"])
        return item


@pytest.mark.wire
async def test_a_change_that_never_gets_through_is_not_tried_for_ever(post: Post) -> None:
    """It says so instead."""
    item = await post.item(await post.tell())
    with pytest.raises(TimeoutError):
        await notifications.change(item, people=Contended(post.people), now=post.clock(), readAt="now")


@pytest.mark.wire
async def test_a_change_keeps_the_day_of_destruction(post: Post) -> None:
    """A time to live counts from the last write."""
    told = await post.tell()
    before = await post.item(told)
    post.clock.forward(days=100)
    await post.run_timer()
    after = await post.item(told)
    assert after["expiresAt"] == before["expiresAt"]
    assert after["ttl"] == before["ttl"] - 100 * 24 * 3600


@pytest.mark.wire
async def test_no_address_is_kept_in_a_notification(post: Post, sink: MailSink) -> None:
    """It lies with the person's record alone."""
    told = await post.tell()
    sink.refuse_next(1)
    await post.run_timer()
    post.clock.now += FIRST_PAUSE
    waiting: Any = await post.item(told)
    await post.run_timer()
    assert "@" not in str(waiting)
    assert "@" not in str(await post.item(told))


@pytest.mark.wire
@pytest.mark.parametrize(("template", "names"), [("monitor_paired", ["until"]), ("advertisement", ["since"])])
async def test_what_cannot_be_rendered_is_not_stored(post: Post, template: str, names: list[str]) -> None:
    """A fault of ours shows where it is made, and not a day later."""
    with pytest.raises(Unrenderable):
        await notify("maria", template, "x", dict.fromkeys(names, post.clock()), people=post.people, now=post.clock())
    assert await post.run_timer() == {}
