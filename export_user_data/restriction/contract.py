"""What is said of restrictions of processing and of legal holds."""

from enum import StrEnum
from typing import Annotated, Final, Literal, Self

from pydantic import StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from export_user_data.whom import Id, Who
from shared.contract import Body, Moment, Purpose, View

Reference = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2,8}-\d{4}-\d{1,6}$")]
"""Number of a matter, such as LH-2026-17. Nothing that names a person has this form."""

Restrictable = Literal["person", "interactions", "device", "usage", "app", "performance"]


class Ground(StrEnum):
    """Why processing is restricted: the four cases of GDPR 18(1)."""

    ACCURACY_CONTESTED = "accuracy_contested"
    UNLAWFUL = "unlawful"
    LEGAL_CLAIMS = "legal_claims"
    OBJECTION_PENDING = "objection_pending"


class HoldGround(StrEnum):
    """Why data is not erased: the cases of GDPR 17(3) that this service may meet."""

    LEGAL_CLAIMS = "legal_claims"
    LEGAL_OBLIGATION = "legal_obligation"
    AUTHORITY_ORDER = "authority_order"


class Scope(StrEnum):
    """What a restriction or a hold is about."""

    PERSON = "person"
    DEVICE = "device"
    CATEGORY = "category"


NAMED_BY: Final = {Scope.PERSON: None, Scope.DEVICE: "device_id", Scope.CATEGORY: "category"}
"""What names each scope further."""


class Scoped(Body):
    """A scope, and what it needs to be told: a device, a category, or nothing."""

    scope: Scope
    device_id: Id | None = None
    category: Restrictable | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        """Refuse a scope that is not said fully, or is said to be two things."""
        needed = NAMED_BY[self.scope]
        given = {name for name in ("device_id", "category") if getattr(self, name) is not None}
        if needed is not None and needed not in given:
            raise PydanticCustomError("missing", "the scope needs its device or its category")
        if given - {needed}:
            raise PydanticCustomError("scope", "the scope is one thing")
        return self


class RestrictionRequest(Scoped):
    """A person wants processing restricted."""

    ground: Ground


class StaffRestriction(RestrictionRequest):
    """Staff restrict for a person who has asked for it by letter, by telephone or otherwise."""

    who: Who
    purpose: Purpose


class StaffFinds(Body):
    """Staff ask what stands for a person."""

    who: Who
    purpose: Purpose


class StaffLifts(Body):
    """Staff end a restriction or a hold of a person."""

    person_id: Id
    purpose: Purpose


class HoldRequest(Scoped):
    """Staff let nothing of a scope be destroyed before a time."""

    who: Who
    ground: HoldGround
    reference: Reference
    until: Moment
    tell_person: bool = True
    """False when an authority forbids it: then nothing that the person can read tells of the hold."""


class Restriction(View):
    """A restriction of processing and how far it is."""

    restriction_id: str
    scope: Scope
    device_id: str | None = None
    category: str | None = None
    ground: str
    """One of GDPR 18(1); `restored` when only the journal remembers it."""
    by: Literal["person", "staff", "restore"]
    state: Literal["active", "lifting", "lifted"]
    since: Moment
    lifts_at: Moment | None = None
    """When it ends, once that was announced."""
    lifted_at: Moment | None = None


class LegalHold(View):
    """A legal hold: what it covers is not destroyed before its end, whoever asks for it."""

    hold_id: str
    scope: Scope
    device_id: str | None = None
    category: str | None = None
    ground: str
    since: Moment
    until: Moment
    ended_at: Moment | None = None


class Standings(View):
    """What stands for a person, and what stood: restrictions and legal holds."""

    restrictions: list[Restriction]
    legal_holds: list[LegalHold]


class StaffStandings(Standings):
    """The same for staff, with the id by which the person is named further on."""

    person_id: str


class StaffHold(LegalHold):
    """A hold as staff see it."""

    person_id: str
    reference: str | None = None
    told: bool
