"""The record of a support case: how far it is follows from its times when it is read."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from register_device.contract.support import CaseState, SupportCase
from shared import clock, data_map
from shared.cosmos import Item
from shared.kept_items import rewritten
from shared.policy import Window

ANSWERED_WITHIN: Final = timedelta(days=14)
"""A question that nobody answered by then lapses."""


def state_of(case: Item, now: datetime) -> CaseState:
    """How far a case is: it follows from its times."""
    if "closedAt" in case:
        return CaseState.CLOSED
    if "declinedAt" in case:
        return CaseState.DECLINED
    if "openedAt" in case:
        return CaseState.OPEN if now < clock.moment(case["caseExpiresAt"]) else CaseState.EXPIRED
    return CaseState.ASKED if now < answer_by(case) else CaseState.LAPSED


def answer_by(case: Item) -> datetime:
    """When the question for a case lapses."""
    return clock.moment(case["createdAt"]) + ANSWERED_WITHIN


def new_case(device: Item, case_id: str, *, days: int, asked_by: str, now: datetime) -> Item:
    """A case that nobody has agreed to yet."""
    case = {
        "id": f"case:{case_id}",
        "type": "supportCase",
        "deviceId": device["deviceId"],
        "caseId": case_id,
        "ownershipId": device["ownershipId"],
        "askedBy": asked_by,
        "days": days,
        "createdAt": clock.text(now),
    }
    return dated(case, now)


def dated(item: Item, now: datetime) -> Item:
    """The item with the end of its retention; a TTL counts from the last write."""
    record = data_map.record("devices", item["type"])
    expires_at = clock.moment(item[str(record.dated_from)]) + data_map.retention("devices", item["type"])
    return rewritten(item, now=now, expires_at=expires_at)


def case_details(case: Item, **more: str | int) -> Mapping[str, str | int]:
    """What the ledger says of a case."""
    return {"caseId": case["caseId"], "ownershipId": case["ownershipId"], **more}


def view(case: Item, *, now: datetime, taken_out: dict[str, int] | None = None) -> SupportCase:
    """What is told of a case; nothing in it says whose it is."""
    moments = {name: clock.moment(case[name]) for name in ("openedAt", "declinedAt", "closedAt") if name in case}
    return SupportCase(
        case_id=case["caseId"],
        device_id=case["deviceId"],
        state=state_of(case, now),
        asked_by=case["askedBy"],
        purpose=case.get("purpose"),
        days=case["days"],
        created_at=clock.moment(case["createdAt"]),
        answer_by=answer_by(case) if case["askedBy"] == "support" else None,
        opened_at=moments.get("openedAt"),
        expires_at=clock.moment(case["caseExpiresAt"]) if "caseExpiresAt" in case else None,
        declined_at=moments.get("declinedAt"),
        closed_at=moments.get("closedAt"),
        taken_out=taken_out,
    )


def log_of(case: Item, log: str, *, now: datetime) -> Item:
    """The log that was given with a case, scrubbed before anything of it is stored."""
    from shared.scrubbing import scrubbed  # noqa: PLC0415 - no cold start waits for its patterns

    text, taken_out = scrubbed(log)
    named = {name: case[name] for name in ("deviceId", "caseId", "ownershipId")}
    item = {"id": f"log:{case['caseId']}", "type": "supportLog", **named, "text": text, "takenOut": dict(taken_out)}
    return dated(item | {"receivedAt": clock.text(now)}, now)


def window_of(case: Item) -> Window:
    """The time during which a case that was opened collects."""
    return Window(clock.moment(case["openedAt"]), clock.moment(case["caseExpiresAt"]))
