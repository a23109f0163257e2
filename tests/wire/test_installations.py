"""A resident's phones, through every real protocol."""

import pytest

from local.api import Refused
from tests.wire.conftest import PERSONAL, Household

PERSONAL.update({"a token of the phone", "a token of the phone, replaced"})


async def test_a_phone_is_registered_refreshed_listed_and_removed(household: Household, neighbours: Household) -> None:
    """And changes hands in between: it rings for whoever registered it last."""
    first = await household.resident.register_installation()
    known = first["installationId"]
    await household.resident.refresh_installation(known, token="a token of the phone", country="ES", subdivision="ES-V")
    [phone] = await household.resident.installations()
    assert (phone["installationId"], phone["active"], phone["subdivision"]) == (known, True, "ES-V")
    of_neighbour = (await neighbours.resident.register_installation())["installationId"]
    await neighbours.resident.refresh_installation(of_neighbour, token="a token of the phone")
    [phone] = await household.resident.installations()
    assert not phone["active"]
    with pytest.raises(Refused, match="installation_unknown"):
        await household.resident.refresh_installation(of_neighbour, token="a token of the phone, replaced")
    assert (await household.resident.remove_installation(known)).status == 200
    assert (await household.resident.remove_installation(known)).status == 200
    assert await household.resident.installations() == []
