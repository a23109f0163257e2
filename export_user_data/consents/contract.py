"""What is said about objections, consents and guardians."""

from datetime import date
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from shared.contract import Body, EmailAddress, Moment, View

DeviceId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
Who = Literal["person", "guardian"]


class Objecting(Body):
    """A person objects to statistics, or takes that back: of all their monitors, or of the one that they name."""

    device_id: DeviceId | None = None


class Objection(View):
    """An objection that stands; without a device it is of all monitors."""

    device_id: str | None = None
    since: Moment | None = None
    """Absent when the entry of it was lost in a restored database, which the objection itself was not."""


class ObjectionEntry(View):
    """Something that was said once, and is never changed."""

    objection_id: str
    objected: bool
    device_id: str | None = None
    at: Moment
    by: Who


class Objections(View):
    """A person's objections to statistics."""

    after_objection: Literal["not_collected"]
    """What an objection brings."""
    objections: list[Objection]
    history: list[ObjectionEntry]


class Consenting(Body):
    """A person gives a consent or withdraws it, having been shown this text: the same call both ways."""

    given: bool
    notice_version: Annotated[str, StringConstraints(min_length=1, max_length=20)]
    notice_hash: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class ConsentText(View):
    """The text that is consented to."""

    version: str
    sha256: str
    """Of the text in UTF-8, exactly as it stands here."""
    language: str
    text: str


class ConsentEntry(View):
    """Something that was said once, and is never changed."""

    consent_id: str
    given: bool
    notice_version: str
    notice_hash: str
    channel: str
    at: Moment
    by: Who
    country: str | None = None


class Consent(View):
    """One purpose, and whether it is consented to."""

    purpose: str
    category: str
    permits: str
    given: bool
    needed_for: list[str]
    """Ids of the monitors of which something is collected with this consent only."""
    notice: ConsentText
    history: list[ConsentEntry]


class Consents(View):
    """A person's consents, purpose by purpose."""

    consents: list[Consent]


class Attesting(Body):
    """A person says that they are under 14, and whose consent counts until they are."""

    is_under_14: Annotated[Literal[True], Field(alias="isUnder14")]
    guardian_email: EmailAddress


class Age(View):
    """What a person said of their age, and how far their guardian is."""

    is_under_14: Annotated[bool, Field(alias="isUnder14")]
    state: Literal["none", "asked", "accepted"]
    answer_until: Moment | None = None
    """While asked: until when the guardian may accept."""
    since: Moment | None = None
    acts_from: date | None = None
    """From when on the person acts for themself."""


class Accepting(Body):
    """A guardian accepts, and says in which month the minor becomes 14: no date of birth."""

    turns_14_on: Annotated[str, StringConstraints(pattern=r"^20\d\d-(0[1-9]|1[0-2])$"), Field(alias="turns14On")]


class Ward(View):
    """A minor for whom one acts."""

    ward_id: str
    since: Moment
    acts_from: date
    """From when on they act for themself."""


class WardInvitation(View):
    """A minor has named one as their parent or guardian."""

    ward_id: str
    invited_at: Moment
    expires_at: Moment


class Wards(View):
    """For whom one acts, and who asks one to."""

    wards: list[Ward]
    invitations: list[WardInvitation]


class WardEnded(View):
    """One does not act for them."""

    ward_id: str
