"""Guests and invitations, each step of them cut off: what counts at once, and what a repeat completes."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from shared.callers import Resident
from shared.clock import text
from shared.cosmos import Delete
from shared.errors import Problem
from shared.gate import Erased
from shared.injection import Point, listening
from tests.doubles import changed
from tests.hosts import Hosts, cut_off

pytestmark = pytest.mark.wire


@pytest.mark.parametrize("at", ["guests.ended", "guests.told", "guests.unlinked"])
async def test_a_takeover_that_was_cut_off_ends_the_guests_when_it_resumes(
    hosts: Hosts, maria: Resident, jordi: Resident, at: Point
) -> None:
    """And in the meantime a guest of the former owner sees nothing of the device."""
    await hosts.accept(jordi, await hosts.invited(maria))
    hosts.clock.forward(days=1)
    pau = await hosts.sign_in("pau")
    claim = await hosts.house.claim(pau.person_id)
    await cut_off(at, hosts.house.register(claim))
    assert [one for one in await hosts.devices(jordi) if "model" in one] == []
    await hosts.house.register(claim)
    assert [one["until"] for one in await hosts.devices(jordi)] == [text(hosts.clock())]
    assert await hosts.told(jordi) == ["guest_access_ended"]
    await hosts.invited(pau)


async def test_a_new_owner_gets_the_places_of_a_takeover_that_was_cut_off(
    hosts: Hosts, maria: Resident, jordi: Resident
) -> None:
    """Whoever needs a place ends first what still lies in it."""
    await hosts.accept(jordi, await hosts.invited(maria))
    for number in range(4):
        await hosts.invited(maria, f"guest{number}")
    hosts.clock.forward(days=1)
    pau = await hosts.sign_in("pau")
    await cut_off("guests.ended", hosts.house.register(await hosts.house.claim(pau.person_id)))
    await hosts.invited(pau, "clara")
    assert await hosts.told(jordi) == ["guest_access_ended"]
    assert [state for _, state in await hosts.guests(pau)] == ["invited"]


@pytest.mark.parametrize("at", ["guests.invited", "guests.recorded"])
async def test_an_invitation_that_was_cut_off_is_completed(
    hosts: Hosts, maria: Resident, jordi: Resident, at: Point
) -> None:
    """By a repeat: one place, one entry of the ledger, one mail."""
    await cut_off(at, hosts.invite(maria, "jordi"))
    assert await hosts.send() == {}
    guest, is_new = await hosts.invite(maria, "jordi")
    assert not is_new
    assert await hosts.invitations(jordi) == [guest.guest_id]
    assert await hosts.recorded(maria) == [("guest_invited", "person")]
    assert await hosts.send() == {"sent": 1}


@pytest.mark.parametrize("at", ["guests.accepting", "guests.joined", "guests.welcomed", "guests.linked"])
async def test_an_acceptance_that_was_cut_off_is_completed(
    hosts: Hosts, maria: Resident, jordi: Resident, at: Point
) -> None:
    """By a repeat, also when the invitation has run out meanwhile, once it holds the place."""
    guest_id = await hosts.invited(maria)
    await cut_off(at, hosts.accept(jordi, guest_id))
    hosts.clock.forward(days=8 if at != "guests.accepting" else 1)
    device = await hosts.accept(jordi, guest_id)
    assert (device.role, device.model) == ("guest", "VEO-XS WIFI")
    assert len(await hosts.devices(jordi)) == 1
    assert await hosts.guests(maria) == [(guest_id, "active")]
    assert await hosts.told(maria) == ["guest_joined"]
    assert await hosts.recorded(jordi) == [("guest_joined", "person")]
    assert await hosts.stored("identities", "invitation") == []


async def test_an_acceptance_that_came_too_late_leaves_nothing(hosts: Hosts, maria: Resident, jordi: Resident) -> None:
    """It was cut off before it held the place, and the invitation was withdrawn."""
    guest_id = await hosts.invited(maria)
    await cut_off("guests.accepting", hosts.accept(jordi, guest_id))
    await hosts.remove(maria, guest_id)
    with pytest.raises(Problem, match="invitation_unknown"):
        await hosts.accept(jordi, guest_id)
    assert [link for link in await hosts.stored("people", "link") if link["role"] == "guest"] == []


async def test_a_guest_who_is_removed_while_accepting_is_no_guest(
    hosts: Hosts, maria: Resident, jordi: Resident
) -> None:
    """The removal has the last word."""
    guest_id = await hosts.invited(maria)

    async def removed_meanwhile(point: Point) -> None:
        if point == "guests.welcomed":
            await hosts.remove(maria, guest_id)

    with listening(removed_meanwhile), pytest.raises(Problem, match="invitation_unknown"):
        await hosts.accept(jordi, guest_id)
    assert await hosts.guests(maria) == []
    assert [one for one in await hosts.devices(jordi) if "until" not in one] == []


@pytest.mark.parametrize("at", ["guests.ended", "guests.told", "guests.unlinked"])
@pytest.mark.parametrize("ending", ["removed", "left", "declined"])
async def test_an_ending_that_was_cut_off_counts_at_once_and_is_completed(
    hosts: Hosts, maria: Resident, jordi: Resident, at: Point, ending: str
) -> None:
    """From its first write on there is no access; a repeat tells each once and takes all keys away."""
    guest_id = await hosts.invited(maria)
    if ending != "declined":
        await hosts.accept(jordi, guest_id)
    endings: dict[str, Callable[[], Awaitable[object]]] = {
        "removed": lambda: hosts.remove(maria, guest_id),
        "left": lambda: hosts.leave(jordi),
        "declined": lambda: hosts.decline(jordi, guest_id),
    }
    again = endings[ending]
    await cut_off(at, again())
    assert await hosts.guests(maria) == []
    assert [one for one in await hosts.devices(jordi) if "model" in one] == []
    with pytest.raises(Problem, match="invitation_unknown"):
        await hosts.accept(jordi, guest_id)
    if at != "guests.unlinked":
        await again()
    await hosts.remove(maria, guest_id)
    assert [action for action, _ in await hosts.recorded(jordi)][-1:] == [f"guest_{ending}"]
    assert await hosts.told(jordi) == ([] if ending == "declined" else ["guest_access_ended"])
    [place] = await hosts.stored("devices", "guest")
    assert {"inviteeKey", "guestPersonId", "since", "ending", "endedAt"} & place.keys() == set()
    assert await hosts.stored("identities", "invitation") == []


async def test_a_full_device_finishes_what_was_cut_off(hosts: Hosts, maria: Resident) -> None:
    """An ending that nobody repeated does not keep a place for ever."""
    held = [await hosts.invited(maria, f"guest{number}") for number in range(5)]
    await cut_off("guests.ended", hosts.remove(maria, held[0]))
    hosts.clock.forward(days=2)
    await hosts.invited(maria, "pau")


async def test_who_is_erased_while_accepting_keeps_no_place(hosts: Hosts, maria: Resident, jordi: Resident) -> None:
    """The erasure may have looked for places before this one was theirs."""
    guest_id = await hosts.invited(maria)

    async def erased_meanwhile(point: Point) -> None:
        if point == "guests.joined":
            await changed(hosts.database["people"], jordi.person_id, lambda policy: replace(policy, tombstone=True))

    with listening(erased_meanwhile), pytest.raises(Erased):
        await hosts.accept(jordi, guest_id)
    assert await hosts.guests(maria) == []
    [place] = await hosts.stored("devices", "guest")
    assert {"inviteeKey", "guestPersonId"} & place.keys() == set()


async def test_a_guest_of_an_owner_who_was_erased_sees_nothing_and_can_leave(
    hosts: Hosts, maria: Resident, jordi: Resident
) -> None:
    """The place went with the owner's data; the guest's link is their own."""
    await hosts.accept(jordi, await hosts.invited(maria))
    await changed(hosts.database["people"], maria.person_id, lambda policy: replace(policy, tombstone=True))
    await hosts.database["devices"].batch(hosts.device_id, [Delete("guest:1")])
    assert [one for one in await hosts.devices(jordi) if "model" in one] == []
    assert (await hosts.leave(jordi)).until == hosts.clock()


async def test_a_guest_may_go_although_the_owner_is_erased(hosts: Hosts, maria: Resident, jordi: Resident) -> None:
    """In the middle of it, too: there is nobody left to tell, and that is no fault."""
    first, second = await hosts.invited(maria), await hosts.invited(maria, "pau")
    pau = await hosts.sign_in("pau")
    await hosts.accept(jordi, first)
    await changed(hosts.database["people"], maria.person_id, lambda policy: replace(policy, tombstone=True))
    await hosts.accept(pau, second)
    assert (await hosts.leave(jordi)).until == (await hosts.leave(pau)).until == hosts.clock()
    for place in await hosts.stored("devices", "guest"):
        assert {"inviteeKey", "guestPersonId"} & place.keys() == set()
