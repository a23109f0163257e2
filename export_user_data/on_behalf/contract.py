"""What staff say when they look for a person, and when they act in their place."""

from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from export_user_data.contract import ExportRequest
from export_user_data.erasure.contract import Confirmation, ErasureRequest
from export_user_data.whom import Channel, Who
from shared.contract import Body, EmailAddress, Moment, Purpose, View

RandomId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
Country = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
Words = Annotated[str, StringConstraints(min_length=1, max_length=2000)]


SIGNED: frozenset[Channel] = frozenset({Channel.LETTER, Channel.WALK_IN})
"""Where there is a paper with a signature, which proves a consent."""


class Right(StrEnum):
    """What is carried out, as the person's ledger says it."""

    COPY = "copy"
    COPY_HANDED_OVER = "copy_handed_over"
    ERASURE_PLANNED = "erasure_planned"
    ERASURE = "erasure"
    OBJECTION = "objection"
    OBJECTION_WITHDRAWN = "objection_withdrawn"
    CONSENT_GIVEN = "consent_given"
    CONSENT_WITHDRAWN = "consent_withdrawn"
    RECTIFICATION = "rectification"


class PeopleSought(Body):
    """Staff look for the person who has asked for something."""

    who: Who
    purpose: Purpose


class Tie(View):
    """What somebody is or was to a device, and when."""

    role: Literal["owner", "former_owner", "guest"]
    device_id: str
    since: Moment
    until: Moment | None = None


class PersonFound(View):
    """Somebody, by random id: no name, no address, nothing that they did."""

    person_id: str
    has_account: bool
    ties: list[Tie]
    """To the device that was asked for, else to all of theirs; who has no account has none."""


class PeopleFound(View):
    """Who it may be, the present owner of a device first; it is for staff to make sure which of them has asked."""

    people: list[PersonFound]


class OnBehalf(Body):
    """Staff act in a person's place."""

    purpose: Purpose
    channel: Channel
    request_id: RandomId | None = None
    """Random id of the request that this is part of: what is said again under it is not done twice."""


class CopyOrdered(OnBehalf, ExportRequest):
    """A copy is made for the person."""


class StaffCopy(View):
    """A copy that staff asked for in a person's place, and how far it is."""

    export_id: str
    scope: str
    state: str
    requested_at: Moment
    ready_at: Moment | None = None
    expires_at: Moment


class ErasureOrdered(OnBehalf, ErasureRequest):
    """What an erasure would do is shown."""


class ErasureConfirmed(OnBehalf, Confirmation):
    """The erasure that was shown is begun, by the same member of staff."""


class ObjectionSaid(OnBehalf):
    """The person objects to statistics, or takes that back: of all their monitors, or of the one that is named."""

    objected: bool = True
    device_id: RandomId | None = None


class ConsentSaid(OnBehalf):
    """The person gives a consent or withdraws it.

    What is given is given to a text, on paper. What is withdrawn needs none: it is that to which it was given.
    """

    given: bool
    notice_version: Annotated[str, StringConstraints(min_length=1, max_length=20)] | None = None
    notice_hash: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")] | None = None


class CorrectionSaid(OnBehalf):
    """The address of who has no account, the region of a device, or the text of an interaction shall be another."""

    field: Literal["email", "region", "interaction"]
    email: EmailAddress | None = None
    device_id: RandomId | None = None
    region: Country | None = None
    interaction_id: RandomId | None = None
    text: Words | None = None

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        """Refuse what belongs to another field, and a field that is not said fully."""
        of_field = {
            "email": {"email"},
            "region": {"device_id", "region"},
            "interaction": {"interaction_id", "text"},
        }
        names = {name for every in of_field.values() for name in every}
        if {name for name in names if getattr(self, name) is not None} != of_field[self.field]:
            raise PydanticCustomError("missing", "the field needs its own value and no other")
        return self


class Acted(View):
    """What was asked for is done; nothing of what is held is told."""

    act_id: str
    right: Right
    channel: Channel
    at: Moment
