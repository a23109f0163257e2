"""What privacy staff say to the vault, and what they are told."""

from datetime import date
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from shared.contract import Body, Moment, SerialNumber, View


class OpeningGround(StrEnum):
    """Who may want to see what is blocked (LOPDGDD 32.2)."""

    COURT_ORDER = "court_order"
    PUBLIC_PROSECUTOR = "public_prosecutor"
    AUTHORITY_REQUEST = "authority_request"
    LEGAL_CLAIM = "legal_claim"


Reference = Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z][0-9A-Za-z./-]{0,39}$")]
"""Reference of the proceedings: it has no room for a name or an address."""

RandomId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]


class VaultSearch(Body):
    """By exactly one of these; they are in the body, for an address in a URL would be in a log."""

    ground: OpeningGround
    email: Annotated[str, StringConstraints(pattern=r"^[^@\s]+@[^@\s]+$", max_length=320)] | None = None
    serial_number: SerialNumber | None = None
    person_id: RandomId | None = None
    request_id: RandomId | None = None
    case_id: RandomId | None = None

    @model_validator(mode="after")
    def _by_one(self) -> Self:
        if len(self.wanted) != 1:
            raise ValueError("search by one of email, serialNumber, personId, requestId and caseId")
        return self

    @property
    def wanted(self) -> list[tuple[str, str]]:
        """What is searched by, and its value."""
        names = ("email", "serial_number", "person_id", "request_id", "case_id")
        return [(name, value) for name in names if (value := getattr(self, name)) is not None]


class AskOpening(Body):
    """Why a case is to be opened."""

    ground: OpeningGround
    reference: Reference


class ReadOpening(Body):
    """Which part of an opened case: the first, or where the last answer said to go on."""

    part: Annotated[int, Field(ge=0, le=1_000_000)] = 0


class BlockedCategory(View):
    """A category of what a case holds, and why it is blocked."""

    category: str
    why: str


class Opening(View):
    """An opening of a case, asked for or agreed to."""

    opening_id: str
    state: Literal["asked", "open", "over"]
    ground: OpeningGround
    reference: str
    asked_by: str
    """Random id of the member of staff."""
    asked_at: Moment
    approved_by: str | None = None
    approved_at: Moment | None = None
    open_until: Moment
    """Until when another one may agree; once that is done, until when it may be read."""


class VaultCase(View):
    """What is known of a case without opening it."""

    case_id: str
    request_id: str
    ground: Literal["erasure", "rectification", "expiry"]
    blocked: list[BlockedCategory]
    parts: int
    items: int
    created_at: Moment
    destroyed_on: date
    openings: list[Opening]


class VaultCases(View):
    """What a search has found, the oldest first."""

    cases: list[VaultCase]


class BlockedItem(View):
    """One item of a case, as it was stored."""

    container: str
    item: dict[str, Any]


class NextPart(View):
    """The last line, when there is more."""

    part: int


type VaultLine = Annotated[
    BlockedItem | NextPart, Field(title="VaultLine", description="One line of the content of a case.")
]
