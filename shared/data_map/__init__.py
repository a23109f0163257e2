"""The data map: every field that this service stores, in one table that everything else derives from.

What ingestion keeps and drops, TTLs, container definitions, export sections and the record checks of the storage
adapter all read it. A field that is not here cannot be stored: `checked` refuses it.
"""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from functools import cache
from typing import Any, Final

from shared.data_map.containers import CONTAINERS
from shared.data_map.copies import LeftOut, Scope
from shared.data_map.ledger import ACTIONS, Action, Detail
from shared.data_map.places import BLOBS, HUBS, OUTSIDE
from shared.data_map.readings import READINGS, TEXT_LIMIT
from shared.data_map.recipients import RECIPIENTS, Recipient
from shared.data_map.technical import TECHNICAL
from shared.data_map.vocabulary import (
    CATEGORIES,
    Category,
    CategoryRule,
    Container,
    Erasure,
    Field,
    ReadingField,
    ReadingKind,
    Record,
    Source,
)

__all__ = [
    "ACTIONS",
    "BLOBS",
    "CATEGORIES",
    "CONTAINERS",
    "HUBS",
    "OUTSIDE",
    "READINGS",
    "RECIPIENTS",
    "TECHNICAL",
    "TEXT_LIMIT",
    "Action",
    "Category",
    "CategoryRule",
    "Container",
    "Detail",
    "Erasure",
    "Field",
    "LeftOut",
    "ReadingField",
    "ReadingKind",
    "Recipient",
    "Record",
    "Scope",
    "Source",
    "Undeclared",
    "blocking",
    "checked",
    "record",
    "retention",
    "time_of",
    "until",
]

ENVELOPE_FIELDS: Final = frozenset({"id", "type", "ttl"})
"""What every item has beside its declared fields."""


class Undeclared(Exception):
    """Something was about to be stored that the data map does not declare. It is a fault of ours, never of a caller."""


@cache
def _allowed(container: str, item_type: str) -> frozenset[str]:
    record = CONTAINERS[container].records.get(item_type)
    if record is None:
        raise Undeclared(
            f"The data map has no record '{item_type}' in container '{container}': declare it there first."
        )
    return frozenset(record.fields) | ENVELOPE_FIELDS


def checked(container: str, item: Mapping[str, Any]) -> None:
    """Let an item pass that the map declares.

    Raises:
        Undeclared: the record or one of its fields is not in the map.
    """
    undeclared = item.keys() - _allowed(container, str(item.get("type")))
    if undeclared:
        raise Undeclared(
            f"'{item.get('type')}' in container '{container}' has fields that the data map lacks: {sorted(undeclared)}."
        )


def record(container: str, item_type: str) -> Record:
    """The record of an item's `type`."""
    return CONTAINERS[container].records[item_type]


def blocking(record: Record) -> CategoryRule | None:
    """For how long and why items of this record are blocked when their time is over; None: they are destroyed then."""
    rule = CATEGORIES[record.category]
    return rule if (record.on_expiry or rule.on_expiry) == "block" and rule.blocked_for is not None else None


def until(container: str, records: Iterable[str]) -> str:
    """The condition that an item of these records is of the time until `@through`; one without a time always is."""
    by_time: dict[str | None, list[str]] = {}
    for name in records:
        by_time.setdefault(time_of(record(container, name)), []).append(f"'{name}'")
    parts = [
        f"c.type IN ({', '.join(names)})" + (f" AND c.{time} <= @through" if time else "")
        for time, names in by_time.items()
    ]
    return "(" + " OR ".join(f"({part})" for part in parts) + ")"


def time_of(of: Record) -> str | None:
    """The field that says of which time an item is."""
    return of.dated_from or next((name for name in ("updatedAt", "createdAt") if name in of.fields), None)


def retention(container: str, item_type: str) -> timedelta:
    """How long an item of this record is kept.

    Raises:
        ValueError: it is kept until erasure.
    """
    period = record(container, item_type).retention
    if period is None:
        raise ValueError(f"'{item_type}' in '{container}' has no retention period")
    return period
