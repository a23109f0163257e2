"""Invitations: how many there are, who may accept them, and what is mailed and kept of an address."""

import asyncio
from datetime import timedelta

import pytest
from pydantic import ValidationError

from register_device.contract.guests import InviteGuest
from register_device.guests import PLACES
from shared.callers import Resident
from shared.clock import text
from shared.errors import Problem
from shared.injection import Point, listening
from shared.notifications import FIRST_PAUSE
from tests.hosts import Hosts, cut_off

pytestmark = pytest.mark.wire


async def test_the_same_address_twice_is_one_invitation(hosts: Hosts, maria: Resident, jordi: Resident) -> None:
    """However it is written; and when it was accepted, the answer is the guest."""
    guest_id = await hosts.invited(maria)
    again, is_new = await hosts.invite(maria, " JORDI")
    assert (again.guest_id, again.state, is_new) == (guest_id, "invited", False)
    await hosts.send()
    await hosts.invite(maria, "jordi")
    assert await hosts.send() == {}
    await hosts.accept(jordi, guest_id)
    again, is_new = await hosts.invite(maria, "jordi")
    assert (again.guest_id, again.state, is_new) == (guest_id, "active", False)
    assert await hosts.invitations(jordi) == []


async def test_twelve_simultaneous_invitations_make_five(hosts: Hosts, maria: Resident) -> None:
    """A device has five places, and no two invitations get the same one."""
    ends = await asyncio.gather(
        *(hosts.invite(maria, f"guest{number}") for number in range(12)), return_exceptions=True
    )
    refused = [end for end in ends if isinstance(end, Problem)]
    assert [problem.code for problem in refused] == ["guests_too_many"] * 7
    assert len(await hosts.guests(maria)) == len(PLACES) == 5
    assert await hosts.send() == {"sent": 5}


async def test_the_same_address_twelve_times_at_once_is_one_invitation(hosts: Hosts, maria: Resident) -> None:
    """Whoever taps again before the answer came takes no second place."""
    ends = await asyncio.gather(*(hosts.invite(maria, "jordi") for _ in range(12)))
    assert len({guest.guest_id for guest, _ in ends}) == 1
    assert [is_new for _, is_new in ends].count(True) == 1
    assert await hosts.send() == {"sent": 1}


async def test_strangers_are_not_flooded(hosts: Hosts, maria: Resident) -> None:
    """A withdrawn invitation keeps its place for a day after it was made: five mails a day, and no more."""
    for number in range(5):
        await hosts.remove(maria, await hosts.invited(maria, f"stranger{number}"))
    assert await hosts.guests(maria) == []
    hosts.clock.now += timedelta(hours=24) - timedelta(milliseconds=1)
    with pytest.raises(Problem, match="guests_too_many"):
        await hosts.invite(maria, "one.more")
    hosts.clock.now += timedelta(milliseconds=1)
    await hosts.invited(maria, "one.more")


async def test_a_new_owner_does_not_get_the_mails_of_the_day_again(hosts: Hosts, maria: Resident) -> None:
    """The limit is the device's: a monitor that goes to and fro between accounts writes no more mails."""
    for number in range(5):
        await hosts.invited(maria, f"stranger{number}")
    pau = await hosts.move_in("pau")
    with pytest.raises(Problem, match="guests_too_many"):
        await hosts.invite(pau, "one.more")
    hosts.clock.forward(days=1)
    await hosts.invited(pau, "one.more")


async def test_a_removed_guest_frees_the_place(hosts: Hosts, maria: Resident, jordi: Resident) -> None:
    """At once, when the invitation was made a day ago."""
    guest_id = await hosts.invited(maria)
    await hosts.accept(jordi, guest_id)
    for number in range(4):
        await hosts.invited(maria, f"guest{number}")
    hosts.clock.forward(days=1)
    with pytest.raises(Problem, match="guests_too_many"):
        await hosts.invite(maria, "pau")
    await hosts.remove(maria, guest_id)
    await hosts.invited(maria, "pau")


async def test_an_invitation_lives_for_seven_days(hosts: Hosts, maria: Resident, jordi: Resident) -> None:
    """Then nobody can accept it, nobody is mailed, and its place is free."""
    guest_id = await hosts.invited(maria)
    for number in range(4):
        await hosts.invited(maria, f"guest{number}")
    hosts.clock.forward(days=7)
    assert await hosts.invitations(jordi) == []
    assert await hosts.guests(maria) == []
    for refused in (hosts.accept(jordi, guest_id), hosts.decline(jordi, guest_id)):
        with pytest.raises(Problem, match="invitation_unknown"):
            await refused
    assert await hosts.send() == {"dropped: the invitation is not open any more": 5}
    assert hosts.sink.messages == []
    await hosts.invited(maria, "pau")


async def test_nobody_is_a_guest_of_their_own_device(hosts: Hosts, maria: Resident) -> None:
    """Neither by the address of the account, nor by another one that they sign in with."""
    with pytest.raises(Problem, match="guest_is_owner"):
        await hosts.invite(maria, "Maria")
    with pytest.raises(Problem, match="guest_is_owner"):
        await hosts.invite(Resident(maria.person_id, None, maria.identity_key), "maria")
    guest_id = await hosts.invited(maria, "maria.other")
    other = await hosts.sign_in("maria", email="maria.other@resident.example")
    assert other.person_id == maria.person_id
    with pytest.raises(Problem, match="guest_is_owner"):
        await hosts.accept(other, guest_id)


async def test_only_the_verified_address_can_accept(hosts: Hosts, maria: Resident, jordi: Resident) -> None:
    """Of accounts that race for one invitation it is the one with its address; the id alone is worth nothing."""
    pau = await hosts.sign_in("pau")
    unverified = await hosts.sign_in("jordi", email=None)
    assert unverified == Resident(jordi.person_id, None, jordi.identity_key)
    guest_id = await hosts.invited(maria)
    assert await hosts.invitations(pau) == await hosts.invitations(unverified) == []
    strangers = (pau, unverified, pau)
    ends = await asyncio.gather(
        *(hosts.accept(one, guest_id) for one in (*strangers, jordi, *strangers)), return_exceptions=True
    )
    assert [str(end) for end in ends if isinstance(end, Exception)] == ["invitation_unknown"] * 6
    with pytest.raises(Problem, match="invitation_unknown"):
        await hosts.decline(pau, guest_id)
    assert len(await hosts.devices(jordi)) == 1
    assert await hosts.devices(pau) == []


async def test_of_two_accounts_with_the_address_one_becomes_the_guest(
    hosts: Hosts, maria: Resident, jordi: Resident
) -> None:
    """An invitation is good once; of the one that came too late nothing is left."""
    twin = await hosts.sign_in("jordi", subject="twin")
    assert twin.person_id != jordi.person_id
    guest_id = await hosts.invited(maria)
    ends = await asyncio.gather(hosts.accept(jordi, guest_id), hosts.accept(twin, guest_id), return_exceptions=True)
    assert [str(end) for end in ends if isinstance(end, Exception)] == ["invitation_unknown"]
    links = [link for link in await hosts.stored("people", "link") if link["role"] == "guest"]
    assert [link["state"] for link in links] == ["active"]
    assert await hosts.guests(maria) == [(guest_id, "active")]


async def test_a_declined_invitation_is_gone(hosts: Hosts, maria: Resident, jordi: Resident) -> None:
    """Nothing is left of the address, nor of who declined; the owner may invite again, a day later."""
    guest_id = await hosts.invited(maria)
    await hosts.decline(jordi, guest_id)
    assert await hosts.invitations(jordi) == []
    assert await hosts.guests(maria) == []
    for again in (hosts.accept(jordi, guest_id), hosts.decline(jordi, guest_id)):
        with pytest.raises(Problem, match="invitation_unknown"):
            await again
    assert await hosts.stored("identities", "invitation") == []
    [place] = await hosts.stored("devices", "guest")
    assert {"inviteeKey", "guestPersonId"} & place.keys() == set()
    assert await hosts.recorded(maria) == [("guest_invited", "person"), ("guest_declined", "guest")]
    assert await hosts.recorded(jordi) == [("guest_declined", "person")]
    assert await hosts.devices(jordi) == []


async def test_who_declines_too_late_ends_nothing(hosts: Hosts, maria: Resident, jordi: Resident) -> None:
    """Another account with the same address was faster: its guest stays."""
    twin = await hosts.sign_in("jordi", subject="twin")
    guest_id = await hosts.invited(maria)

    async def accepted_meanwhile(point: Point) -> None:
        if point == "guests.joined":
            with pytest.raises(Problem, match="invitation_unknown"):
                await hosts.decline(twin, guest_id)

    with listening(accepted_meanwhile):
        await hosts.accept(jordi, guest_id)
    assert await hosts.guests(maria) == [(guest_id, "active")]


async def test_the_mail_names_nobody(hosts: Hosts, maria: Resident) -> None:
    """It goes to the invited address, in the owner's language, says until when, and holds no link, code or name."""
    await hosts.database["people"].create(
        {
            "id": "app:phone",
            "type": "appInstallation",
            "personId": maria.person_id,
            "language": "es-ES",
            "updatedAt": text(hosts.clock()),
        }
    )
    guest_id = await hosts.invited(maria)
    assert await hosts.send() == {"sent": 1}
    [received] = hosts.sink.messages
    assert received.recipients == ("jordi@resident.example",)
    assert received.parsed["Content-Language"] == "es"
    said = " ".join(received.parsed.get_content().split())
    assert (hosts.clock() + timedelta(days=7)).strftime("%Y-%m-%d %H:%M UTC") in said
    assert [word for word in ("maria", "VEO", "http", guest_id, hosts.device_id) if word in said] == []


async def test_no_address_is_kept_once_its_mail_was_sent(hosts: Hosts, maria: Resident, jordi: Resident) -> None:
    """Whether or not anybody has an account with it."""
    await hosts.invited(maria)
    await hosts.invited(maria, "nobody")
    assert {item["email"] for item in await hosts.stored("identities", "invitation")} == {
        "jordi@resident.example",
        "nobody@resident.example",
    }
    await hosts.send()
    left = await hosts.stored("identities", "invitation")
    assert len(left) == 2
    assert "@" not in str(left)
    assert {"language", "attempts", "nextAttemptAt"} & left[0].keys() == set()
    assert len(await hosts.invitations(jordi)) == 1


async def test_a_mail_server_that_fails_is_tried_again(hosts: Hosts, maria: Resident) -> None:
    """After a pause; and a worker that died after the server took the mail sends it again under the same id."""
    guest_id = await hosts.invited(maria)
    hosts.sink.refuse_next(1)
    assert await hosts.send() == {"not sent, to be tried again": 1}
    assert await hosts.send() == {}
    hosts.clock.now += FIRST_PAUSE
    await cut_off("guests.mailed", hosts.send())
    hosts.clock.forward(hours=1)
    assert await hosts.send() == {"sent": 1}
    assert [mail.parsed["Message-ID"] for mail in hosts.sink.messages] == [f"<{guest_id}@blue.example>"] * 2
    hosts.clock.forward(hours=1)
    assert await hosts.send() == {}


async def test_two_runs_of_the_timer_send_once(hosts: Hosts, maria: Resident) -> None:
    """The invitation is held under its ETag."""
    for number in range(5):
        await hosts.invited(maria, f"guest{number}")
    await asyncio.gather(*(hosts.send() for _ in range(3)))
    assert len(hosts.sink.messages) == 5


async def test_a_withdrawn_invitation_is_not_mailed(hosts: Hosts, maria: Resident) -> None:
    """Nor one whose withdrawal was cut off; and one that is withdrawn while it is sent leaves nothing."""
    first = await hosts.invited(maria, "first")
    await cut_off("guests.ended", hosts.remove(maria, first))
    assert await hosts.send() == {"dropped: the invitation is not open any more": 1}
    second = await hosts.invited(maria, "second")

    async def withdrawn_meanwhile(point: Point) -> None:
        if point == "guests.mailed":
            await hosts.remove(maria, second)

    with listening(withdrawn_meanwhile):
        assert await hosts.send() == {"sent": 1}
    assert await hosts.stored("identities", "invitation") == []


async def test_an_invitation_is_the_same_whether_or_not_there_is_an_account(
    hosts: Hosts, maria: Resident, jordi: Resident
) -> None:
    """Nothing in the answer or in what the owner is told says whether an address is known."""
    known, _ = await hosts.invite(maria, "jordi")
    unknown, _ = await hosts.invite(maria, "nobody")
    assert jordi.contact_key is not None
    assert known.model_dump(exclude={"guest_id"}) == unknown.model_dump(exclude={"guest_id"})
    assert await hosts.told(jordi) == []


@pytest.mark.parametrize(
    "address",
    ["", "jordi", "jordi@resident", "@resident.example", "a@b.example, c@d.example", "a b@c.example", "a@b..c"],
)
def test_what_is_no_address_is_refused(address: str) -> None:
    """One address, in the form in which mail servers take it."""
    with pytest.raises(ValidationError):
        InviteGuest.model_validate({"email": address})
    assert InviteGuest.model_validate({"email": " Jordi.2@resident.example "}).email == "Jordi.2@resident.example"
