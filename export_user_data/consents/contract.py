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
