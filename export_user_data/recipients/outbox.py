"""The outbox: notices that are due are sent, again and again until their recipient acknowledges them.

As for mails, the lease of whoever sends and the pause before the next attempt are the same field.
"""

import json
import logging
from collections import Counter
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, Final

from shared import clock
from shared.callers import Recipient
from shared.clock import Clock
from shared.cosmos import Container, Database, Item, Stale, declared
from shared.errors import Problem
from shared.injection import reached
from shared.keys import KeySet, issue_acknowledgement_token
from shared.notifications import deliver_each, pause_after
from shared.recipients import ACKNOWLEDGED, PENDING, item_id, repeat_key
from shared.webhooks import NotHeard, Webhooks

FORMAT: Final = "blue-notice/1"

ALARM_AFTER: Final = 6
"""After so many attempts, about an hour of them, every failure is an alarm."""

REMINDED_AFTER: Final = timedelta(days=1)
"""A recipient that has taken a notice, and has not acknowledged it, is sent it again after this long."""

_CHANGES_TRIED: Final = 5

_log = logging.getLogger("blue.recipients")


class Run:
    """One run of the timer: a recipient that does not answer is not waited for again in it."""

    def __init__(self, *, database: Database, webhooks: Webhooks, keys: KeySet, now: Clock) -> None:
        """Take what sending stands on; the keys are those of the acknowledgements' tokens."""
        self._jobs = database["jobs"]
        self._webhooks = webhooks
        self._keys = keys
        self._now = now
        self._silent: set[str] = set()

    async def tell_due(self) -> Counter[str]:
        """Send what is due, some at a time; return how many came to which end."""

        async def one(item: Item) -> str:
            return await self.tell(item["jobId"], item["id"])

        return await deliver_each(self._jobs, "c.jobId, c.id", one, now=self._now)

    async def tell(self, request_id: str, notice_id: str) -> str:
        """Send one notice if it is due and nobody else is at it; return what became of it, for the log."""
        item = await self._jobs.read(request_id, notice_id)
        if item is None or item["state"] != PENDING or self._now() < clock.moment(item["nextAttemptAt"]):
            return "nothing to do"
        attempt = item["attempts"] + 1
        again_at = clock.text(self._now() + pause_after(attempt))
        is_silent = item["recipient"] in self._silent
        held = _changed(item, self._now(), nextAttemptAt=again_at, **({} if is_silent else {"attempts": attempt}))
        try:
            await self._jobs.replace(held, item["_etag"])
        except Stale:
            return "another worker has it"
        return "put off: the recipient does not answer" if is_silent else await self._send(held)

    async def _send(self, item: Item) -> str:
        name, request_id = item["recipient"], item["jobId"]
        try:
            heard = await self._webhooks.tell(
                name, self._body(item), repeat_key=repeat_key(request_id, item["event"], name)
            )
        except NotHeard as failure:
            if failure.silent:
                self._silent.add(name)
            return _not_heard(failure, item)
        await reached("recipients.heard")
        if heard == "taken":
            later = clock.text(self._now() + REMINDED_AFTER)
            await change(request_id, item["id"], self._jobs, self._now(), nextAttemptAt=later)
            return "taken, to be acknowledged later"
        await acknowledge(Recipient(name, request_id, item["event"]), jobs=self._jobs, now=self._now())
        return "acknowledged"

    def _body(self, item: Item) -> bytes:
        """What the recipient reads; the signature is over these bytes."""
        caller = Recipient(item["recipient"], item["jobId"], item["event"])
        notice = {
            "format": FORMAT,
            **{name: item[name] for name in ("recipient", "event", "categories", "about", "createdAt")},
            "requestId": item["jobId"],
            "acknowledgeWith": issue_acknowledgement_token(caller, keys=self._keys, now=self._now()),
        }
        return json.dumps(notice, ensure_ascii=False).encode()


def _not_heard(failure: NotHeard, item: Item) -> str:
    attempt = item["attempts"]
    level, alarm = (logging.ERROR, "ALARM recipient_silent: ") if attempt >= ALARM_AFTER else (logging.WARNING, "")
    again = pause_after(attempt)
    _log.log(level, "%s%s: %s, attempt %d; again in %s", alarm, item["recipient"], failure, attempt, again)
    return "not heard, to be tried again"


async def acknowledge(caller: Recipient, *, jobs: Container, now: datetime) -> Item:
    """Keep that a recipient has done what a notice tells; what it needed for that is removed. A repeat changes nothing.

    Raises:
        Problem: notice_unknown, when it is kept no more.
    """
    written = await change(
        caller.request_id,
        item_id(caller.event, caller.name),
        jobs,
        now,
        state=ACKNOWLEDGED,
        acknowledgedAt=clock.text(now),
    )
    if written is None:
        raise Problem("notice_unknown")
    return written


async def change(request_id: str, notice_id: str, jobs: Container, now: datetime, **changes: Any) -> Item | None:
    """Change a notice that is pending; one that is acknowledged stays as it is, and None is one that is gone.

    Raises:
        TimeoutError: others kept changing it.
    """
    for _ in range(_CHANGES_TRIED):
        present = await jobs.read(request_id, notice_id)
        if present is None or present["state"] != PENDING:
            return present
        written = _changed(present, now, **changes)
        with suppress(Stale):
            await jobs.replace(written, present["_etag"])
            return written
    raise TimeoutError("a notice kept changing under this change")


def _changed(item: Item, now: datetime, **changes: Any) -> Item:
    written = declared(item) | changes
    if written["state"] == ACKNOWLEDGED:
        written.pop("about", None)
        written.pop("nextAttemptAt", None)
    remaining = clock.moment(written["expiresAt"]) - now
    written["ttl"] = max(1, int(remaining.total_seconds()))  # a TTL counts from the last write
    return written
