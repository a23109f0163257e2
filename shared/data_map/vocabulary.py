"""The words of the data map: categories with their rules, and what is said of containers, records and fields."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Final, Literal


class Category(StrEnum):
    """Why a thing is held at all; the first six are the ones that residents are told about by name."""

    PERSON = "person"
    INTERACTIONS = "interactions"
    DEVICE = "device"
    USAGE = "usage"
    APP = "app"
    PERFORMANCE = "performance"
    SERVICE = "service"


Ground = Literal["contract", "consent", "legitimate_interest"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CategoryRule:
    """What holds for all data of a category; texts are shown to residents."""

    purpose: str
    basis: str
    rests_on: tuple[Ground, ...]
    """The legal basis by its kind, of which portability depends (GDPR 20)."""
    collected_when: str
    on_expiry: Literal["destroy", "block"] = "destroy"
    """What becomes of it when it is erased or its time is over: blocked is kept apart, for courts and authorities."""
    blocked_for: timedelta | None = None
    """How long it is blocked: the prescription period of what it may have to prove."""
    blocked_why: str = ""


CATEGORIES: Final[dict[Category, CategoryRule]] = {
    Category.PERSON: CategoryRule(
        purpose="Associate the user with the products and services contracted.",
        basis="contract (GDPR 6(1)(b))",
        rests_on=("contract",),
        collected_when="at sign-up",
        on_expiry="block",
        blocked_for=timedelta(days=3 * 365),
        blocked_why="Liability for how the account was handled (LOPDGDD 32 and 72: three years).",
    ),
    Category.INTERACTIONS: CategoryRule(
        purpose="Deal with what people gave us through the website, to sales or to technicians.",
        basis="contract or consent (GDPR 6(1)(a), (b))",
        rests_on=("contract", "consent"),
        collected_when="when staff enter it",
        on_expiry="block",
        blocked_for=timedelta(days=3 * 365),
        blocked_why="Liability for how a contact was dealt with (LOPDGDD 32 and 72: three years).",
    ),
    Category.DEVICE: CategoryRule(
        purpose="Operate and maintain the call forwarding service, and provide updates.",
        basis="contract (GDPR 6(1)(b))",
        rests_on=("contract",),
        collected_when="at registration and at a change",
        on_expiry="block",
        blocked_for=timedelta(days=3 * 365),
        blocked_why="Liability for product and warranty, and who had a device when (LOPDGDD 32 and 72: three years).",
    ),
    Category.USAGE: CategoryRule(
        purpose="Statistics: correct and improve the performance of the applications.",
        basis="legitimate interest (GDPR 6(1)(f))",
        rests_on=("legitimate_interest",),
        collected_when="from registration on, in some countries once consented to; not after an objection",
    ),
    Category.APP: CategoryRule(
        purpose="Operate and update the mobile application.",
        basis="contract (GDPR 6(1)(b))",
        rests_on=("contract",),
        collected_when="at registration of the app and at a change",
    ),
    Category.PERFORMANCE: CategoryRule(
        purpose="Advanced technical support, and nothing else.",
        basis="contract for support (GDPR 6(1)(b))",
        rests_on=("contract",),
        collected_when="while a support case of the device is open",
    ),
    Category.SERVICE: CategoryRule(
        purpose="Run the service itself: admission, integrity, long work.",
        basis="legitimate interest in a secure service (GDPR 6(1)(f))",
        rests_on=("legitimate_interest",),
        collected_when="as the service works",
    ),
}

TELEMETRY_CATEGORIES: Final = (Category.USAGE, Category.PERFORMANCE)
"""The categories that a monitor sends readings of."""


class Source(StrEnum):
    """Where a value comes from."""

    PERSON = "given by the person"
    SIGN_IN = "the sign-in provider"
    MONITOR = "the monitor"
    APP = "the mobile application"
    STAFF = "entered by staff"
    SERVICE = "made by this service"
    OBSERVED = "observed by this service"
    OTHERS = "given by somebody else"

    @property
    def is_given_or_observed(self) -> bool:
        """Whether portability covers it (GDPR 20(1), WP 242): given by the person or by the use of their things."""
        return self not in {Source.STAFF, Source.SERVICE, Source.OTHERS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One stored field of a record."""

    about: str
    source: Source = Source.SERVICE
    unit: str | None = None
    exported: bool = True
    is_context: bool = False
    """Of what or of when it is that the person gave, which says nothing without it: the two go together."""


Withheld = Literal["no_content", "names_nobody", "in_the_bundle", "security", "not_attributable", "blocked"]
"""Why a copy leaves a record out: `shared.data_map.copies` has the article of each."""

Erasure = Literal["purge", "expires", "keep_random_ids", "names_nobody"]
"""What an erasure makes of a record: it goes at once, it is gone soon by itself, random ids without meaning stay; or it
is about nobody, and stays as it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One kind of stored item; `type` in the item names it."""

    container: str
    about: str
    category: Category
    fields: Mapping[str, Field]
    retention: timedelta | None = None
    """How long an item is kept; None: until its person or device is erased."""
    dated_from: str | None = None
    """The field that the retention counts from, or the age of what has none; None for what is gone before anybody could
    change the period."""
    on_expiry: Literal["destroy", "block"] | None = None
    """What becomes of it when its time is over, where that is not what its category says."""
    expiry_note: str = ""
    """Why it differs from its category."""
    export: Literal["person", "device", "telemetry", "ledger"] | None
    """Under which walk an export reaches it; None: it is not handed out, and `export_note` says why."""
    export_note: str = ""
    withheld: Withheld = "no_content"
    """Where it is not handed out: of which kind the reason is."""
    erasure: Erasure = "purge"
    visible_to: tuple[str, ...] = ("the person",)

    @property
    def is_columnar(self) -> bool:
        """Whether an item holds many readings, as one list per kind and field."""
        return "columns" in self.fields


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """One Cosmos DB container: its partition key and the few paths that queries need an index on."""

    partition_key: str
    indexed: tuple[str, ...] = ()
    records: Mapping[str, Record] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingField:
    """One field of a reading with its plausibility limits: a value outside is rejected."""

    about: str
    type: Literal["number", "integer", "text", "choice", "flag"]
    unit: str | None = None
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()
    required: bool = False
    in_extra: bool = False
    """Varies by product: a monitor sends it in the reading's `extra` map. It is stored like every other field."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingKind:
    """One kind of reading that a monitor may send."""

    category: Category
    about: str
    fields: Mapping[str, ReadingField]
