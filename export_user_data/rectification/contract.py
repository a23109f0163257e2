"""What is said about corrections, interactions and annotations."""

from enum import StrEnum
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import StringConstraints, model_validator

from shared.contract import Body, Moment, Purpose, SerialNumber, View

DeviceId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
Country = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
Address = Annotated[str, StringConstraints(pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$", max_length=254)]
Words = Annotated[str, StringConstraints(min_length=1, max_length=2000)]


class RectificationRequest(Body):
    """What is to be corrected: the account's address, which is taken from the sign-in, or the region of a device."""

    field: Literal["email", "region"]
    device_id: DeviceId | None = None
    region: Country | None = None
    """ISO 3166-1 alpha-2."""

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        given = {self.device_id is not None, self.region is not None}
        if given != {self.field == "region"}:
            raise ValueError("a region has a device and a country, and an address neither")
        return self


class Rectification(View):
    """A correction; what it replaced is blocked where the law asks for that."""

    rectification_id: str
    field: str
    subject_id: str
    """Id of what it is a value of: of the person, an ownership, or an interaction."""
    state: Literal["under_way", "done"]
    at: Moment
    done_at: Moment | None = None


class Rectifications(View):
    """The corrections of the caller, the newest first."""

    rectifications: list[Rectification]


class Channel(StrEnum):
    """Through what a person spoke with us."""

    WEBSITE = "website"
    SALES = "sales"
    TECHNICIAN = "technician"


class Subject(StrEnum):
    """What it was about."""

    QUESTION = "question"
    OFFER = "offer"
    ORDER = "order"
    INSTALLATION = "installation"
    REPAIR = "repair"
    COMPLAINT = "complaint"
    OTHER = "other"


class Basis(StrEnum):
    """What keeping it rests on."""

    CONTRACT = "contract"
    CONSENT = "consent"


class InteractionEntry(Body):
    """What a person told us, entered by staff: of whom is said by address, or by a device of theirs."""

    purpose: Purpose
    request_id: UUID | None = None
    """A name for this entry: repeated, it makes no other."""
    email: Address | None = None
    device_id: DeviceId | None = None
    serial_number: SerialNumber | None = None
    channel: Channel
    subject: Subject
    at: Moment
    text: Words
    basis: Basis = Basis.CONTRACT

    @model_validator(mode="after")
    def _is_of_one_person(self) -> Self:
        if [self.email, self.device_id, self.serial_number].count(None) != 2:  # noqa: PLR2004 - all but one
            raise ValueError("an address, or a device by id or serial number")
        return self


class InteractionEntered(View):
    """The interaction is kept."""

    interaction_id: str
    person_id: str
    """Of whom it is; by this it is named further on."""


class Interaction(View):
    """What the caller told us."""

    interaction_id: str
    channel: str
    subject: str
    at: Moment
    text: str
    basis: str | None = None
    created_at: Moment
    updated_at: Moment | None = None
    expires_at: Moment


class Interactions(View):
    """What the caller told us, the newest first."""

    interactions: list[Interaction]


class InteractionText(Body):
    """What the text of an interaction shall be."""

    text: Words


class Statement(StrEnum):
    """What is not right about a reading."""

    NOT_ME = "not_me"
    WRONG_VALUE = "wrong_value"
    WRONG_TIME = "wrong_time"


class AnnotationRequest(Body):
    """What the owner says about one reading, named as the stream names it."""

    message_id: Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z-]{1,64}$")]
    kind: Annotated[str, StringConstraints(pattern=r"^[a-z_]{1,64}$")]
    observed_at: Moment
    statement: Statement
    note: Annotated[str, StringConstraints(max_length=300)] | None = None
    """E-mail addresses, numbers and the like are taken out of it."""


class Annotation(View):
    """What the owner said about a reading."""

    annotation_id: str
    message_id: str
    kind: str
    observed_at: Moment
    statement: str
    note: str | None = None
    created_at: Moment


class Annotations(View):
    """What the owner said about readings of a device, the newest first."""

    annotations: list[Annotation]


class AnnotationRemoved(View):
    """There is no such annotation any more."""

    annotation_id: str
