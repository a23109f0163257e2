"""What a resident is told about their devices."""

from datetime import date
from typing import Any

from register_device.contract.offers import Update
from shared.contract import Moment, View


class Warranty(View):
    """Derived: 36 months from the best date that is known; `basis` says which."""

    status: str
    basis: str
    starts_on: date | None = None
    ends_on: date | None = None


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
    region_source: str | None = None
    """Who said the region: the monitor, or the app that asked for the claim."""
    manufactured_at: Moment | None = None
    first_connected_at: Moment | None = None
    age_days: int | None = None
    warranty: Warranty | None = None
    last_seen_at: Moment | None = None
    update: Update | None = None
    connectivity: str | None = None
    """`seen` within the last two days, `silent`, or `never_seen`."""


class FirmwareSeen(View):
    """A firmware version that the monitor had from a time on."""

    version: str
    first_seen_at: Moment


class DeviceDetail(Device):
    """One device, with everything that is held about it itself."""

    technical: dict[str, Any]
    firmware_history: list[FirmwareSeen]


class Devices(View):
    """The devices of the resident."""

    devices: list[Device]
