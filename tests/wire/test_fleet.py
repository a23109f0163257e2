"""What staff do for the fleet, through every real protocol."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any, Self

import pytest

from local.api import Answer, Refused
from tests.wire.conftest import Household, eventually


class Engineer:
    """A member of staff."""

    def __init__(self, household: Household, token: str) -> None:
        self._api = household.api
        self._authorization = f"Bearer {token}"

    @classmethod
    async def signed_in(cls, household: Household, *roles: str) -> Self:
        token = await household.token(email="engineer@staff.example", roles=" ".join(roles))
        return cls(household, token)

    async def put(self, path: str, body: dict[str, Any]) -> Answer:
        return await self._api.put(path, body, authorization=self._authorization)

    async def post(self, path: str, body: dict[str, Any]) -> Answer:
        return await self._api.post(path, body, authorization=self._authorization)

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


async def test_the_fleet_is_counted_by_a_job(household: Household) -> None:
    """The timer starts it, the worker of all jobs does it, and staff see the figures."""
    engineer = await Engineer.signed_in(household, "fleet")
    assert (await engineer.get("/api/staff/fleet?date=2020-02-29"))["cells"] == []
    for _ in range(2):
        async with household.api.session.post(f"{household.api.base_url}/admin/functions/count_fleet") as answer:
            assert answer.status == 202
    model = household.data["model"].replace(" ", "%20")

    async def counted() -> bool:
        return bool((await engineer.get(f"/api/staff/fleet?model={model}&firmware=3.2.1"))["devices"])

    await eventually(counted, "the fleet was never counted")
    figures = await engineer.get("/api/staff/fleet")
    assert household.data["serialNumber"] not in str(figures)
    with pytest.raises(Refused, match="date_invalid"):
        await engineer.get("/api/staff/fleet?date=tomorrow")


async def test_figures_of_use_are_computed_by_jobs(household: Household) -> None:
    """The timer starts them for every open day; staff are told the figures with their formulas."""
    engineer = await Engineer.signed_in(household, "fleet")
    async with household.api.session.post(f"{household.api.base_url}/admin/functions/compute_statistics") as answer:
        assert answer.status == 202
    yesterday = (datetime.now(UTC) - timedelta(days=1)).date().isoformat()

    async def computed() -> bool:
        return (await engineer.get(f"/api/staff/statistics?day={yesterday}")).body.get("date") == yesterday

    await eventually(computed, "the figures were never computed")
    figures = await engineer.get("/api/staff/statistics")
    assert figures["closed"] is False
    assert {"devices", "answeredShare"} <= {formula["figure"] for formula in figures["formulas"]}
    with pytest.raises(Refused, match="date_invalid"):
        await engineer.get("/api/staff/statistics?day=tomorrow")


@pytest.mark.parametrize("roles", [(), ("support",)])
async def test_only_the_fleets_staff_may(household: Household, roles: tuple[str, ...]) -> None:
    """Neither residents nor staff of another role."""
    engineer = await Engineer.signed_in(household, *roles)
    with pytest.raises(Refused) as refused:
        await engineer.put("/api/staff/offers/app", {"os": "iOS", "version": "9"})
    assert refused.value.code == "not_allowed"
    problem = await household.refused("PUT", "/api/staff/offers/app", json.dumps({}).encode())
    assert problem.code == "token_missing"
