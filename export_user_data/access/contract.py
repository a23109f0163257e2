"""What is said of everything that is held about a person: by category, and item by item."""

from typing import Any, Literal

from export_user_data.restriction.contract import LegalHold, Restriction
from shared.contract import Moment, View


class GivenTo(View):
    """Somebody else who is given something of a category."""

    name: str
    about: str
    what: str
    why: str
    role: str
    place: str


class RecordKind(View):
    """One kind of item of a category."""

    record: str
    """As items name it."""
    about: str
    visible_to: list[str]
    sources: list[str]
    kept_days: float | None = None
    """How long an item is kept; absent: until the person or the device is erased."""
    at_end: Literal["destroy", "block"]
    """What becomes of an item when its time is over, or it is erased."""
    at_end_note: str | None = None
    """Why that differs from what its category says."""
    items: int
    at_least: bool = False
    """Whether there are more than were counted."""


class NotShown(View):
    """A kind of item that is not handed out, and why."""

    record: str
    about: str
    why: str


class CategoryOverview(View):
    """Everything that has to be said of a category, and how many items there are of it."""

    category: str
    purpose: str
    legal_basis: str
    collected_when: str
    at_end: Literal["destroy", "block"]
    blocked_days: int | None = None
    blocked_why: str | None = None
    sources: list[str]
    recipients: list[GivenTo]
    records: list[RecordKind]
    not_shown: list[NotShown]
    items: int
    at_least: bool = False
    """Whether there are more than were counted."""
    items_at: str
    """Where they can be read."""


class BlockedData(View):
    """What is kept apart for courts and authorities, and used for nothing."""

    category: str
    ground: str
    why: str
    since: Moment
    until: Moment
    """When it is destroyed."""


class DataOverview(View):
    """What is held about the caller."""

    at: Moment
    language: str
    categories: list[CategoryOverview]
    blocked: list[BlockedData]
    restrictions: list[Restriction]
    legal_holds: list[LegalHold]
    exports_at: str
    """Where a copy of everything can be asked for."""
    erasures_at: str
    rectifications_at: str


class FieldMeaning(View):
    """What a field is."""

    about: str
    source: str | None = None
    unit: str | None = None


class Meaning(View):
    """What a kind of item, or of reading, is, and each of its fields."""

    about: str
    fields: dict[str, FieldMeaning]


class HeldItem(View):
    """One item."""

    record: str
    device_id: str | None = None
    fields: dict[str, Any]
    readings: list[dict[str, Any]] | None = None
    """Of an item of readings: each of them."""


class DataPage(View):
    """Some items of a category."""

    category: str
    items: list[HeldItem]
    """Perhaps none, though there are others behind the cursor."""
    records: dict[str, Meaning]
    """What the items on this page are."""
    readings: dict[str, Meaning]
    """What the kinds of readings on this page are."""
    cursor: str | None = None
    """What the next page is asked for with, for as long as the caller likes; absent on the last one."""
