"""Who may call an operation. Every operation names one admission; there is no default that lets anybody in."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from shared.callers import Anyone, Caller, Monitor, Role, Staff
from shared.errors import Problem
from shared.keys import keyed_id, read_acknowledgement_token, read_device_token
from shared.people import resident
from shared.services import Services


@dataclass(frozen=True, slots=True)
class Admission:
    """One way to be let in: turns an Authorization header into a caller, or raises a `Problem`."""

    name: str
    """What the function manifest and the API description call it."""
    scheme: str | None
    """The security scheme of the API description; None when anyone may call."""
    admit: Callable[[str | None, Services], Awaitable[Caller]]


def bearer_token(authorization: str | None) -> str:
    """The token of an Authorization header.

    Raises:
        Problem: token_missing, when there is no bearer token.
    """
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Problem("token_missing")
    return token.strip()


async def _admit_anyone(_authorization: str | None, _services: Services) -> Caller:
    return Anyone()


async def _admit_resident(authorization: str | None, services: Services) -> Caller:
    now = services.clock()
    identity = await services.sign_in.verify(bearer_token(authorization), now=now)
    return await resident(identity, database=services.database, identity_key=services.settings.identity_key, now=now)


async def _admit_monitor(authorization: str | None, services: Services) -> Caller:
    token = read_device_token(bearer_token(authorization), keys=services.device_keys, now=services.clock())
    return Monitor(token.device_id, token.ownership_id, token.policy, token.product)


async def _admit_recipient(authorization: str | None, services: Services) -> Caller:
    return read_acknowledgement_token(bearer_token(authorization), keys=services.device_keys, now=services.clock())


ANYONE: Final = Admission("anyone", None, _admit_anyone)
RESIDENT: Final = Admission("resident", "signIn", _admit_resident)
MONITOR: Final = Admission("monitor", "deviceToken", _admit_monitor)
RECIPIENT: Final = Admission("recipient", "noticeToken", _admit_recipient)


def staff(role: Role) -> Admission:
    """Staff with a role; others are refused with not_allowed."""

    async def admit(authorization: str | None, services: Services) -> Caller:
        identity = await services.sign_in.verify(bearer_token(authorization), now=services.clock())
        if role not in identity.roles:
            raise Problem("not_allowed")
        staff_id = keyed_id(services.settings.identity_key, "staff", f"{identity.issuer}\n{identity.subject}")
        return Staff(staff_id, identity.roles)

    return Admission(f"staff:{role.value}", "signIn", admit)
