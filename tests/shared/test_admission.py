"""Who is let in: residents by their person, staff by their role, monitors by their token."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest

from shared.admission import MONITOR, bearer_token, staff
from shared.callers import Role, Staff
from shared.errors import Problem
from shared.services import Services
from shared.sign_in import Identity
from tests.people import IDENTITY_KEY


class Provider:
    """Vouches for one identity, whatever the token."""

    def __init__(self, *roles: Role) -> None:
        self._identity = Identity("https://sign-in.example", "subject", None, frozenset(roles))

    async def verify(self, _token: str, *, now: datetime) -> Identity:
        assert now.tzinfo is not None
        return self._identity


def services(*roles: Role) -> Services:
    settings = SimpleNamespace(identity_key=IDENTITY_KEY)
    double: Any = SimpleNamespace(settings=settings, sign_in=Provider(*roles), clock=lambda: datetime.now(UTC))
    return cast("Services", double)


async def test_staff_with_the_role_are_let_in_under_an_id_that_names_nobody() -> None:
    """What they do is kept under that id."""
    caller = await staff(Role.PRIVACY).admit("Bearer token", services(Role.PRIVACY, Role.SUPPORT))
    assert isinstance(caller, Staff)
    assert caller.roles == {Role.PRIVACY, Role.SUPPORT}
    assert "subject" not in caller.staff_id


@pytest.mark.parametrize("roles", [(), (Role.SUPPORT,), (Role.SALES, Role.FLEET)])
async def test_staff_without_the_role_are_refused(roles: tuple[Role, ...]) -> None:
    """Another role is no role; being signed in is none either."""
    with pytest.raises(Problem, match="not_allowed"):
        await staff(Role.PRIVACY).admit("Bearer token", services(*roles))


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Basic dXNlcjpwYXNz", "token"])
async def test_no_bearer_token_is_no_token(header: str | None) -> None:
    """For every kind of caller that needs one."""
    with pytest.raises(Problem, match="token_missing"):
        bearer_token(header)
    with pytest.raises(Problem, match="token_missing"):
        await MONITOR.admit(header, services())
    with pytest.raises(Problem, match="token_missing"):
        await staff(Role.PRIVACY).admit(header, services(Role.PRIVACY))
