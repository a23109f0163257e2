"""What is said to and by `export_user_data`."""

from typing import Literal

from shared.contract import Body, Moment, View


class ExportRequest(Body):
    """A person asks for a copy: `access` is everything held about them."""

    scope: Literal["access"] = "access"


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
