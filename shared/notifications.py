"""Notifications: what a person is told, in the app at once and by mail as soon as a mail server takes it.

The stored item is inbox and outbox in one. Its id is derived from what it is about, and it is created once, so one
event tells once however often it is repeated. While its mail is pending it has a time of the next attempt; whoever
sends moves that time on under the item's ETag first, and so holds it: the lease and the pause before the next attempt
are the same field. A mail is never given up: pauses grow to an hour, and there is an alarm.
"""

import asyncio
import contextlib
import hashlib
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any, Final

from shared import clock, data_map
from shared.clock import Clock
from shared.cosmos import BatchFailed, Conflict, Container, Create, Delete, Item, Stale
from shared.gate import Erased, write_behind_gate
from shared.kept_items import rewritten
from shared.mail import SEND_TIMEOUT_S, Mail, Mailer, NotSent
from shared.templates import Language, checked, language_of, rendered

FIRST_PAUSE: Final = timedelta(seconds=4 * SEND_TIMEOUT_S)
"""Also the shortest lease: nobody else begins while a mail may still be on its way, slow as the database may be too."""

LONGEST_PAUSE: Final = timedelta(hours=1)
ALARM_AFTER: Final = 6
"""After so many attempts, about an hour of them, every failure is an alarm."""

DUE_AT_ONCE: Final = 256
"""Notifications that one run of the timer takes up; it finds the rest the next time."""

CONCURRENT_MAILS: Final = 8
RUN_LIMIT: Final = timedelta(minutes=1)
"""A run begins no mail after this long, so that it ends well within an invocation however slow the server is."""

_CHANGES_TRIED: Final = 5

_log = logging.getLogger("blue.notifications")


def item_id(notification_id: str) -> str:
    """Id of the stored item."""
    return f"notification:{notification_id}"


async def notify(
    person_id: str,
    template: str,
    subject_id: str,
    parameters: Mapping[str, datetime],
    *,
    people: Container,
    now: datetime,
) -> str:
    """Tell a person something, once per template and subject; return the notification's id. A repeat changes nothing.

    Raises:
        Unrenderable: the parameters are not those that the template declares.
    """
    written = {name: clock.text(moment) for name, moment in parameters.items()}
    checked(template, written)
    # All of these are random ids of ours, so the hash, which mail servers see in the Message-ID, says nothing.
    notification_id = hashlib.sha256(f"{person_id}\n{template}\n{subject_id}".encode()).hexdigest()[:32]
    retention = data_map.retention("people", "notification")
    item = {
        "id": item_id(notification_id),
        "type": "notification",
        "personId": person_id,
        "notificationId": notification_id,
        "template": template,
        "subjectId": subject_id,
        "parameters": written,
        "createdAt": clock.text(now),
        "mail": "pending",
        "attempts": 0,
        "nextAttemptAt": clock.text(now),
        "expiresAt": clock.text(now + retention),
        "ttl": int(retention.total_seconds()),
    }
    with contextlib.suppress(Conflict, Erased):  # told already; or there is nobody left to tell
        await write_behind_gate(people, person_id, [Create(item)])
    return notification_id


async def deliver_due(*, people: Container, mailer: Mailer, now: Clock) -> Counter[str]:
    """Send what is due, some at a time; return how many came to which end. A fault of one does not keep the others.

    Raises:
        Exception: the first fault that was not one of mail, after all others were tried.
    """

    async def one(item: Item) -> str:
        return await deliver(item["personId"], item["notificationId"], people=people, mailer=mailer, now=now)

    return await deliver_each(people, "c.personId, c.notificationId", one, now=now)


async def deliver_each(
    outbox: Container, fields: str, send: Callable[[Item], Awaitable[str]], *, now: Clock
) -> Counter[str]:
    """Send what is due in a container, as `deliver_due` says; of each item `send` gets these fields."""
    # The one query over all partitions: its index holds nothing but what is pending.
    query = f"SELECT {fields} FROM c WHERE c.nextAttemptAt <= @now"  # noqa: S608 - the fields are ours
    due: list[Item] = []
    async for item in outbox.query(query, {"now": clock.text(now())}):
        due.append(item)
        if len(due) == DUE_AT_ONCE:
            break
    limit, last_start = asyncio.Semaphore(CONCURRENT_MAILS), now() + RUN_LIMIT

    async def one(item: Item) -> str:
        async with limit:
            if now() >= last_start:
                return "left for the next run"
            return await send(item)

    ends = await asyncio.gather(*(one(item) for item in due), return_exceptions=True)
    faults = [end for end in ends if isinstance(end, BaseException)]
    if faults:
        raise faults[0]
    return Counter(end for end in ends if isinstance(end, str))


async def deliver(person_id: str, notification_id: str, *, people: Container, mailer: Mailer, now: Clock) -> str:
    """Send one notification's mail if it is due and nobody else is at it; return what became of it, for the log.

    SMTP has no transactions: a worker that is killed after the server took the mail and before that was committed
    leaves it pending, and the next one sends it again. It cannot be avoided, only be recognised: the repeat has the
    same Message-ID, by which mail systems drop the second one.
    """
    item = await people.read(person_id, item_id(notification_id))
    if item is None or "nextAttemptAt" not in item or now() < clock.moment(item["nextAttemptAt"]):
        return "nothing to do"
    attempt = item["attempts"] + 1
    try:
        held = changed(item, now(), attempts=attempt, nextAttemptAt=clock.text(now() + pause_after(attempt)))
        await people.replace(held, item["_etag"])
    except Stale:
        return "another worker has it"
    person = await people.read(person_id, "person")
    if person is None:
        await _drop(held, people=people)
        return "dropped: there is no such person any more"
    if "email" not in person:
        await change(held, people=people, now=now(), nextAttemptAt=None)
        return "not mailed: there is no address"
    language = await language_for(person_id, people=people)
    try:
        await mailer.send(_mail(held, str(person["email"]), language))
    except NotSent as failure:
        return not_sent(failure, attempt)
    await change(held, people=people, now=now(), mail="sent", sentAt=clock.text(now()), language=language.value)
    return "sent"


def not_sent(failure: NotSent, attempt: int) -> str:
    """Log why an attempt failed, from some number on as an alarm; return what became of the mail."""
    level, alarm = (logging.ERROR, "ALARM mail_not_sent: ") if attempt >= ALARM_AFTER else (logging.WARNING, "")
    _log.log(level, "%s%s, attempt %d; again in %s", alarm, failure, attempt, pause_after(attempt))
    return "not sent, to be tried again"


def pause_after(attempt: int) -> timedelta:
    """From the begin of an attempt to the next one."""
    doublings = min(attempt - 1, 10)  # far beyond the longest pause, and no overflow after years
    return min(FIRST_PAUSE * (1 << doublings), LONGEST_PAUSE)


async def language_for(person_id: str, *, people: Container) -> Language:
    """The language of the app that the person registered or refreshed last."""
    query = "SELECT c.language, c.updatedAt FROM c WHERE c.type = 'appInstallation'"
    installations = [item async for item in people.query(query, partition=person_id)]
    newest = max(installations, key=lambda item: str(item["updatedAt"]), default={"language": None})
    return language_of(newest["language"])


def changed(item: Item, now: datetime, **changes: Any) -> Item:
    """The item with changes; what is sent or cannot be has no next attempt, and so leaves the index of what is due."""
    written = rewritten(item, now=now) | changes
    if written["mail"] == "sent" or written.get("nextAttemptAt") is None:
        written.pop("nextAttemptAt", None)
    return written


async def change(item: Item, *, people: Container, now: datetime, **changes: Any) -> Item | None:
    """Change a stored notification whoever else changes other fields of it; None when it is gone.

    Raises:
        TimeoutError: others kept changing it.
    """
    for _ in range(_CHANGES_TRIED):
        present = await people.read(item["personId"], item["id"])
        if present is None:
            return None
        written = changed(present, now, **changes)
        try:
            await people.replace(written, present["_etag"])
        except Stale:
            continue
        return written
    raise TimeoutError("a notification kept changing under this change")


def _mail(item: Item, recipient: str, language: Language) -> Mail:
    text = rendered(item["template"], item["parameters"], language)
    return Mail(
        message_id=item["notificationId"],
        recipient=recipient,
        subject=text.subject,
        body=text.body,
        language=language.value,
        written_at=clock.moment(item["createdAt"]),
    )


async def _drop(item: Item, *, people: Container) -> None:
    try:
        await people.batch(item["personId"], [Delete(item["id"])])
    except BatchFailed as failed:
        if failed.status != HTTPStatus.NOT_FOUND:
            raise
