"""Guests of a device: what they see, what they do not, and that it ends at once and everywhere."""

import asyncio
from datetime import timedelta

import pytest

from register_device.devices import owned_device, release_device
from register_device.guests import list_guests
from register_device.support_cases import open_case
from shared.callers import Resident
from shared.clock import text
from shared.errors import Problem
from tests.hosts import Hosts

pytestmark = pytest.mark.wire


async def test_an_invited_person_becomes_a_guest(hosts: Hosts, maria: Resident, jordi: Resident) -> None:
    """By accepting what they see under their verified address; nobody sees the other's address."""
    guest_id = await hosts.invited(maria)
    assert await hosts.guests(maria) == [(guest_id, "invited")]
    assert await hosts.invitations(jordi) == [guest_id]
    hosts.clock.forward(hours=1)
    device = await hosts.accept(jordi, guest_id)
    assert (device.device_id, device.role, device.since) == (hosts.device_id, "guest", hosts.clock())
    assert await hosts.invitations(jordi) == []
    [guest] = await list_guests(maria.person_id, hosts.device_id, database=hosts.database, now=hosts.clock())
    assert (guest.guest_id, guest.state, guest.since, guest.expires_at) == (guest_id, "active", hosts.clock(), None)
    assert "@" not in str(guest)
    assert await hosts.told(maria) == ["guest_joined"]
    assert await hosts.recorded(maria) == [("guest_invited", "person"), ("guest_joined", "guest")]
    assert await hosts.recorded(jordi) == [("guest_joined", "person")]


async def test_a_guest_sees_what_it_is_and_nothing_of_its_owner(hosts: Hosts, maria: Resident, jordi: Resident) -> None:
    """No serial number, address, warranty or last-seen; and what the owner does, a guest cannot do."""
    await hosts.accept(jordi, await hosts.invited(maria))
    assert await hosts.devices(jordi) == [
        {
            "deviceId": hosts.device_id,
            "role": "guest",
            "since": text(hosts.clock()),
            "family": "MONITOR",
            "type": "VEO",
            "model": "VEO-XS WIFI",
        }
    ]
    for refused in (
        owned_device(jordi.person_id, hosts.device_id, database=hosts.database),
        hosts.guests(jordi),
        hosts.invite(jordi, "pau"),
        hosts.remove(jordi, "0" * 32),
        open_case(
            jordi.person_id,
            hosts.device_id,
            7,
            database=hosts.database,
            journal=hosts.house.journal,
            now=hosts.clock(),
        ),
    ):
        with pytest.raises(Problem, match="device_not_yours"):
            await refused


@pytest.mark.parametrize("ending", ["removed", "left"])
async def test_a_guest_who_goes_has_no_access_any_more(
    hosts: Hosts, maria: Resident, jordi: Resident, ending: str
) -> None:
    """At once, whoever ends it; both are told, the ledger of both says so, and the period stays on record."""
    guest_id = await hosts.invited(maria)
    await hosts.accept(jordi, guest_id)
    since = hosts.clock()
    hosts.clock.forward(hours=2)  # its place is free a day after the invitation: not while this looks at it
    for _ in range(2):  # a repeat changes nothing
        if ending == "removed":
            assert (await hosts.remove(maria, guest_id)).state == "ended"
        else:
            assert (await hosts.leave(jordi)).until is not None
    assert await hosts.devices(jordi) == [
        {"deviceId": hosts.device_id, "role": "guest", "since": text(since), "until": text(hosts.clock())}
    ]
    assert await hosts.guests(maria) == []
    left = ["guest_left"] if ending == "left" else []
    assert await hosts.told(maria) == ["guest_joined", *left]
    assert await hosts.told(jordi) == ["guest_access_ended"]
    by_owner, by_guest = ("person", "host") if ending == "removed" else ("guest", "person")
    assert (await hosts.recorded(maria))[-1] == (f"guest_{ending}", by_owner)
    assert (await hosts.recorded(jordi))[-1] == (f"guest_{ending}", by_guest)
    with pytest.raises(Problem, match="invitation_unknown"):
        await hosts.accept(jordi, guest_id)


async def test_who_is_no_guest_cannot_leave(hosts: Hosts, maria: Resident, jordi: Resident) -> None:
    """Neither the owner, nor one who was only invited."""
    await hosts.invited(maria)
    for caller in (maria, jordi):
        with pytest.raises(Problem, match="device_not_yours"):
            await hosts.leave(caller)


async def test_who_was_removed_can_be_invited_again(hosts: Hosts, maria: Resident, jordi: Resident) -> None:
    """As a new guest; leaving ends the present time as one, and not the one before."""
    first = await hosts.invited(maria)
    await hosts.accept(jordi, first)
    await hosts.remove(maria, first)
    hosts.clock.forward(days=1)
    second = await hosts.invited(maria)
    assert second != first
    await hosts.accept(jordi, second)
    hosts.clock.forward(days=1)
    assert (await hosts.leave(jordi)).until == hosts.clock()
    assert [one["until"] for one in await hosts.devices(jordi)] == [
        text(hosts.clock() - timedelta(days=2)),
        text(hosts.clock()),
    ]


async def test_a_guest_by_two_addresses_is_one_guest(hosts: Hosts, maria: Resident, jordi: Resident) -> None:
    """Accepting again answers how it is."""
    first = await hosts.accept(jordi, await hosts.invited(maria))
    hosts.clock.forward(hours=1)
    other = await hosts.sign_in("jordi", email="jordi.other@resident.example")
    assert await hosts.accept(other, await hosts.invited(maria, "jordi.other")) == first
    assert len(await hosts.devices(jordi)) == 1


async def test_accepting_and_removing_at_once_end_in_one_state(hosts: Hosts, maria: Resident, jordi: Resident) -> None:
    """Nobody keeps access whom the owner does not see."""
    guest_id = await hosts.invited(maria)
    await asyncio.gather(hosts.accept(jordi, guest_id), hosts.remove(maria, guest_id), return_exceptions=True)
    await hosts.remove(maria, guest_id)
    assert await hosts.guests(maria) == []
    assert [device for device in await hosts.devices(jordi) if "until" not in device] == []


async def test_accepting_at_once_many_times_is_accepting(hosts: Hosts, maria: Resident, jordi: Resident) -> None:
    """A repeat by the same person is harmless, also much later."""
    guest_id = await hosts.invited(maria)
    ends = await asyncio.gather(*(hosts.accept(jordi, guest_id) for _ in range(4)))
    hosts.clock.forward(days=30)
    assert {one.since for one in [*ends, await hosts.accept(jordi, guest_id)]} == {hosts.clock() - timedelta(days=30)}
    assert await hosts.told(maria) == ["guest_joined"]


async def test_nobody_removes_a_guest_that_is_not_there(hosts: Hosts, maria: Resident) -> None:
    """An id of nobody, or of another device."""
    with pytest.raises(Problem, match="guest_unknown"):
        await hosts.remove(maria, "0" * 32)


async def test_guests_end_with_the_ownership(hosts: Hosts, maria: Resident, jordi: Resident) -> None:
    """Whoever was a guest of the former owner sees nothing of the new one's, and is told; invitations end too."""
    await hosts.accept(jordi, await hosts.invited(maria))
    clara = await hosts.sign_in("clara")
    open_still = await hosts.invited(maria, "clara")
    hosts.clock.forward(days=1)
    pau = await hosts.move_in("pau")
    [device] = await hosts.devices(jordi)
    assert (device["until"], "model" in device) == (text(hosts.clock()), False)
    assert await hosts.told(jordi) == ["guest_access_ended"]
    assert await hosts.invitations(clara) == []
    with pytest.raises(Problem, match="invitation_unknown"):
        await hosts.accept(clara, open_still)
    assert await hosts.guests(pau) == []
    assert await hosts.recorded(pau) == []
    assert (await hosts.recorded(maria))[-1] == ("guest_removed", "service")
    assert (await hosts.recorded(jordi))[-1] == ("guest_removed", "service")
    for place in await hosts.stored("devices", "guest"):
        assert {"inviteeKey", "guestPersonId"} & place.keys() == set()


async def test_guests_end_when_the_owner_lets_the_monitor_go(hosts: Hosts, maria: Resident, jordi: Resident) -> None:
    """It has no owner then; who was invited cannot accept, and who was a guest is none."""
    await hosts.accept(jordi, await hosts.invited(maria))
    clara = await hosts.sign_in("clara")
    open_still = await hosts.invited(maria, "clara")
    await release_device(
        maria.person_id,
        hosts.device_id,
        database=hosts.database,
        journal=hosts.house.journal,
        now=hosts.clock(),
    )
    assert [one["until"] for one in await hosts.devices(jordi)] == [text(hosts.clock())]
    assert await hosts.told(jordi) == ["guest_access_ended"]
    for refused in (hosts.accept(clara, open_still), hosts.decline(clara, open_still)):
        with pytest.raises(Problem, match="invitation_unknown"):
            await refused
