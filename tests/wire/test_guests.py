"""Guests through every real protocol: the invitation, its mail, and what each side sees."""

import pytest

from local.api import Refused
from local.cloud import LocalCloud
from local.mail import kept_in
from tests.wire.conftest import PERSONAL, Household, eventually


async def test_a_neighbour_becomes_a_guest_and_goes(
    cloud: LocalCloud, household: Household, neighbours: Household
) -> None:
    """Invited by address, told by mail, accepted in the app; then the owner removes them."""
    owner, guest = household.resident, neighbours.resident
    device_id = (await owner.devices())[0]["deviceId"]
    invited = await owner.invite_guest(device_id, neighbours.email)
    assert await owner.guests(device_id) == [invited.body]

    async def mailed() -> bool:
        mine = [mail for mail in kept_in(cloud.state.mail) if mail["Delivered-To"] == neighbours.email]
        return "You are invited to a door-entry monitor" in {mail["Subject"] for mail in mine}

    await eventually(mailed, "the mail of the invitation")
    [invitation] = await guest.invitations()
    device = await guest.accept_invitation(invitation["invitationId"])
    assert (device["role"], device["model"], device.body.get("serialNumber")) == ("guest", "VEO-XS WIFI", None)
    assert sorted(one["role"] for one in await guest.devices()) == ["guest", "owner"]
    assert (await owner.remove_guest(device_id, invited["guestId"]))["state"] == "ended"
    assert await owner.guests(device_id) == []
    with pytest.raises(Refused, match="invitation_unknown"):
        await guest.accept_invitation(invitation["invitationId"])
    second = await owner.invite_guest(device_id, "nobody.at.all@personal.example")
    PERSONAL.add("nobody.at.all@personal.example")
    with pytest.raises(Refused, match="invitation_unknown"):
        await guest.decline_invitation(second["guestId"])
    assert (await guest.leave(device_id))["until"]
