"""The HTTP functions of a resident's phones."""

from http import HTTPStatus

import azure.functions as func

from register_device import installations
from register_device.contract.account import (
    AppInstallation,
    Installation,
    InstallationRegistered,
    InstallationRemoved,
    Installations,
)
from shared import clock
from shared.admission import RESIDENT
from shared.callers import Resident
from shared.contract import Nothing
from shared.http import Answer, Api, Call

CREATED, OK = HTTPStatus.CREATED, HTTPStatus.OK


def register(api: Api, functions: func.Blueprint) -> None:
    """Add them to the app."""

    @api.operation(
        functions,
        "POST",
        "me/app-installations",
        admission=RESIDENT,
        body=AppInstallation,
        answers={CREATED: InstallationRegistered, OK: InstallationRegistered},
        problems=("installations_too_many", "busy"),
    )
    async def register_app_installation(call: Call[Resident, AppInstallation]) -> Answer:
        """Register the mobile application on one phone, or refresh what is known of it."""
        item, is_new = await installations.register_installation(
            call.caller.person_id,
            call.body,
            database=call.services.database,
            key=call.services.settings.identity_key,
            now=call.services.clock(),
        )
        view = InstallationRegistered(
            installation_id=item["installationId"],
            registered_at=clock.moment(item["registeredAt"]),
            active=item["active"],
        )
        return Answer(view, CREATED if is_new else OK)

    @api.operation(functions, "GET", "me/app-installations", admission=RESIDENT, answers={OK: Installations})
    async def list_app_installations(call: Call[Resident, None]) -> Installations:
        """The resident's phones and tablets with the app, and whether there is an update for them."""
        found = await installations.list_installations(call.caller.person_id, database=call.services.database)
        return Installations(installations=found)

    @api.operation(
        functions,
        "PUT",
        "me/app-installations/{installationId}",
        admission=RESIDENT,
        body=AppInstallation,
        answers={OK: Installation},
        problems=("installation_unknown", "busy"),
    )
    async def refresh_app_installation(call: Call[Resident, AppInstallation]) -> Installation:
        """Refresh what is known of an installation, its push token included."""
        database = call.services.database
        item = await installations.refresh_installation(
            call.caller.person_id,
            call.id("installationId"),
            call.body,
            database=database,
            key=call.services.settings.identity_key,
            now=call.services.clock(),
        )
        return await installations.view(item, database=database)

    @api.operation(
        functions,
        "POST",
        "me/app-installations/{installationId}/remove",
        admission=RESIDENT,
        body=Nothing,
        answers={OK: InstallationRemoved},
        problems=("busy",),
    )
    async def remove_app_installation(call: Call[Resident, Nothing]) -> InstallationRemoved:
        """Forget an installation: its phone does not ring any more."""
        installation_id = call.id("installationId")
        await installations.remove_installation(
            call.caller.person_id,
            installation_id,
            database=call.services.database,
            key=call.services.settings.identity_key,
            now=call.services.clock(),
        )
        return InstallationRemoved(installation_id=installation_id)
