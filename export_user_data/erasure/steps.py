"""The job of an erasure, step by step; each may run twice and commits once."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final

from export_user_data.erasure import finding, purging, receipts, scanning, withdrawing
from export_user_data.erasure.narrowing import close_person, leave, narrow, narrow_person
from export_user_data.erasure.plan import OF_MONITORS, Place
from export_user_data.erasure.telling import acknowledged, record_step, send_last_mail, tell_recipients_of
from export_user_data.erasure.tools import Tools
from export_user_data.requests.deciding import close_by_erasure as close_requests
from shared import clock, data_map
from shared.cosmos import Item
from shared.gate import Erased
from shared.injection import reached
from shared.jobs import Later, Lease, Stepped
from shared.recipients import PENDING
from shared.services import Services

KIND: Final = "erasure"

GUARD: Final = timedelta(seconds=10)
"""A batch that read the old marker may commit up to 5 s after it was replaced; nothing is read or purged before."""

WAIT: Final = timedelta(hours=1)
"""How long an erasure waits before it looks again whether what comes before it is over."""

MAIL_PAUSE: Final = timedelta(minutes=15)
MAILS_TRIED: Final = 12
RECIPIENTS_PAUSE: Final = timedelta(days=1)
ROUNDS: Final = 3
"""Purges after which a scan must find nothing; one more finding parks the job, with an alarm."""

_IDENTIFYING: Final = ("identifiers", "places", "personId")


class SomethingLeft(Exception):
    """A scan kept finding what a purge should have taken away; the records, and nothing that says whose."""


async def erase(services: Services, lease: Lease) -> Stepped:
    """Do the next step of an erasure."""
    return await step(Tools.of(services), lease)


async def step(tools: Tools, lease: Lease) -> Stepped:
    """As `erase`, with the tools named one by one."""
    phase = lease.cursor.get("phase", "wait")
    try:
        return await _PHASES[phase](tools, lease)
    except Erased:
        if lease.item["scope"] == "person":
            raise
        await lease.commit(without=("waitsFor", "deviceId", *_IDENTIFYING))  # it went with all of its person
        return None


async def _wait(tools: Tools, lease: Lease) -> Stepped:
    """Let everything come first that goes before an erasure, then close the person's gate."""
    item, now = lease.item, lease.now()
    await record_step(item, "erasure_requested", {"scope": item["scope"]}, tools=tools, now=now)
    waits_for = await finding.waits_for(item, database=tools.database, now=now)
    if waits_for is not None:
        await _keep_waiting(waits_for, lease)
        return Later({"phase": "wait"}, now + WAIT)
    if item["scope"] == "person":
        await close_person(item["personId"], tools=tools, now=now)
        return Later({"phase": "find"}, lease.now() + GUARD)
    if item.get("category") not in {None, *OF_MONITORS}:
        await narrow_person(item, tools=tools, now=now)
    return {"phase": "find"}


async def _keep_waiting(waits_for: str, lease: Lease) -> None:
    """Let the job outlive whatever it waits for: a hold may last for years."""
    expires_at = lease.now() + data_map.retention("jobs", KIND)
    await lease.commit(waitsFor=waits_for, expiresAt=clock.text(expires_at))


async def _find(tools: Tools, lease: Lease) -> Stepped:
    item = lease.item
    if item["scope"] == "person":
        await close_requests(item["personId"], item["jobId"], database=tools.database, now=lease.now())
    found = await finding.identifiers(item, database=tools.database)
    await reached("erasure.found")
    places = [place.written() for place in finding.places(item, found)]
    subject = await finding.ledger_subject(item["personId"], database=tools.database)
    await lease.commit(without=("waitsFor",), identifiers=found, places=places, ledgerSubject=subject)
    return {"phase": "narrow", "at": 0}


async def _narrow(tools: Tools, lease: Lease) -> Stepped:
    """One period of ownership a step, then what the person is a guest of."""
    item, at = lease.item, lease.cursor["at"]
    owned = item["identifiers"]["owned"]
    if at < len(owned):
        await narrow(item, *owned[at], tools=tools, now=lease.now())
        return {"phase": "narrow", "at": at + 1}
    person_id = item["identifiers"]["personId"]
    for guest_id, device_id in item["identifiers"]["guest"]:
        await leave(person_id, guest_id, device_id, database=tools.database, now=lease.now())
    await record_step(item, "erasure_narrowed", {"scope": item["scope"]}, tools=tools, now=lease.now())
    await lease.commit(narrowedAt=item.get("narrowedAt") or clock.text(lease.now()))
    return Later({"phase": "count", "at": 0}, lease.now() + GUARD)


async def _count(tools: Tools, lease: Lease) -> Stepped:
    """Count what there is to erase, one place a step: nothing is added any more, and nothing gone yet."""
    item, at = lease.item, lease.cursor["at"]
    if at < len(item["places"]):
        counted = await finding.held([_place(item, at)], database=tools.database)
        known = dict(lease.cursor.get("held", {}))
        for name, count in counted.items():
            known[name] = known.get(name, 0) + count
        return {"phase": "count", "at": at + 1, "held": known}
    await lease.commit(held=lease.cursor.get("held", {}))
    return {"phase": "purge", "at": 0, "round": 1}


async def _purge(tools: Tools, lease: Lease) -> Stepped:
    """A bounded number of pages a step; the look-ups by which the person is found go before the person."""
    item, cursor = lease.item, lease.cursor
    waits_for = await finding.held_by(item, database=tools.database, now=lease.now())
    if waits_for is not None:  # a legal hold that came while this was under way
        await _keep_waiting(waits_for, lease)
        return Later(cursor, lease.now() + WAIT)
    if "waitsFor" in item:
        await lease.commit(without=("waitsFor",))
    if cursor["at"] == 0:
        await purging.purge_elsewhere(item, item["identifiers"], tools=tools, now=lease.now())
    if cursor["at"] < len(item["places"]):
        is_empty = await purging.purge(_place(item, cursor["at"]), item, tools=tools)
        await reached("erasure.purged")
        return cursor | {"at": cursor["at"] + 1} if is_empty else cursor
    purged_at = clock.text(lease.now())
    if item["scope"] != "person":  # whose copies went with their jobs
        await withdrawing.withdraw(item["personId"], tools=tools, now=lease.now())
    return Later({"phase": "scan", "round": cursor["round"], "purgedAt": purged_at}, lease.now() + GUARD)


async def _scan(tools: Tools, lease: Lease) -> Stepped:
    item, rounds = lease.item, lease.cursor["round"]
    left = await scanning.leftovers(item, item["identifiers"], tools=tools)
    if left and rounds < ROUNDS:
        return {"phase": "purge", "at": 0, "round": rounds + 1}
    if left:
        raise SomethingLeft(f"after {rounds} purges: {sorted(set(left))}")
    await reached("erasure.scanned")
    erased_at = item.get("erasedAt") or clock.text(lease.now())
    await lease.commit(erasedAt=erased_at, lapsesAt=receipts.lapses_at(erased_at))
    return {"phase": "tell"}


async def _tell(tools: Tools, lease: Lease) -> Stepped:
    """Tell ledger and recipients, and last of all the person; then forget under which names it all lay."""
    item, now = lease.item, lease.now()
    total = sum(item["held"].values())
    await record_step(item, "erasure_scanned", {"items": total}, tools=tools, now=now)
    await tell_recipients_of(item, tools=tools, now=now)
    tried = item.get("mailsTried", 0) + 1
    told = await send_last_mail(item, tools=tools, now=now)
    await reached("erasure.told")
    if not told and tried < MAILS_TRIED:
        await lease.commit(mailsTried=tried)
        return Later({"phase": "tell"}, now + MAIL_PAUSE)
    claims = await _claims(item | {"told": told}, is_complete=False, tools=tools)
    forgotten = _IDENTIFYING if item["scope"] == "person" else _IDENTIFYING[:2]
    # With the cursor in one commit: who comes next has no names any more, and must not need them.
    at = {"phase": "complete"}
    await lease.commit(without=forgotten, told=told, receipt=receipts.signed(claims, tools.keys), cursor=at)
    await reached("erasure.forgotten")
    return Later(at, clock.moment(item["lapsesAt"]))


async def _complete(tools: Tools, lease: Lease) -> Stepped:
    """The receipt is complete once the places outside have let go, and every recipient has said that it knows."""
    item, now = lease.item, lease.now()
    if lease.cursor.get("signed"):
        return await _record_receipt(tools, lease)
    claims = await _claims(item, is_complete=True, tools=tools)
    if any(one["state"] == PENDING for one in claims["recipients"]):
        return Later({"phase": "complete"}, now + RECIPIENTS_PAUSE)
    at = {"phase": "complete", "signed": True}
    await lease.commit(receipt=receipts.signed(claims, tools.keys), cursor=at)
    await reached("erasure.signed")
    return at


async def _record_receipt(tools: Tools, lease: Lease) -> Stepped:
    """The hash of the very receipt that is stored: signed again it would be another one."""
    item = lease.item
    if "ledgerSubject" in item:
        hashed = {"hash": receipts.hash_of(item["receipt"])}
        await record_step(item, "erasure_completed", hashed, tools=tools, now=lease.now())
        await lease.commit(without=("ledgerSubject",))
    return None


async def _claims(item: Item, *, is_complete: bool, tools: Tools) -> receipts.Claims:
    recipients = await acknowledged(item, tools=tools)
    return receipts.claims_of(item, is_complete=is_complete, recipients=recipients)


def _place(item: Item, at: int) -> Place:
    return Place.read(item["places"][at])


_PHASES: Final[dict[str, Callable[[Tools, Lease], Awaitable[Stepped]]]] = {
    "wait": _wait,
    "find": _find,
    "narrow": _narrow,
    "count": _count,
    "purge": _purge,
    "scan": _scan,
    "tell": _tell,
    "complete": _complete,
}
