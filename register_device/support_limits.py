"""How many support cases a device may have, and how one is stored so that of several at once each counts the others.

Whoever makes or opens a case has read the device before its cases, and replaces it by itself in the same batch: had
another one made or opened a case meanwhile, the batch fails as a whole.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any, Final

from register_device.contract.support import CaseState
from register_device.support_record import answer_by, state_of
from shared import clock
from shared.cosmos import BatchFailed, Container, Create, Item, Operation, Replace, Stale, declared
from shared.errors import Problem
from shared.policy import WINDOWS_KEPT

CASES_A_DAY: Final = 20
"""Cases that are made of one device within a day, those that were closed and those of owners before included."""

ASKED_AGAIN_AFTER: Final = timedelta(days=7)
"""How long support staff leave an owner alone who declined, or did not answer."""

TRIES: Final = 20

_CASES: Final = "SELECT * FROM c WHERE c.type = 'supportCase'"
_DAY: Final = timedelta(days=1)
_MILLISECOND: Final = timedelta(milliseconds=1)


async def stored_cases(device_id: str, *, devices: Container) -> list[Item]:
    """All cases of a device, also those of owners before, the oldest first."""
    found = [case async for case in devices.query(_CASES, partition=device_id)]
    return sorted(found, key=lambda case: (str(case["createdAt"]), str(case["caseId"])))


async def store_counted(device: Item, operations: Iterable[Create | Replace], *, devices: Container) -> None:
    """Do all operations, unless the device has changed since it was read, or an item of them has.

    Raises:
        Stale: so it was; what was counted may not be true any more.
    """
    unchanged: Operation = Replace(declared(device), device["_etag"])
    try:
        await devices.batch(device["deviceId"], [unchanged, *operations])
    except BatchFailed as failed:
        if failed.status not in {HTTPStatus.CONFLICT, HTTPStatus.PRECONDITION_FAILED, HTTPStatus.NOT_FOUND}:
            raise
        raise Stale("support case") from failed


def check_day(cases: Iterable[Item], now: datetime) -> None:
    """Refuse more cases of a device than one may have in a day.

    Raises:
        Problem: support_cases_too_many.
    """
    if sum(now < clock.moment(case["createdAt"]) + _DAY for case in cases) >= CASES_A_DAY:
        raise Problem("support_cases_too_many")


def check_room(cases: Iterable[Item], now: datetime) -> None:
    """Refuse one more open case of an ownership than its policy has windows for: it would end another.

    Raises:
        Problem: support_cases_too_many.
    """
    if sum(state_of(case, now) is CaseState.OPEN for case in cases) >= WINDOWS_KEPT:
        raise Problem("support_cases_too_many")


def check_asking(asked: Iterable[Item], now: datetime) -> None:
    """Refuse to ask the owner again who declined lately, or let a question lapse.

    Raises:
        Problem: support_case_declined_lately.
    """
    for case in asked:
        state = state_of(case, now)
        declined = state is CaseState.DECLINED and now < clock.moment(case["declinedAt"]) + ASKED_AGAIN_AFTER
        if declined or (state is CaseState.LAPSED and now < answer_by(case) + ASKED_AGAIN_AFTER):
            raise Problem("support_case_declined_lately")


def opened(days: int, cases: Iterable[Item], now: datetime) -> dict[str, Any]:
    """What a case has from when its owner opens it or agrees to it: its days count from then.

    It ends a little earlier than another that began with it, so that each has a window of its own to be closed.
    """
    taken = {(case.get("openedAt"), case.get("caseExpiresAt")) for case in cases}
    opened_at, end = clock.text(now), now + timedelta(days=days)
    while (opened_at, clock.text(end)) in taken:
        end -= _MILLISECOND
    return {"openedAt": opened_at, "caseExpiresAt": clock.text(end)}
