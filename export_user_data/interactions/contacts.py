"""Contacts: what staff may see and use of people; and that who has no account is told that they are known."""

from datetime import datetime

from shared import clock
from shared.cosmos import Container
from shared.errors import Problem
from shared.gate import load_policy
from shared.notifications import notify
from shared.people import PERSON
from shared.standing import ALL

_SCOPES = frozenset({ALL, "interactions"})


async def refuse_restricted(person_id: str, *, people: Container, to_destroy: bool = False) -> None:
    """Let staff see and use nothing of a person that is restricted, nor destroy what is held.

    Raises:
        Problem: data_restricted; person_unknown.
    """
    try:
        policy = await load_policy(people, person_id)
    except LookupError as error:
        raise Problem("person_unknown") from error
    if _SCOPES & (policy.store_only | (policy.held if to_destroy else frozenset())):
        raise Problem("data_restricted")


async def tell_contact(person_id: str, *, people: Container, now: datetime) -> None:
    """Tell who has no account that they are known here, why, and what they can do about it (GDPR 14), once."""
    person = await people.read(person_id, PERSON)
    if person is not None and "identityKey" not in person:
        since = {"since": clock.moment(person["createdAt"])}
        await notify(person_id, "contact_kept", person_id, since, people=people, now=now)
