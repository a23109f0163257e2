"""What a person sees of the recipients: who is given what of theirs, since when, and what was told and acknowledged."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from export_user_data.recipients.contract import Given, Recipient, Recipients, Told
from shared import clock
from shared.cosmos import Container, Database
from shared.data_map import RECIPIENTS, Category
from shared.recipients import acknowledgement, notices
from shared.webhooks import Webhooks

REQUESTS_SHOWN: Final = 50
"""The newest requests of which it is told what recipients heard; an export has them all."""

_BEGINNINGS: Final = {
    "person": (Category.PERSON, "createdAt"),
    "interaction": (Category.INTERACTIONS, "createdAt"),
    "link": (Category.DEVICE, "since"),
    "appInstallation": (Category.APP, "registeredAt"),
}
"""The records that tell since when there is something of a category. Readings begin with the device."""

_WITH_THE_DEVICE: Final = (Category.USAGE, Category.PERFORMANCE)
_OWN: Final = "SELECT c.type, c.createdAt, c.since, c.registeredAt FROM c WHERE ARRAY_CONTAINS(@types, c.type)"
_TOLD: Final = (
    "SELECT TOP @most c.requestId, c.createdAt FROM c WHERE c.type = 'recipientsTold' ORDER BY c.createdAt DESC"
)


async def recipients_of(person_id: str, *, database: Database, webhooks: Webhooks) -> Recipients:
    """Everybody who is given something of the person."""
    people = database["people"]
    since, told = await asyncio.gather(
        _beginnings(person_id, people=people), _told(person_id, people=people, jobs=database["jobs"])
    )
    shown = [_view(name, since, told[name]) for name in RECIPIENTS if _is_given(name, since, webhooks)]
    return Recipients(recipients=shown)


async def _beginnings(person_id: str, *, people: Container) -> dict[Category, datetime]:
    begun: dict[Category, datetime] = {}
    async for item in people.query(_OWN, {"types": list(_BEGINNINGS)}, partition=person_id):
        category, field = _BEGINNINGS[item["type"]]
        at = clock.moment(item[field])
        begun[category] = min(begun.get(category, at), at)
    if Category.DEVICE in begun:
        begun |= dict.fromkeys(_WITH_THE_DEVICE, begun[Category.DEVICE])
    return begun


async def _told(person_id: str, *, people: Container, jobs: Container) -> Mapping[str, list[Told]]:
    query = people.query(_TOLD, {"most": REQUESTS_SHOWN}, partition=person_id)
    requests = list(dict.fromkeys([item["requestId"] async for item in query]))
    found = await asyncio.gather(*(notices(request_id, jobs=jobs) for request_id in requests))
    told: defaultdict[str, list[Told]] = defaultdict(list)
    for item in sorted((item for items in found for item in items), key=lambda one: one["createdAt"], reverse=True):
        one = acknowledgement(item)
        told[one.recipient].append(
            Told.model_validate(
                {
                    "request_id": item["jobId"],
                    "event": one.event,
                    "state": one.state,
                    "at": one.told_at,
                    "acknowledged_at": one.acknowledged_at,
                }
            )
        )
    return told


def in_use(name: str, webhooks: Webhooks) -> bool:
    """Whether anybody is given something as this recipient: one that is told by a message needs an address."""
    return RECIPIENTS[name].notice != "webhook" or name in webhooks.names


def names_in_use(webhooks: Webhooks) -> frozenset[str]:
    """All of those to whom anybody's data is given."""
    return frozenset(name for name in RECIPIENTS if in_use(name, webhooks))


def _is_given(name: str, since: Mapping[Category, datetime], webhooks: Webhooks) -> bool:
    return in_use(name, webhooks) and not RECIPIENTS[name].given.keys().isdisjoint(since)


def _view(name: str, since: Mapping[Category, datetime], told: list[Told]) -> Recipient:
    recipient = RECIPIENTS[name]
    given = {category: what for category, what in recipient.given.items() if category in since}
    return Recipient(
        name=name,
        about=recipient.about,
        role=recipient.role,
        given=[Given(category=category.value, what=what) for category, what in given.items()],
        why=recipient.why,
        place=recipient.place,
        since=min(since[category] for category in given),
        notice=recipient.notice,
        what_you_can_do=recipient.told,
        told=told,
    )
