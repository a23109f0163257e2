"""Support cases: while one is open, the device's performance data is collected, and at no other time."""

from datetime import datetime, timedelta

from register_device.contract.support import SupportCase
from register_device.devices import owned_device
from shared import clock
from shared.cosmos import Database, Item, Stale, declared
from shared.data_map import Category
from shared.errors import Problem
from shared.gate import WINDOWS_KEPT, NarrowingJournal, Window, change_policy, load_policy
from shared.ledger import THE_PERSON, Step, record_about
from shared.notifications import notify
from shared.people import new_id


async def open_case(
    person_id: str, device_id: str, days: int, *, database: Database, journal: NarrowingJournal, now: datetime
) -> SupportCase:
    """Open a case on one's own device. The monitor learns of it when it next renews its token.

    Raises:
        Problem: device_not_yours or support_cases_too_many.
    """
    device = await owned_device(person_id, device_id, database=database)
    windows = (await load_policy(database["telemetry"], device["ownershipId"])).windows
    open_windows = [window for window in windows.get(Category.PERFORMANCE.value, ()) if window.holds(now)]
    if len(open_windows) >= WINDOWS_KEPT:  # one more would end another
        raise Problem("support_cases_too_many")
    case_id = new_id()
    expires_at = now + timedelta(days=days)
    item = {
        "id": f"case:{case_id}",
        "type": "supportCase",
        "deviceId": device_id,
        "caseId": case_id,
        "ownershipId": device["ownershipId"],
        "openedAt": clock.text(now),
        "caseExpiresAt": clock.text(expires_at),
    }
    await database["devices"].create(item)  # the ground, and the word to its owner, come before what it allows
    details: dict[str, str | int] = {"caseId": case_id, "ownershipId": device["ownershipId"], "days": days}
    opened = Step(case_id, "support_case_opened", THE_PERSON, details)
    await record_about(person_id, opened, database=database, now=now)
    moments = {"since": now, "until": expires_at}
    await notify(person_id, "support_case_opened", case_id, moments, people=database["people"], now=now)
    window = Window(now, expires_at)
    await change_policy(
        database["telemetry"],
        device["ownershipId"],
        lambda policy: policy.with_window(Category.PERFORMANCE.value, window),
        journal=journal,
        now=now,
    )
    return _view(item)


async def close_case(
    person_id: str, device_id: str, case_id: str, *, database: Database, journal: NarrowingJournal, now: datetime
) -> SupportCase:
    """Close a case. Closing it again changes nothing.

    Whatever is decided after the answer stores nothing under the case: not what the monitor still sends with the token
    that it has, nor what lies in the hub, since the gate refuses both. A write that was decided before may still end
    within the 5 s that the server gives a batch.

    Raises:
        Problem: device_not_yours or support_case_unknown.
    """
    device = await owned_device(person_id, device_id, database=database)
    item = await database["devices"].read(device_id, f"case:{case_id}")
    if item is None or item["ownershipId"] != device["ownershipId"]:
        raise Problem("support_case_unknown")
    if "closedAt" in item:
        return _view(item)
    begun = clock.moment(item["openedAt"])
    await change_policy(
        database["telemetry"],
        device["ownershipId"],
        lambda policy: policy.without_window(Category.PERFORMANCE.value, begun),
        journal=journal,
        now=now,
    )
    step = Step(case_id, "support_case_closed", THE_PERSON, {"caseId": case_id, "ownershipId": device["ownershipId"]})
    await record_about(person_id, step, database=database, now=now)
    await notify(person_id, "support_case_closed", case_id, {"until": now}, people=database["people"], now=now)
    closed = declared(item) | {"closedAt": clock.text(now)}
    try:
        await database["devices"].replace(closed, item["_etag"])
    except Stale:  # closed twice at once
        item = await database["devices"].read(device_id, f"case:{case_id}")
        if item is None:
            raise
        return _view(item)
    return _view(closed)


def _view(item: Item) -> SupportCase:
    return SupportCase(
        case_id=item["caseId"],
        device_id=item["deviceId"],
        opened_at=clock.moment(item["openedAt"]),
        expires_at=clock.moment(item["caseExpiresAt"]),
        closed_at=clock.moment(item["closedAt"]) if "closedAt" in item else None,
    )
