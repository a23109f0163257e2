"""What is said to and by `export_user_data`."""

from typing import Annotated, Any, Literal

from pydantic import Field

from shared.contract import Body, Moment, View


class ExportRequest(Body):
    """A person asks for a copy.

    `access` is everything held about them, `portability` what they gave or was observed of the use of their things, as
    far as a contract or a consent is the ground (GDPR 15 and 20).
    """

    scope: Literal["access", "portability"] = "access"


class Export(View):
    """An export and how far it is."""

    export_id: str
    scope: str
    state: Literal["queued", "running", "ready", "failed"]
    steps_done: int
    steps_total: int
    requested_at: Moment
    ready_at: Moment | None = None
    expires_at: Moment
    bytes: int | None = None


class DownloadLink(View):
    """An address that lets whoever has it read this one export for a few minutes."""

    url: str
    expires_at: Moment


class Notification(View):
    """Something that the person was told, in the language of their app."""

    notification_id: str
    kind: str
    subject_id: str
    """Id of the ownership, support case or export that it is about."""
    subject: str
    text: str
    """Paragraphs, with an empty line between two."""
    created_at: Moment
    read_at: Moment | None = None


class Notifications(View):
    """A page of them, newest first."""

    notifications: list[Notification]
    cursor: str | None = None
    """What the next page is asked for with; absent on the last one."""


class ResidentText(View):
    """What residents read about an error."""

    en: str
    es: str


class CatalogueEntry(View):
    """One error; without a status it is none of this service, and never answered."""

    code: str
    status: int | None = None
    title: str
    action: str
    retryable: bool
    pairing_error: int | None = None
    """The number under which the app shows it while a monitor is paired."""
    resident: ResidentText | None = None
    support: str | None = None


class ErrorCatalogue(View):
    """Every error that there is."""

    errors: list[CatalogueEntry]


class LastReading(View):
    """The reading of a kind that was observed last; units are in the names of the values."""

    category: str
    kind: str
    observed_at: Moment
    """By this service's clock, whatever the monitor's showed."""
    values: dict[str, Any]
    message_id: str
    received_at: Moment
    time_quality: str


class DeviceState(View):
    """The last-known state of a device: nothing yet is a state, too."""

    device_id: str
    readings: list[LastReading]
    not_lately: list[str]
    """Kinds of which the newest messages hold no reading, while there are older messages."""


class Lag(View):
    """How far a reader is behind, and how far the service is."""

    newest_delivered_at: Moment | None = None
    """When the service received the newest of what this reader has been answered until now."""
    delivered_lag_s: float | None = None
    newest_stored_at: Moment | None = None
    """When it received the newest that it can answer with at all."""
    stored_lag_s: float | None = None


class StreamHead(View):
    """The first line of an answer."""

    line: Literal["head"] = "head"
    schema_version: int
    schema_url: str
    """Where this very format is described, as JSON Schema."""
    device_id: str
    since: Moment
    until: Moment | None = None
    """End of the period of ownership, once it is over: after that nothing comes."""
    units: dict[str, dict[str, str]]
    """Of each kind of reading the fields that have a unit."""
    cursor: str | None = None
    """Where this answer begins; absent at the very beginning."""
    lag: Lag


class Said(View):
    """What the owner says about a reading that is not right."""

    annotation_id: str
    statement: str
    note: str | None = None


class StreamReading(View):
    """One reading, in the order of arrival."""

    line: Literal["reading"] = "reading"
    kind: str
    observed_at: Moment
    """By this service's clock, whatever the monitor's showed."""
    values: dict[str, Any]
    message_id: str
    received_at: Moment
    time_quality: str
    annotation: Said | None = None
    """What the owner had said about it by the time of this answer."""


class StreamCursor(View):
    """Behind the readings of each message and category: where to go on, once all lines before are kept."""

    line: Literal["cursor"] = "cursor"
    cursor: str


type StreamLine = Annotated[
    StreamHead | StreamReading | StreamCursor,
    Field(title="StreamLine", description="One line of the stream of a device's readings."),
]
