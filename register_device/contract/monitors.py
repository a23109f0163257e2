"""What monitors say, and what they are told; and the claim that pairs them."""

from typing import Annotated

from pydantic import StringConstraints

from shared.contract import Body, DeviceMoment, Moment, View

Text = Annotated[str, StringConstraints(max_length=120)]
SerialNumber = Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z-]{6,64}$")]


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
