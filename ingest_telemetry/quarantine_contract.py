"""What staff ask of the quarantine, and what they are told. A serial number is sent in a body, never in a URL."""

from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from ingest_telemetry.kept_events import EVENT_ID
from shared.contract import Body, Moment, Purpose, SerialNumber, View

LAST_PARTITION = 1023
"""No hub has more partitions."""


class ListQuarantine(Body):
    """Ask for the events of one monitor that could not be stored, or for those of a hub partition that are nobody's."""

    purpose: Annotated[Purpose, Field(strict=False)]
    serial_number: SerialNumber | None = None
    partition: Annotated[int, Field(ge=0, le=LAST_PARTITION)] | None = None
    cursor: Annotated[str, StringConstraints(max_length=200)] | None = None

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if (self.serial_number is None) == (self.partition is None):
            raise ValueError("name a monitor or a partition, and not both")
        return self


class OneQuarantined(Body):
    """One event of the list: with the serial number if it is a monitor's, without if it is nobody's."""

    purpose: Annotated[Purpose, Field(strict=False)]
    event_id: Annotated[str, StringConstraints(pattern=EVENT_ID)]
    serial_number: SerialNumber | None = None


class QuarantinedEvent(View):
    """An event that was set aside, without its content."""

    event_id: str
    reason: str
    enqueued_at: Moment
    size_bytes: int
    truncated: bool
    replayed_at: Moment | None = None
    released_at: Moment | None = None
    expires_at: Moment


class QuarantinePage(View):
    """Events in the order in which the hub took them."""

    events: list[QuarantinedEvent]
    cursor: str | None = None


class QuarantinedContent(QuarantinedEvent):
    """An event as it came: the body in base64, and what the gateway had stamped on it."""

    body: str
    properties: dict[str, str]
