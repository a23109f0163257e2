"""Admission: what staff shut out, let in and move."""

import pytest

from register_device import admissions
from register_device.contract.monitors import DeviceData, Registration, Renewal
from register_device.devices import list_devices
from register_device.registration import register_monitor, renew_access
from shared.callers import AttestedMonitor
from shared.errors import Problem
from shared.gate import load_policy
from tests.people import IDENTITY_KEY, SERIAL, House
from tests.register_device.ownership_steps import DEVICE_ID, FLEET, check_history, moved, renewed, revoked

pytestmark = pytest.mark.wire


async def test_a_revoked_monitor_is_shut_out(house: House) -> None:
    """Its ownership ends, its token renews nothing, it cannot be paired; the owner is told and keeps their period."""
    access = await house.pair("maria")
    house.clock.forward(days=1)
    await revoked(house)
    assert (await load_policy(house.database["telemetry"], access.ownership_id)).end == house.clock()
    for token in (None, access.token):
        with pytest.raises(Problem, match="attestation_refused") as refused:
            await renewed(house, token=token)
        assert refused.value.counted == "attestation.revoked"
    with pytest.raises(Problem, match="attestation_refused"):
        await house.pair("maria")
    assert (await house.told("maria"))[-1] == ("monitor_revoked", access.ownership_id)
    await revoked(house)
    await check_history(house)


async def test_a_monitor_that_is_not_let_in_spends_no_claim(house: House) -> None:
    """The right monitor pairs with it afterwards, and has all its tries."""
    await house.pair("maria")
    claim = await house.claim("jordi")
    for shown in (claim, *["0000-0000"] * 10):
        asked = Registration(claim=shown, device=DeviceData.model_validate({"serialNumber": SERIAL}))
        with pytest.raises(Problem, match="attestation_refused"):
            await register_monitor(
                AttestedMonitor(SERIAL, "another-group"),
                asked,
                database=house.database,
                keys=house.keys,
                identity_key=IDENTITY_KEY,
                journal=house.journal,
                now=house.clock(),
            )
    _, is_new = await house.register(claim)
    assert is_new


async def test_a_monitor_that_was_never_registered_can_be_shut_out(house: House) -> None:
    """As a batch that was stolen on its way to the shop. Let in again, it is paired as any other."""
    await revoked(house)
    with pytest.raises(Problem, match="attestation_refused"):
        await house.pair("maria")
    await admissions.admit_again(FLEET, DEVICE_ID, "repair", database=house.database, now=house.clock())
    house.clock.forward(days=1)
    await house.pair("maria")
    [device] = await list_devices("maria", database=house.database, now=house.clock())
    assert device.first_connected_at == house.clock()


async def test_nothing_is_let_in_or_moved_that_is_not_known(house: House) -> None:
    """A serial number with a slip in it."""
    with pytest.raises(Problem, match="device_not_registered"):
        await admissions.admit_again(FLEET, DEVICE_ID, "repair", database=house.database, now=house.clock())
    with pytest.raises(Problem, match="device_not_registered"):
        await moved(house, "veo-wifi-2")
    with pytest.raises(Problem, match="enrolment_group_unknown"):
        await moved(house, "no such group")


async def test_a_monitor_that_was_moved_proves_its_make_by_the_other_group(house: House) -> None:
    """And by the former one no more, with whatever token."""
    access = await house.pair("maria")
    await moved(house, "veo-wifi-2")
    house.clock.forward(hours=1)
    for token in (None, access.token):
        with pytest.raises(Problem, match="attestation_refused"):
            await renewed(house, token=token)
    by_new_group = await renew_access(
        AttestedMonitor(SERIAL, "veo-wifi-2"),
        Renewal(token=access.token),
        database=house.database,
        keys=house.keys,
        identity_key=IDENTITY_KEY,
        journal=house.journal,
        now=house.clock(),
    )
    assert by_new_group.ownership_id == access.ownership_id


async def test_what_staff_did_to_a_monitor_is_in_the_services_chain(house: House) -> None:
    """With purpose and by whom, also when it belongs to nobody."""
    await revoked(house)
    await admissions.admit_again(FLEET, DEVICE_ID, "repair", database=house.database, now=house.clock())
    await moved(house, "veo-wifi-2")
    query = "SELECT * FROM c WHERE c.type = 'ledgerEntry' ORDER BY c.seq"
    entries = [item async for item in house.database["ledger"].query(query, partition="service")]
    assert [(entry["action"], entry["actorKind"], entry["details"]["purpose"]) for entry in entries] == [
        ("monitor_revoked", "staff:fleet", "security_incident"),
        ("monitor_admitted", "staff:fleet", "repair"),
        ("enrolment_group_changed", "staff:fleet", "security_incident"),
    ]
