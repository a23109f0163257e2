"""What is said about guests of a device, to its owner and to those who are invited."""

from shared.contract import Body, EmailAddress, Moment, View


class InviteGuest(Body):
    """The owner invites whoever has this address, verified."""

    email: EmailAddress


class Guest(View):
    """A guest of a device or an open invitation, as the owner sees it; never an address."""

    guest_id: str
    state: str
    invited_at: Moment
    expires_at: Moment | None = None
    since: Moment | None = None


class Guests(View):
    """Guests and open invitations of one device, the oldest invitation first."""

    guests: list[Guest]


class Invitation(View):
    """An invitation to one's own address; whose device it is is not said."""

    invitation_id: str
    invited_at: Moment
    expires_at: Moment


class Invitations(View):
    """The open invitations to one's own address, the oldest first."""

    invitations: list[Invitation]
