"""What a resident is told about their devices."""

from register_device.contract.offers import Update
from shared.contract import Moment, View


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
    update: Update | None = None


class Devices(View):
    """The devices of the resident."""

    devices: list[Device]
