"""What staff do for the fleet, through every real protocol."""

import json
from typing import Any

import pytest

from local.api import Answer, Refused
from tests.wire.conftest import Household


class Engineer:
    """A member of staff."""

    def __init__(self, household: Household, token: str) -> None:
        self._api = household.api
        self._authorization = f"Bearer {token}"

    @classmethod
    async def signed_in(cls, household: Household, *roles: str) -> "Engineer":
        token = await household.token(email="engineer@staff.example", roles=" ".join(roles))
        return cls(household, token)

    async def put(self, path: str, body: dict[str, Any]) -> Answer:
        return await self._api.put(path, body, authorization=self._authorization)

    async def get(self, path: str) -> Answer:
        return await self._api.get(path, authorization=self._authorization)


async def test_a_resident_sees_what_staff_put_on_offer(household: Household) -> None:
    """PUT by staff, and a moment later in the resident's list of devices."""
    engineer = await Engineer.signed_in(household, "fleet")
    body = {"model": household.data["model"], "version": "3.4.0"}
    assert (await engineer.put("/api/staff/offers/firmware", body)).status == 200
    assert (await engineer.put("/api/staff/offers/app", {"os": "iOS", "version": "4.3.0"})).status == 200
    [device] = await household.resident.devices()
    assert device["update"] == {"state": "available", "version": "3.4.0"}
    listed = (await engineer.get("/api/staff/offers"))["offers"]
    assert {"firmware", "app"} <= {offer["product"] for offer in listed}


@pytest.mark.parametrize("roles", [(), ("support",)])
async def test_only_the_fleets_staff_may(household: Household, roles: tuple[str, ...]) -> None:
    """Neither residents nor staff of another role."""
    engineer = await Engineer.signed_in(household, *roles)
    with pytest.raises(Refused) as refused:
        await engineer.put("/api/staff/offers/app", {"os": "iOS", "version": "9"})
    assert refused.value.code == "not_allowed"
    problem = await household.refused("PUT", "/api/staff/offers/app", json.dumps({}).encode())
    assert problem.code == "token_missing"
