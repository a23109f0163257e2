"""Asking for an erasure: a plan that says what will become of everything, its confirmation, and how far it is."""

import hmac
from contextlib import suppress
from datetime import datetime, timedelta
from secrets import token_hex
from typing import Any, Final

from export_user_data.erasure import finding, plan
from export_user_data.erasure.contract import Erasure, ErasurePlan, ErasureRequest, Erasures, Fate, OutsidePlace
from shared import clock
from shared.callers import Role
from shared.cosmos import Conflict, Container, Create, Database, Item
from shared.data_map import CATEGORIES, Category
from shared.errors import Problem
from shared.gate import Erased, write_behind_gate
from shared.hubs import Hub
from shared.injection import reached
from shared.jobs import start_job
from shared.keys import KeySet, keyed_id
from shared.ledger import Step, record_about, staff

KIND: Final = "erasure"
CONFIRM_WITHIN: Final = timedelta(minutes=10)
_AUDIENCE: Final = "blue-erasure"


async def plan_erasure(
    person_id: str,
    request: ErasureRequest,
    *,
    database: Database,
    keys: KeySet,
    now: datetime,
    by_staff: str | None = None,
) -> ErasurePlan:
    """What it would do, and a word to confirm it with. Nothing is stored, and nothing happens without that.

    The word is good for who was shown the plan: the person, or the member of staff who acts for them.

    Raises:
        Problem: category_not_erasable; field_missing; device_not_yours.
    """
    _check(request)
    wanted = {"personId": person_id, **_wanted(request)}
    found = await finding.identifiers(wanted, database=database)
    if request.device_id is not None and not found["owned"]:
        raise Problem("device_not_yours")
    expires = now + CONFIRM_WITHIN
    claims = {
        "aud": _AUDIENCE,
        "sub": person_id,
        "jti": token_hex(16),
        "exp": int(expires.timestamp()),
        "wanted": _wanted(request),
        **({"staff": by_staff} if by_staff is not None else {}),
    }
    return ErasurePlan(
        scope=request.scope,
        device_id=request.device_id,
        category=request.category,
        fate=[_fate(*one) for one in plan.fate(request.scope, request.category)],
        outside=[_outside(place) for place in plan.outside()],
        waits_for=await finding.held_or_asked(wanted, database=database, now=now),
        confirmation=keys.sign(claims),
        confirm_until=expires,
    )


def _check(request: ErasureRequest) -> None:
    if request.scope == "category" and request.category is None:
        raise Problem("field_missing", pointer="/category")
    if request.scope == "device" and request.device_id is None:
        raise Problem("field_missing", pointer="/deviceId")
    if request.scope != "category" and request.category is not None:
        raise Problem("field_unknown", pointer="/category")
    if request.scope == "person" and request.device_id is not None:
        raise Problem("field_unknown", pointer="/deviceId")
    if request.category is not None and request.category not in plan.ERASABLE:
        raise Problem("category_not_erasable", pointer="/category")
    if request.device_id is not None and request.category not in {None, *plan.OF_MONITORS}:
        raise Problem("field_unknown", pointer="/deviceId")


def _wanted(request: ErasureRequest) -> dict[str, str]:
    optional = {"deviceId": request.device_id, "category": request.category}
    return {"scope": request.scope, **{name: str(value) for name, value in optional.items() if value is not None}}


async def confirm(
    person_id: str,
    confirmation: str,
    *,
    database: Database,
    keys: KeySet,
    identity_key: bytes,
    hub: Hub,
    now: datetime,
    by_staff: str | None = None,
) -> Erasure:
    """Begin the erasure that a plan described. A repeat begins nothing anew, and answers the same.

    Raises:
        Problem: confirmation_invalid, when it is none, somebody else's, or older than ten minutes.
    """
    claims = _confirmed(person_id, confirmation, keys=keys, now=now, by_staff=by_staff)
    erasure_id = claims["jti"]
    asked = {"erasureId": erasure_id, "requestedAt": clock.text(now)}
    request = {"id": f"erasure:{erasure_id}", "type": "erasureRequest", "personId": person_id, **asked}
    with suppress(Conflict, Erased):  # a repeat; or the person's own erasure has begun
        await write_behind_gate(database["people"], person_id, [Create(request)])
    if by_staff is not None:  # before its worker says that the person asked: the first word counts
        asked_for = {"erasureId": erasure_id, "scope": claims["wanted"]["scope"]}
        step = Step(erasure_id, "erasure_requested", staff(Role.PRIVACY, by_staff), asked_for)
        with suppress(Erased):
            await record_about(person_id, step, database=database, now=now)
    await reached("erasure.requested")
    item = await start_job(
        KIND,
        person_id,
        {**claims["wanted"], "through": clock.text(now)},
        jobs=database["jobs"],
        hub=hub,
        now=now,
        job_id=erasure_id,
    )
    return _view(item, code=_receipt_code(erasure_id, identity_key))


def confirmed_id(person_id: str, confirmation: str, *, keys: KeySet, now: datetime, by_staff: str | None = None) -> str:
    """The id of the erasure that a word confirms.

    Raises:
        Problem: confirmation_invalid.
    """
    return str(_confirmed(person_id, confirmation, keys=keys, now=now, by_staff=by_staff)["jti"])


def _confirmed(
    person_id: str, confirmation: str, *, keys: KeySet, now: datetime, by_staff: str | None
) -> dict[str, Any]:
    try:
        claims = keys.verify(confirmation, audience=_AUDIENCE, now=now)
    except Problem as problem:
        raise Problem("confirmation_invalid") from problem
    if not hmac.compare_digest(str(claims["sub"]), person_id) or claims.get("staff") != by_staff:
        raise Problem("confirmation_invalid")
    return claims


def _receipt_code(erasure_id: str, identity_key: bytes) -> str:
    """A secret that goes with the erasure for ever, and that nothing stored tells."""
    return keyed_id(identity_key, "erasure-receipt", erasure_id)


async def erasures(person_id: str, *, database: Database) -> Erasures:
    """What the person asked for, newest first. An erasure of everything is not among them: there is nobody then."""
    query = "SELECT * FROM c WHERE c.type = 'erasureRequest'"
    asked = [one async for one in database["people"].query(query, partition=person_id)]
    asked.sort(key=lambda one: str(one["requestedAt"]), reverse=True)
    items = [await database["jobs"].read(one["erasureId"], one["erasureId"]) for one in asked]
    return Erasures(erasures=[_view(item) for item in items if item is not None])


async def own_erasure(person_id: str, erasure_id: str, *, database: Database) -> Erasure:
    """How far an erasure of the caller's is.

    Raises:
        Problem: erasure_unknown, also when it is somebody else's.
    """
    item = await database["jobs"].read(erasure_id, erasure_id)
    if item is None or item["type"] != KIND or item.get("personId") != person_id:
        raise Problem("erasure_unknown")
    return _view(item)


async def erasure_by_code(erasure_id: str, code: str, *, jobs: Container, identity_key: bytes) -> Erasure:
    """How far an erasure is, with its receipt, for whoever has its code: the person has no account any more.

    Raises:
        Problem: erasure_unknown, whichever of the two is wrong.
    """
    is_right = hmac.compare_digest(_receipt_code(erasure_id, identity_key), code)
    item = await jobs.read(erasure_id, erasure_id) if is_right else None
    if item is None:
        raise Problem("erasure_unknown")
    return _view(item)


def _view(item: Item, *, code: str | None = None) -> Erasure:
    return Erasure.model_validate(
        {
            "erasureId": item["jobId"],
            "scope": item["scope"],
            "deviceId": item.get("deviceId"),
            "category": item.get("category"),
            "state": _state(item),
            "waitsFor": item.get("waitsFor"),
            "requestedAt": item["createdAt"],
            "narrowedAt": item.get("narrowedAt"),
            "erasedAt": item.get("erasedAt"),
            "completeAt": item.get("lapsesAt"),
            "receipt": item.get("receipt"),
            "receiptCode": code,
        }
    )


def _state(item: Item) -> str:
    if item["state"] in {"done", "parked"}:
        return {"done": "complete", "parked": "failed"}[item["state"]]
    if "erasedAt" in item:
        return "erased"
    return "waiting" if "waitsFor" in item else "running"


def _fate(category: Category, becomes: str) -> Fate:
    rule = CATEGORIES[category]
    is_blocked = becomes == "block"
    return Fate.model_validate(
        {
            "category": category.value,
            "becomes": becomes,
            "blockedForDays": rule.blocked_for.days if is_blocked and rule.blocked_for else None,
            "why": rule.blocked_why if is_blocked else None,
        }
    )


def _outside(place: plan.Outside) -> OutsidePlace:
    return OutsidePlace(
        place=place.place, about=place.about, what_happens=place.what_happens, lapse_days=place.lapse_days
    )
