"""What is said about support cases, by owners and by support staff."""

from enum import StrEnum
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from pydantic import AfterValidator, Field

from shared.contract import Body, Moment, Purpose, SerialNumber, View

LOG_LIMIT_BYTES: Final = 64 * 1024


def _bounded(log: str) -> str:
    if len(log.encode()) > LOG_LIMIT_BYTES:
        raise ValueError("the log is too long")
    return log


Days = Annotated[int, Field(ge=1, le=30)]
Log = Annotated[str, Field(max_length=LOG_LIMIT_BYTES), AfterValidator(_bounded)]


class OpenSupportCase(Body):
    """The owner agrees that performance data is collected for a while."""

    days: Days = 7
    log: Log | None = None
    """What the mobile application logged: at most 64 KiB in UTF-8."""
    request_id: UUID | None = None
    """A name for this request: repeated, it is answered with the case that it opened."""


class CaseState(StrEnum):
    """How far a support case is."""

    ASKED = "asked"
    OPEN = "open"
    CLOSED = "closed"
    EXPIRED = "expired"
    DECLINED = "declined"
    LAPSED = "lapsed"


class SupportCase(View):
    """A support case of one device."""

    case_id: str
    device_id: str
    state: CaseState
    asked_by: Literal["owner", "support"]
    purpose: str | None = None
    """Why support staff asked for it."""
    days: int
    created_at: Moment
    answer_by: Moment | None = None
    """Until when a question can be answered."""
    opened_at: Moment | None = None
    expires_at: Moment | None = None
    declined_at: Moment | None = None
    closed_at: Moment | None = None
    taken_out: dict[str, int] | None = None
    """When a log was given: how many of each personal thing were taken out before it was stored."""


class SupportCases(View):
    """The owner's support cases of one device, newest first."""

    support_cases: list[SupportCase]


class AskForSupportCase(Body):
    """Support staff ask the owner of a device for a support case."""

    serial_number: SerialNumber
    days: Days = 7
    purpose: Purpose


class LookUpDevice(Body):
    """Support staff want to know what a device is."""

    serial_number: SerialNumber
    purpose: Purpose


class RegistrationState(StrEnum):
    """Whether a device belongs to somebody, did once, or is not admitted."""

    NEVER_REGISTERED = "never_registered"
    REGISTERED = "registered"
    NOT_REGISTERED = "not_registered"
    REVOKED = "revoked"


class CaseReference(View):
    """A support case that is open or asked for."""

    case_id: str
    state: CaseState


class DeviceFound(View):
    """What a device is, and nothing about whose it is."""

    registration: RegistrationState
    device_id: str | None = None
    family: str | None = None
    type: str | None = None
    subtype: str | None = None
    model: str | None = None
    firmware_version: str | None = None
    hardware_version: str | None = None
    region: str | None = None
    support_cases: list[CaseReference] = Field(default_factory=list)


class ViewSupportData(Body):
    """Support staff want to see the data of an open support case."""

    purpose: Purpose
    cursor: Annotated[str, Field(max_length=400)] | None = None


class DeviceRecord(View):
    """What a monitor said of itself when it registered."""

    serial_number: str
    family: str | None = None
    type: str | None = None
    subtype: str | None = None
    model: str | None = None
    firmware_version: str | None = None
    hardware_version: str | None = None
    mac_address: str | None = None
    region: str | None = None
    technical: dict[str, Any] | None = None
    """Technical information that varies by product."""
    manufactured_at: str | None = None
    first_connected_at: str


class PerformanceReadings(View):
    """Readings of one message: per kind one list per field."""

    received_at: str
    clock_offset_s: float
    """What is to be added to the monitor's own times."""
    columns: dict[str, dict[str, list[Any]]]


class SupportData(View):
    """A page of what support staff may see while a case is open; device and log are on the first one."""

    device: DeviceRecord | None = None
    log: str | None = None
    readings: list[PerformanceReadings]
    cursor: str | None = None
    """What the next page is asked for with; absent on the last one."""
