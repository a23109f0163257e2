"""Which open requests go before an erasure: a legal hold, a restriction, an access, a complaint, then that."""

from typing import Final

from export_user_data.requests.contract import OPEN_STATES
from export_user_data.requests.rules import Right
from shared.cosmos import Container

_GOES_BEFORE: Final = {
    Right.RESTRICTION: "restriction",
    Right.ACCESS: "access_request",
    Right.PORTABILITY: "access_request",
    Right.COMPLAINT: "complaint",
    Right.AUTOMATED_DECISION: "automated_decision",
}
"""In this order: what an erasure does not do, or makes impossible. Who wants something else of data that are gone gets
it by their being gone."""

_REQUESTS: Final = "SELECT c['right'], c.state FROM c WHERE c.type = 'rightsRequest'"


async def asked_before(person_id: str, *, people: Container) -> str | None:
    """What an erasure of a person's data waits for of what they asked for otherwise; None: nothing."""
    found = [item async for item in people.query(_REQUESTS, partition=person_id)]
    still_open = {item["right"] for item in found if item["state"] in OPEN_STATES}
    return next((reason for right, reason in _GOES_BEFORE.items() if right in still_open), None)
