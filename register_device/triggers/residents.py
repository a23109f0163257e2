"""The HTTP functions of a resident's account, phones and devices."""

from http import HTTPStatus

import azure.functions as func

from register_device import claims, devices, installations
from register_device.contract.account import AppInstallation, InstallationRegistered, Me
from register_device.contract.devices import Devices
from register_device.contract.monitors import ClaimIssued
from shared import clock
from shared.admission import RESIDENT
from shared.callers import Resident
from shared.contract import Nothing
from shared.http import Answer, Api, Call
from shared.people import own_record

CREATED, OK = HTTPStatus.CREATED, HTTPStatus.OK


def register(api: Api, functions: func.Blueprint) -> None:
    """Add them to the app."""

    @api.operation(functions, "GET", "me", admission=RESIDENT, answers={OK: Me})
    async def get_me(call: Call[Resident, None]) -> Me:
        """Who is signed in; the first sign-in makes the person."""
        person = await own_record(call.caller, database=call.services.database, now=call.services.clock())
        return Me(person_id=person["personId"], email=person["email"], created_at=clock.moment(person["createdAt"]))

    @api.operation(
        functions,
        "POST",
        "me/app-installations",
        admission=RESIDENT,
        body=AppInstallation,
        answers={CREATED: InstallationRegistered, OK: InstallationRegistered},
    )
    async def register_app_installation(call: Call[Resident, AppInstallation]) -> Answer:
        """Register the mobile application on one phone, or refresh what is known of it."""
        item, is_new = await installations.register_installation(
            call.caller.person_id,
            call.body,
            people=call.services.database["people"],
            key=call.services.settings.identity_key,
            now=call.services.clock(),
        )
        view = InstallationRegistered(
            installation_id=item["installationId"], registered_at=clock.moment(item["registeredAt"])
        )
        return Answer(view, CREATED if is_new else OK)

    @api.operation(functions, "POST", "me/claims", admission=RESIDENT, body=Nothing, answers={CREATED: ClaimIssued})
    async def issue_claim(call: Call[Resident, Nothing]) -> ClaimIssued:
        """Ask for permission to pair one monitor with the account."""
        return await claims.issue_claim(
            call.caller.person_id, claims=call.services.database["claims"], now=call.services.clock()
        )

    @api.operation(functions, "GET", "me/devices", admission=RESIDENT, answers={OK: Devices})
    async def list_devices(call: Call[Resident, None]) -> Devices:
        """The resident's devices with age, warranty and last-seen."""
        found = await devices.list_devices(
            call.caller.person_id, database=call.services.database, now=call.services.clock()
        )
        return Devices(devices=found)
