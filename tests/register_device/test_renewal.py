"""Renewal: a fresh token for a registered monitor, for one read."""

import asyncio
import json
import urllib.request
from typing import Any

import pytest

from local.cosmos.server import CosmosServer
from register_device.contract.monitors import DeviceAccess, DeviceData, Renewal
from register_device.devices import owned_device
from register_device.registration import renew_access
from register_device.support_cases import open_case
from shared.callers import AttestedMonitor
from shared.errors import Problem
from shared.keys import DEVICE_TOKEN_LIFE, KeySet, read_device_token
from tests.keys import symmetric_jwks
from tests.people import IDENTITY_KEY, SERIAL, House

pytestmark = pytest.mark.wire


async def renewed(
    house: House, last: DeviceAccess | None = None, *, keys: KeySet | None = None, **said: Any
) -> DeviceAccess:
    device = DeviceData.model_validate({"serialNumber": SERIAL, "firmwareVersion": "3.2.1"} | said)
    return await renew_access(
        AttestedMonitor(SERIAL, "veo-wifi"),
        Renewal(token=last.token if last else None, device=device),
        database=house.database,
        keys=keys or house.keys,
        identity_key=IDENTITY_KEY,
        journal=house.journal,
        now=house.clock(),
    )


async def used(cosmos: CosmosServer, method: str = "GET") -> dict[str, int]:
    """Requests that each container has answered."""
    content = await asyncio.to_thread(_asked, f"{cosmos.endpoint}_local/usage", method)
    containers = json.loads(content)["containers"] if content else {}
    return {name.partition("/")[2]: one["requests"] for name, one in containers.items() if name != "account"}


def _asked(url: str, method: str) -> bytes:
    with urllib.request.urlopen(urllib.request.Request(url, method=method), timeout=10) as answer:  # noqa: S310 - loopback
        return bytes(answer.read())


async def test_a_renewal_with_the_last_token_reads_the_gate_and_nothing_else(
    house: House, cosmos: CosmosServer
) -> None:
    """Also long after that token has expired."""
    access = await house.pair("maria")
    house.clock.now += DEVICE_TOKEN_LIFE * 500
    await used(cosmos, "DELETE")
    again = await renewed(house, access)
    assert await used(cosmos) == {"telemetry": 1}
    assert again.ownership_id == access.ownership_id


async def test_the_next_renewal_is_as_cheap(house: House, cosmos: CosmosServer) -> None:
    """Also after one that had no token to show."""
    await house.pair("maria")
    first = await renewed(house)
    await used(cosmos, "DELETE")
    await renewed(house, await renewed(house, first))
    assert await used(cosmos) == {"telemetry": 2}


async def test_it_brings_the_policy_in_force(house: House) -> None:
    """A support case that was opened meanwhile."""
    access = await house.pair("maria")
    await open_case("maria", access.device_id, 7, database=house.database, journal=house.journal, now=house.clock())
    assert (await renewed(house, access)).categories == ["usage", "performance"]


async def test_new_firmware_is_told_with_a_renewal(house: House, cosmos: CosmosServer) -> None:
    """It is kept with the time since when; telling it again costs one read."""
    access = await house.pair("maria")
    house.clock.forward(days=1)
    updated = await renewed(house, access, firmwareVersion="3.3.0", technical={"build": "9"})
    device = await owned_device("maria", access.device_id, database=house.database)
    assert (device["firmwareVersion"], device["technical"]) == ("3.3.0", {"build": "9"})
    await used(cosmos, "DELETE")
    await renewed(house, updated, firmwareVersion="3.3.0", technical={"build": "9"})
    assert await used(cosmos) == {"telemetry": 1}
    query = "SELECT * FROM c WHERE c.type = 'firmwareVersion'"
    seen = [item["version"] async for item in house.database["devices"].query(query, partition=access.device_id)]
    assert sorted(seen) == ["3.2.1", "3.3.0"]


@pytest.mark.parametrize("token", ["", "garbage", "e30.e30.e30"])
async def test_what_is_no_token_of_ours_is_no_token(house: House, token: str) -> None:
    """The monitor proved its make: it gets a new one, for three reads."""
    access = await house.pair("maria")
    again = await renewed(house, access.model_copy(update={"token": token}))
    assert again.ownership_id == access.ownership_id


async def test_the_token_of_another_monitor_is_worth_nothing(house: House) -> None:
    """It neither opens that one's ownership nor hinders one's own."""
    mine, other = await house.pair("maria"), await house.pair("jordi", "VEO-000002")
    again = await renewed(house, other)
    assert (again.device_id, again.ownership_id) == (mine.device_id, mine.ownership_id)


async def test_a_monitor_of_another_owner_gets_that_owners_token(house: House) -> None:
    """And is told since when: what it observed before it drops."""
    before = await house.pair("maria")
    house.clock.forward(days=1)
    after = await house.pair("jordi")
    renewed_after = await renewed(house, before)
    assert renewed_after.ownership_id == after.ownership_id
    assert renewed_after.owned_since == house.clock()


async def test_a_monitor_renews_for_itself(house: House) -> None:
    """Its device data names itself."""
    await house.pair("maria")
    with pytest.raises(Problem, match="serial_mismatch"):
        await renewed(house, serialNumber="VEO-000002")


async def test_signing_keys_are_replaced_with_an_overlap(house: House) -> None:
    """The new key is put first: old tokens still verify, until the old key is taken out."""
    old_jwks = symmetric_jwks()
    old_keys = KeySet(old_jwks, "HS256")
    await house.pair("maria")
    access = await renewed(house, keys=old_keys)
    new_jwks = symmetric_jwks("dev-device-2")
    both = KeySet({"keys": [*new_jwks["keys"], *old_jwks["keys"]]}, "HS256")
    assert read_device_token(access.token, keys=both, now=house.clock()).ownership_id == access.ownership_id
    fresh = await renewed(house, access, keys=both)
    only_new = KeySet(new_jwks, "HS256")
    assert read_device_token(fresh.token, keys=only_new, now=house.clock()).ownership_id == access.ownership_id
    with pytest.raises(Problem, match="token_foreign"):
        read_device_token(access.token, keys=only_new, now=house.clock())
    assert (await renewed(house, access, keys=only_new)).ownership_id == access.ownership_id
