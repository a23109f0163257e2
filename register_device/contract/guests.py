"""What is said about guests of a device, to its owner and to those who are invited."""

from typing import Annotated

from pydantic import StringConstraints

from shared.contract import Body, Moment, View

EmailAddress = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True,
        max_length=254,
        pattern=r"^[0-9A-Za-z.!#$%&'*+/=?^_`{|}~-]{1,64}@[0-9A-Za-z-]{1,63}(\.[0-9A-Za-z-]{1,63})+$",
    ),
]


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
