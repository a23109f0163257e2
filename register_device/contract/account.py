"""What is said about a resident's account and their phones."""

from typing import Annotated

from pydantic import StringConstraints

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


class InstallationRegistered(View):
    """The installation is known."""

    installation_id: str
    registered_at: Moment


class Me(View):
    """The signed-in person."""

    person_id: str
    email: str
    created_at: Moment
