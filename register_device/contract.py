"""What is said to and by `register_device`."""

from typing import Annotated

from pydantic import Field, StringConstraints

from shared.contract import Body, DeviceMoment, Moment, View

Text = Annotated[str, StringConstraints(max_length=120)]
SerialNumber = Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z-]{6,64}$")]


class ApplePush(Body):
    """Where Apple's push service reaches the application."""

    sandbox: bool = False
    token: Annotated[str, StringConstraints(min_length=1, max_length=400)]


class AppInstallation(Body):
    """The mobile application on one phone, in the words of the Blue app."""

    token: Annotated[str, StringConstraints(min_length=1, max_length=4096)]
    os: Text
    os_version: Text
    app_version: Text
    locale: Annotated[str, StringConstraints(max_length=35)]
    active: bool = True
    app_build: Text | None = None
    phone_mobile: Text | None = None
    apns: ApplePush | None = None


class InstallationRegistered(View):
    """The installation is known."""

    installation_id: str
    registered_at: Moment


class Me(View):
    """The signed-in person."""

    person_id: str
    email: str
    created_at: Moment


class ClaimIssued(View):
    """Permission to pair one monitor. `claim` goes into the QR code, and nowhere else."""

    claim_id: str
    claim: str
    expires_at: Moment


class ChallengeRequest(Body):
    """A monitor wants to prove its make."""

    serial_number: SerialNumber


class ChallengeIssued(View):
    """A challenge to sign; it carries the time, for monitors that do not know it."""

    challenge: str
    server_time: Moment
    expires_at: Moment
    expires: int
    """The same in seconds since 1970: the `se` of the signature."""


class DeviceData(Body):
    """What a monitor says of itself; makers' values are open, and any but the serial number may be absent or null."""

    serial_number: SerialNumber
    family: Text | None = None
    type: Text | None = None
    subtype: Text | None = None
    model: Text | None = None
    firmware_version: Text | None = None
    hardware_version: Text | None = None
    mac_address: Annotated[str, StringConstraints(pattern=r"^([0-9A-Fa-f]{2}[:-]?){5}[0-9A-Fa-f]{2}$")] | None = None
    region: Annotated[str, StringConstraints(max_length=35)] | None = None
    manufactured_at: DeviceMoment | None = None


class Registration(Body):
    """A monitor asks to be paired with the account behind a claim."""

    claim: Annotated[str, StringConstraints(max_length=200)]
    device: DeviceData


class DeviceAccess(View):
    """The monitor's access, and what it should send."""

    device_id: str
    ownership_id: str
    token: str
    token_expires_at: Moment
    categories: list[str]
    server_time: Moment


class Warranty(View):
    """Derived: 36 months from the best date that is known."""

    status: str
    basis: str
    starts_on: str | None = None
    ends_on: str | None = None


class Device(View):
    """One device of the resident, with what is derived when it is read."""

    device_id: str
    role: str
    since: Moment
    until: Moment | None = None
    serial_number: str | None = None
    family: str | None = None
    type: str | None = None
    subtype: str | None = None
    model: str | None = None
    firmware_version: str | None = None
    hardware_version: str | None = None
    mac_address: str | None = None
    region: str | None = None
    manufactured_at: Moment | None = None
    first_connected_at: Moment | None = None
    age_days: int | None = None
    warranty: Warranty | None = None
    last_seen_at: Moment | None = None


class Devices(View):
    """The devices of the resident."""

    devices: list[Device]


class OpenSupportCase(Body):
    """The owner agrees that performance data is collected for a while."""

    days: Annotated[int, Field(ge=1, le=30)] = 7


class SupportCase(View):
    """A support case of one device."""

    case_id: str
    device_id: str
    opened_at: Moment
    expires_at: Moment
    closed_at: Moment | None = None
