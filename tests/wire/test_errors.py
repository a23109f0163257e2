"""What people are told when something goes wrong, through every real protocol."""

import pytest

from local.api import Api, Refused
from tests.wire.conftest import Household


async def test_anyone_may_read_the_catalogue_of_errors(api: Api) -> None:
    """Those who write apps, and those who answer residents."""
    errors = {entry["code"]: entry for entry in (await api.get("/api/errors"))["errors"]}
    assert errors["claim_expired"]["pairingError"] == 3
    assert "status" not in errors["access_point_unreachable"]
    assert "es" in errors["access_point_unreachable"]["resident"]


async def test_a_failed_registration_is_error_3(household: Household) -> None:
    """The monitor shows it; the code beside it says why."""
    with pytest.raises(Refused) as refused:
        await household.monitor.register("no claim of ours")
    assert (refused.value.code, refused.value.problem["pairingError"]) == ("claim_unknown", 3)
    problem = await household.refused("POST", "/api/devices/token", b"{}")
    assert "pairingError" not in problem.problem
