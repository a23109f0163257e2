"""What is said about a resident's account and their phones."""

from typing import Annotated

from pydantic import StringConstraints, ValidationInfo, field_validator

from register_device.contract.offers import Update
from shared.contract import Body, Moment, View

Text = Annotated[str, StringConstraints(max_length=120)]


class ApplePush(Body):
    """Where Apple's push service reaches the application."""

    sandbox: bool = False
    token: Annotated[str, StringConstraints(min_length=1, max_length=400)]


class AppInstallation(Body):
    """The mobile application on one phone, in the words of the Blue app."""

    token: Annotated[str, StringConstraints(min_length=1, max_length=4096)]
    os: Text
    os_version: Text
    app_version: Text
    locale: Annotated[str, StringConstraints(max_length=35)]
    active: bool = True
    app_build: Text | None = None
    phone_mobile: Text | None = None
    apns: ApplePush | None = None
    country: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")] | None = None
    """Where the phone is, as coarse as ISO 3166-1 alpha-2."""
    subdivision: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}-[A-Z0-9]{1,3}$")] | None = None
    """Province or state by ISO 3166-2."""

    @field_validator("subdivision")
    @classmethod
    def _is_of_the_country(cls, subdivision: str | None, info: ValidationInfo) -> str | None:
        if subdivision is not None and subdivision[:2] != info.data.get("country"):
            raise ValueError("it is not of the country")
        return subdivision


class InstallationRegistered(View):
    """The installation is known; not active if its phone said so, or another account has its token."""

    installation_id: str
    registered_at: Moment
    active: bool


class Installation(View):
    """The mobile application on one phone, without the addresses of the phone."""

    installation_id: str
    os: str
    os_version: str
    app_version: str
    app_build: str | None = None
    phone_mobile: str | None = None
    locale: str
    country: str | None = None
    subdivision: str | None = None
    active: bool
    registered_at: Moment
    updated_at: Moment
    update: Update


class Installations(View):
    """The installations of the resident, the last used first."""

    installations: list[Installation]


class InstallationRemoved(View):
    """There is no such installation any more."""

    installation_id: str


class Me(View):
    """The signed-in person."""

    person_id: str
    email: str
    created_at: Moment
