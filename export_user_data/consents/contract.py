"""What is said about objections, consents and guardians."""

from typing import Annotated, Literal

from pydantic import StringConstraints

from shared.contract import Body, Moment, View

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
