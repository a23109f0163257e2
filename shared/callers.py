"""Who calls: frozen values that the HTTP edge makes from a verified credential, and that use cases receive."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from shared.policy import Policy


class Role(StrEnum):
    """What a member of staff may be."""

    SUPPORT = "support"
    PRIVACY = "privacy"
    SALES = "sales"
    FLEET = "fleet"


@dataclass(frozen=True, slots=True)
class Anyone:
    """A caller who has shown nothing."""


@dataclass(frozen=True, slots=True)
class Resident:
    """A signed-in person with an account. The e-mail is a datum to keep, never a reason to let somebody in."""

    person_id: str
    email: str | None
    identity_key: str
    """Keyed hash of the sign-in identity."""
    contact_key: str | None = None
    """Keyed hash of the verified address, under which invitations to it lie; None without a verified one."""


@dataclass(frozen=True, slots=True)
class Staff:
    """A signed-in member of staff."""

    staff_id: str
    roles: frozenset[Role]


@dataclass(frozen=True, slots=True)
class Monitor:
    """A registered monitor, with the policy that its token carries."""

    device_id: str
    ownership_id: str
    policy: Policy
    product: Mapping[str, str] = field(default_factory=dict)
    """Model, firmware and region, as the token names them."""


@dataclass(frozen=True, slots=True)
class AttestedMonitor:
    """A monitor that has proved its make; it need not be registered."""

    serial_number: str
    enrolment_group: str


@dataclass(frozen=True, slots=True)
class Recipient:
    """A recipient of data that shows the token of one notice, and so may acknowledge that one."""

    name: str
    request_id: str
    event: str


Caller = Anyone | Resident | Staff | Monitor | AttestedMonitor | Recipient
