"""What is said to and by an erasure."""

from typing import Literal

from pydantic import Field

from shared.contract import Body, Moment, View
from shared.data_map import Category


class ErasureRequest(Body):
    """What a person wants to be erased: everything, what one device's periods hold, or one category."""

    scope: Literal["person", "device", "category"]
    device_id: str | None = Field(default=None, pattern="^[0-9a-f]{32}$")
    """The device; with a category only what it sent."""
    category: Category | None = None


class Fate(View):
    """What becomes of a category, and why."""

    category: str
    becomes: Literal["block", "destroy"]
    blocked_for_days: int | None = None
    why: str | None = None


class OutsidePlace(View):
    """A place that the erasure cannot reach at once."""

    place: str
    about: str
    what_happens: str
    lapse_days: int | None = None


class ErasurePlan(View):
    """What an erasure would do, and what it is confirmed with."""

    scope: str
    device_id: str | None = None
    category: str | None = None
    fate: list[Fate]
    outside: list[OutsidePlace]
    waits_for: str | None = None
    """What it would have to wait for: a legal hold, a restriction, or an access; also one that is asked for."""
    confirmation: str
    confirm_until: Moment


class Confirmation(Body):
    """The word that the plan was given with."""

    confirmation: str = Field(max_length=2048)


class ReceiptRequest(Body):
    """Who asks for a receipt may have no account any more."""

    erasure_id: str = Field(pattern="^[0-9a-f]{32}$")
    receipt_code: str = Field(pattern="^[0-9a-f]{32}$")


class Erasure(View):
    """An erasure and how far it is."""

    erasure_id: str
    scope: str
    device_id: str | None = None
    category: str | None = None
    state: Literal["waiting", "running", "erased", "complete", "failed"]
    """`erased`: nothing is left in this service; `complete`: nor in the places that lapse by themselves."""
    waits_for: str | None = None
    requested_at: Moment
    narrowed_at: Moment | None = None
    erased_at: Moment | None = None
    complete_at: Moment | None = None
    """When the last place outside has let go."""
    receipt: str | None = None
    """Signed (JWS, ES256), verified by the keys at `GET /api/keys`."""
    receipt_code: str | None = None
    """Asks for state and receipt when the account is gone; it is shown once, when the erasure is confirmed."""


class Erasures(View):
    """What the person asked to be erased, as long as there is a person."""

    erasures: list[Erasure]
