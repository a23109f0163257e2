"""What is said of recipients, to people and to the recipients themselves."""

from typing import Literal

from shared.contract import Moment, View


class Given(View):
    """What a recipient is given of one category."""

    category: str
    what: str


class Told(View):
    """One change that a recipient was told of."""

    request_id: str
    event: str
    state: Literal["pending", "acknowledged", "person", "lapses", "in_place"]
    """Waiting for the recipient, or done there; or why there is nothing to wait for, as its `notice` says."""
    at: Moment
    acknowledged_at: Moment | None = None


class Recipient(View):
    """Who is given something of the caller."""

    name: str
    about: str
    role: Literal["processor", "controller"]
    given: list[Given]
    why: str
    place: str
    since: Moment
    """Since when there is something that it is given."""
    notice: Literal["webhook", "person", "lapses", "in_place"]
    """How it learns of a change: by a message that it acknowledges; from the caller alone; not at all, since what it
    has lapses; or by the change itself, which is made in its own storage."""
    what_you_can_do: str
    told: list[Told]
    """The newest changes that it was told of."""


class Recipients(View):
    """Everybody who is given something of the caller."""

    recipients: list[Recipient]


class Acknowledged(View):
    """That an acknowledgement was taken."""

    recipient: str
    request_id: str
    event: str
    acknowledged_at: Moment
