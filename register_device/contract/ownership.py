"""What is said about whose a monitor is: its release, disputes, and what staff may change."""

from datetime import date
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from shared.contract import Body, Moment, Purpose, SerialNumber, View


class Released(View):
    """The monitor is the person's no more."""

    device_id: str
    since: Moment
    until: Moment


class Invoice(Body):
    """The date of the invoice, which the warranty counts from; null takes it back."""

    invoiced_on: Annotated[date, Field(strict=False)] | None


class Dispute(View):
    """A former owner says that a monitor was taken from them."""

    dispute_id: str
    device_id: str
    state: str
    opened_at: Moment
    decided_at: Moment | None = None


class Disputes(View):
    """The disputes about one device."""

    disputes: list[Dispute]


class DisputeDecision(Body):
    """What support decides."""

    outcome: Literal["reversed", "kept"]
    purpose: Annotated[Purpose, Field(strict=False)]


class StaffAction(Body):
    """Something that staff do to one monitor."""

    serial_number: SerialNumber
    purpose: Annotated[Purpose, Field(strict=False)]


class GroupChange(StaffAction):
    """The enrolment group that a monitor belongs to from now on."""

    enrolment_group: Annotated[str, StringConstraints(max_length=64)]


class MonitorAdmission(View):
    """Whether a monitor is let in."""

    device_id: str
    enrolment_group: str | None = None
    revoked_at: Moment | None = None


class Counted(View):
    """How often something was refused on one day, by hour (UTC) and reason."""

    day: str
    hours: dict[str, dict[str, int]]
