"""The HTTP functions of guests: what the owner of a device does, and what those do who are invited."""

from http import HTTPStatus

import azure.functions as func

from register_device import guests, invitations
from register_device.contract.devices import Device
from register_device.contract.guests import Guest, Guests, Invitation, Invitations, InviteGuest
from shared.admission import RESIDENT
from shared.callers import Resident
from shared.contract import Nothing
from shared.http import Answer, Api, Call

CREATED, OK = HTTPStatus.CREATED, HTTPStatus.OK


def register(api: Api, functions: func.Blueprint) -> None:
    """Add them to the app."""
    _of_the_owner(api, functions)
    _of_the_invitee(api, functions)


def _of_the_owner(api: Api, functions: func.Blueprint) -> None:
    @api.operation(
        functions,
        "POST",
        "me/devices/{deviceId}/guests",
        admission=RESIDENT,
        body=InviteGuest,
        answers={CREATED: Guest, OK: Guest},
        problems=("device_not_yours", "guest_is_owner", "guests_too_many", "busy"),
    )
    async def invite_guest(call: Call[Resident, InviteGuest]) -> Answer:
        """Invite whoever has an e-mail address to be a guest of one's own device."""
        guest, is_new = await guests.invite(
            call.caller,
            call.id("deviceId"),
            call.body.email,
            database=call.services.database,
            identity_key=call.services.settings.identity_key,
            now=call.services.clock(),
        )
        return Answer(guest, CREATED if is_new else OK)

    @api.operation(
        functions,
        "GET",
        "me/devices/{deviceId}/guests",
        admission=RESIDENT,
        answers={OK: Guests},
        problems=("device_not_yours",),
    )
    async def list_guests(call: Call[Resident, None]) -> Guests:
        """Guests and open invitations of one's own device."""
        found = await guests.list_guests(
            call.caller.person_id, call.id("deviceId"), database=call.services.database, now=call.services.clock()
        )
        return Guests(guests=found)

    @api.operation(
        functions,
        "POST",
        "me/devices/{deviceId}/guests/{guestId}/remove",
        admission=RESIDENT,
        body=Nothing,
        answers={OK: Guest},
        problems=("device_not_yours", "guest_unknown", "busy"),
    )
    async def remove_guest(call: Call[Resident, Nothing]) -> Guest:
        """Remove a guest of one's own device, or withdraw an invitation."""
        return await guests.remove_guest(
            call.caller.person_id,
            call.id("deviceId"),
            call.id("guestId"),
            database=call.services.database,
            now=call.services.clock(),
        )


def _of_the_invitee(api: Api, functions: func.Blueprint) -> None:
    @api.operation(functions, "GET", "me/invitations", admission=RESIDENT, answers={OK: Invitations})
    async def list_invitations(call: Call[Resident, None]) -> Invitations:
        """The open invitations to the caller's verified e-mail address."""
        found = await invitations.list_invitations(
            call.caller, database=call.services.database, now=call.services.clock()
        )
        return Invitations(invitations=found)

    @api.operation(
        functions,
        "POST",
        "me/invitations/{invitationId}/accept",
        admission=RESIDENT,
        body=Nothing,
        answers={OK: Device},
        problems=("invitation_unknown", "guest_is_owner", "busy"),
    )
    async def accept_invitation(call: Call[Resident, Nothing]) -> Device:
        """Become a guest of a device."""
        return await invitations.accept(
            call.caller, call.id("invitationId"), database=call.services.database, now=call.services.clock()
        )

    @api.operation(
        functions,
        "POST",
        "me/invitations/{invitationId}/decline",
        admission=RESIDENT,
        body=Nothing,
        answers={OK: Invitation},
        problems=("invitation_unknown", "busy"),
    )
    async def decline_invitation(call: Call[Resident, Nothing]) -> Invitation:
        """Decline an invitation. After that it is unknown: nothing of it is kept."""
        return await invitations.decline(
            call.caller, call.id("invitationId"), database=call.services.database, now=call.services.clock()
        )

    @api.operation(
        functions,
        "POST",
        "me/devices/{deviceId}/leave",
        admission=RESIDENT,
        body=Nothing,
        answers={OK: Device},
        problems=("device_not_yours", "busy"),
    )
    async def leave_device(call: Call[Resident, Nothing]) -> Device:
        """Stop being a guest of a device."""
        return await invitations.leave(
            call.caller.person_id, call.id("deviceId"), database=call.services.database, now=call.services.clock()
        )
