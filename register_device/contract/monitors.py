"""What monitors say, and what they are told; and the claim that pairs them."""

from typing import Annotated, Any, Final

from pydantic import ConfigDict, StringConstraints, TypeAdapter, ValidationError, model_validator
from pydantic.json_schema import SkipJsonSchema

from register_device.device_data import understood
from shared.contract import Body, DeviceMoment, Moment, SerialNumber, View

Text = Annotated[str, StringConstraints(max_length=120)]
STRICT = ConfigDict(strict=True, defer_build=True)


Country = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
"""ISO 3166-1 alpha-2."""


Region = Annotated[str, StringConstraints(pattern=r"^[A-Za-z]{2,5}(-[0-9A-Za-z]{1,3})?$")]
"""A country, a part of one (ISO 3166-2), or a market such as EU or LATAM: never a place."""

MacAddress = Annotated[str, StringConstraints(pattern=r"^([0-9A-Fa-f]{2}[:-]?){5}[0-9A-Fa-f]{2}$")]


class ClaimRequest(Body):
    """A resident wants to pair a monitor."""

    country: Country | None = None
    """Where the monitor is, should it not know its region itself."""


class ClaimIssued(View):
    """Permission to pair one monitor. `claim` goes into the QR code, `code` is typed in; neither goes anywhere else."""

    claim_id: str
    claim: str
    code: str
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
    """What a monitor says of itself; makers' values are open, and any but the serial number may be absent or null.

    Names that makers use for the same are understood (`versionSW`, `manufacturingDate`). What is not declared, or
    cannot be true, is dropped and counted: a monitor with an odd date must be able to register.
    """

    model_config = ConfigDict(extra="ignore")

    serial_number: SerialNumber
    family: Text | None = None
    type: Text | None = None
    subtype: Text | None = None
    model: Text | None = None
    firmware_version: Text | None = None
    hardware_version: Text | None = None
    mac_address: MacAddress | None = None
    region: Region | None = None
    manufactured_at: DeviceMoment | None = None
    technical: dict[str, Any] | None = None
    """Technical information that varies by product, of the data map's declared names."""
    ignored_fields: SkipJsonSchema[int] = 0

    @model_validator(mode="before")
    @classmethod
    def _understood(cls, said: Any) -> Any:
        if not isinstance(said, dict):
            return said
        known = understood(said)
        odd = [name for name, valid in _OPTIONAL.items() if name in known and not _is_valid(valid, known[name])]
        sound = {name: value for name, value in known.items() if name not in odd}
        return sound | {"ignoredFields": known["ignoredFields"] + len(odd)}


_OPTIONAL: Final[dict[str, TypeAdapter[Any]]] = {
    **dict.fromkeys(
        ("family", "type", "subtype", "model", "firmwareVersion", "hardwareVersion"), TypeAdapter(Text, config=STRICT)
    ),
    "macAddress": TypeAdapter(MacAddress, config=STRICT),
    "region": TypeAdapter(Region, config=STRICT),
    "manufacturedAt": TypeAdapter(DeviceMoment, config=ConfigDict(defer_build=True)),
}


def _is_valid(valid: TypeAdapter[Any], value: Any) -> bool:
    try:
        valid.validate_python(value)
    except ValidationError:
        return False
    return True


class Registration(Body):
    """A monitor asks to be paired with the account behind a claim."""

    claim: Annotated[str, StringConstraints(max_length=200)]
    """The claim of the QR code, or the typed code."""
    device: DeviceData


class Renewal(Body):
    """A registered monitor asks for a fresh token."""

    token: Annotated[str, StringConstraints(max_length=8192)] | None = None
    """Its last token, expired or not: with it the renewal costs the service one read."""
    device: DeviceData | None = None
    """Its device data, as after an update of its firmware."""


class DeviceAccess(View):
    """The monitor's access, and what it should send."""

    device_id: str
    ownership_id: str
    token: str
    token_expires_at: Moment
    categories: list[str]
    owned_since: Moment
    """What was observed before belongs to nobody that this token speaks for: the monitor drops it."""
    server_time: Moment
    ignored_fields: int | None = None
    """How many fields of the device data are not declared, or cannot be true, and were dropped."""
