"""Annotations: what the owner says about readings that are not right, kept beside them; no figure counts such one."""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Final

from shared import clock
from shared.cosmos import Container, Item
from shared.data_map.vocabulary import TELEMETRY_CATEGORIES

RECORDS: Final = tuple(f"{category.value}Annotation" for category in TELEMETRY_CATEGORIES)
"""A record per category of readings, so that each goes with what it is about."""

Reading = tuple[str, str, str]
"""Message, kind and corrected time of a reading."""

_OF_MESSAGES: Final = "SELECT * FROM c WHERE IS_DEFINED(c.annotates) AND ARRAY_CONTAINS(@messages, c.annotates)"


def named(message_id: str, kind: str, observed_at: datetime) -> Reading:
    """What names a reading."""
    return message_id, kind, clock.text(observed_at)


def reading_of(annotation: Item) -> Reading:
    """The reading that an annotation is about."""
    return annotation["annotates"], annotation["kind"], annotation["observedAt"]


def in_force(annotations: Iterable[Item]) -> dict[Reading, Item]:
    """By the reading that they are about, without those that are being removed."""
    return {reading_of(item): item for item in annotations if "withdrawnAt" not in item}


async def of_messages(ownership_id: str, messages: Collection[str], *, telemetry: Container) -> dict[Reading, Item]:
    """The annotations of readings of these messages."""
    if not messages:
        return {}
    found = telemetry.query(_OF_MESSAGES, {"messages": sorted(messages)}, partition=ownership_id)
    return in_force([item async for item in found])
