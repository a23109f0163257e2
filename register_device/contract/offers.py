"""What is said about versions on offer."""

from typing import Annotated, Literal

from pydantic import StringConstraints

from shared.contract import Body, Moment, View

Name = Annotated[str, StringConstraints(min_length=1, max_length=120)]
Notes = Annotated[str, StringConstraints(max_length=2000)]


class FirmwareOffer(Body):
    """The firmware on offer for one model."""

    model: Name
    version: Name
    notes: Notes | None = None


class AppOffer(Body):
    """The version of the Blue app on offer for one mobile operating system."""

    os: Name
    version: Name
    notes: Notes | None = None


class Offer(View):
    """A version on offer: of the firmware of a model, or of the app of an operating system."""

    product: str
    model: str | None = None
    os: str | None = None
    version: str
    notes: str | None = None
    offered_at: Moment


class Offers(View):
    """All versions on offer."""

    offers: list[Offer]


class Update(View):
    """Whether there is an update, and which version is on offer, if one is."""

    state: Literal["up_to_date", "available", "unknown"]
    version: str | None = None
