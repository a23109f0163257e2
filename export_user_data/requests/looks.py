"""Staff look for the requests of somebody, or those of a file; each person finds the look in their ledger."""

from export_user_data.requests.contract import FindRequests, StaffRequests
from export_user_data.requests.finding import requests_of_file
from export_user_data.requests.people import known_person
from export_user_data.requests.records import SHOWN, Register, requests_of
from export_user_data.requests.views import staff_view
from shared.callers import Role
from shared.contract import Purpose
from shared.cosmos import Item
from shared.ledger import Step, record_about, staff
from shared.people import new_id


async def find(asked: FindRequests, register: Register, *, staff_id: str) -> StaffRequests:
    """What was asked for by somebody, or under a file of the office, the newest first.

    Raises:
        Problem: person_unknown.
    """
    if asked.who is not None:
        person_id = await known_person(asked.who, register)
        found = (await requests_of(person_id, people=register.people))[:SHOWN]
        await _record(person_id, found, asked.purpose, register, staff_id=staff_id)
    else:
        found = await requests_of_file(str(asked.reference), people=register.people)
        for person_id in sorted({one["personId"] for one in found}):
            theirs = [one for one in found if one["personId"] == person_id]
            await _record(person_id, theirs, asked.purpose, register, staff_id=staff_id)
    return StaffRequests(requests=[await staff_view(one, register) for one in found])


async def _record(person_id: str, found: list[Item], purpose: Purpose, register: Register, *, staff_id: str) -> None:
    details: dict[str, str | int] = {"found": len(found), "purpose": purpose.value}
    step = Step(new_id(), "requests_viewed", staff(Role.PRIVACY, staff_id), details)
    await record_about(person_id, step, database=register.database, now=register.now)
