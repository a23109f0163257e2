"""Corrections of the person's own values: the address follows the sign-in, a region the owner."""

from datetime import datetime

from export_user_data.periods import present_period
from export_user_data.rectification.contract import Rectification, RectificationRequest, Rectifications
from shared import clock
from shared.callers import Resident
from shared.cosmos import Database, Item
from shared.errors import Problem
from shared.people import own_record
from shared.rectifying import Correction, Field, Means, person_correction, rectifications, rectify

_DEVICE = "device"


async def request_correction(
    caller: Resident, request: RectificationRequest, *, means: Means, now: datetime
) -> Rectification:
    """Correct what is asked for; a repeat completes what was cut off, and answers as before.

    Raises:
        Problem: nothing_to_rectify; device_not_yours; busy; email_not_verified, when the sign-in vouches for none.
    """
    if request.device_id is not None and request.region is not None:
        correction = await region_correction(caller.person_id, request.device_id, request.region, means=means)
    else:
        correction = await _address(caller, means=means, now=now)
    record = await rectify(caller.person_id, correction, means=means, now=now)
    if record is None:
        raise Problem("nothing_to_rectify")
    return view(record)


async def list_corrections(person_id: str, *, database: Database) -> Rectifications:
    """What the person has corrected, the newest first."""
    found = await rectifications(person_id, database=database)
    return Rectifications(rectifications=[view(record) for record in found])


def view(record: Item) -> Rectification:
    """A correction without its values."""
    return Rectification(
        rectification_id=record["rectificationId"],
        field=record["field"],
        subject_id=record["subjectId"],
        state="under_way" if "pendingSince" in record else "done",
        at=clock.moment(record["createdAt"]),
        done_at=clock.moment(record["doneAt"]) if "doneAt" in record else None,
    )


async def _address(caller: Resident, *, means: Means, now: datetime) -> Correction:
    if caller.email is None:
        raise Problem("email_not_verified")
    person = await own_record(caller, database=means.database, now=now)
    return person_correction(caller.person_id, person["email"], caller.email)


async def region_correction(person_id: str, device_id: str, region: str, *, means: Means) -> Correction:
    """The region of a device that is the person's now.

    Raises:
        Problem: device_not_yours.
    """
    period = await present_period(person_id, device_id, database=means.database)
    return Correction(
        field=Field.REGION,
        subject_id=period.ownership_id,
        container="devices",
        partition=device_id,
        item_id=_DEVICE,
        value=region,
        about={"deviceId": device_id, "region": region},
    )
