"""The HTTP functions of `register_device`."""

from http import HTTPStatus

import azure.functions as func

from register_device import attestation, claims, devices, installations, registration, support_cases
from register_device.contract import (
    AppInstallation,
    ChallengeIssued,
    ChallengeRequest,
    ClaimIssued,
    DeviceAccess,
    Devices,
    InstallationRegistered,
    Me,
    OpenSupportCase,
    Registration,
    SupportCase,
)
from shared import clock
from shared.admission import ANYONE, RESIDENT
from shared.callers import Anyone, AttestedMonitor, Resident
from shared.contract import Nothing
from shared.http import Answer, Api, Call
from shared.people import own_record

CREATED, OK = HTTPStatus.CREATED, HTTPStatus.OK


def blueprint(api: Api) -> func.Blueprint:
    """All functions of the package."""
    functions = func.Blueprint()
    _residents(api, functions)
    _monitors(api, functions)
    _support(api, functions)
    return functions


def _residents(api: Api, functions: func.Blueprint) -> None:
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


def _monitors(api: Api, functions: func.Blueprint) -> None:
    @api.operation(
        functions,
        "POST",
        "devices/challenge",
        admission=ANYONE,
        body=ChallengeRequest,
        answers={OK: ChallengeIssued},
    )
    async def issue_challenge(call: Call[Anyone, ChallengeRequest]) -> ChallengeIssued:
        """Give a monitor a challenge to prove its make with."""
        return attestation.new_challenge(
            call.body.serial_number, keys=call.services.device_keys, now=call.services.clock()
        )

    @api.operation(
        functions,
        "POST",
        "devices/register",
        admission=attestation.ATTESTED,
        body=Registration,
        answers={CREATED: DeviceAccess, OK: DeviceAccess},
        problems=("serial_mismatch", "claim_unknown", "claim_expired", "claim_used", "busy"),
    )
    async def register_device(call: Call[AttestedMonitor, Registration]) -> Answer:
        """Pair a monitor with the account behind a claim."""
        services = call.services
        access, is_new = await registration.register_monitor(
            call.caller,
            call.body,
            database=services.database,
            keys=services.device_keys,
            identity_key=services.settings.identity_key,
            journal=services.journal,
            now=services.clock(),
        )
        return Answer(access, CREATED if is_new else OK)

    @api.operation(
        functions,
        "POST",
        "devices/token",
        admission=attestation.ATTESTED,
        body=Nothing,
        answers={OK: DeviceAccess},
        problems=("device_not_registered",),
    )
    async def renew_device_token(call: Call[AttestedMonitor, Nothing]) -> DeviceAccess:
        """Give a registered monitor a fresh token under the policy in force."""
        services = call.services
        return await registration.renew_access(
            call.caller,
            database=services.database,
            keys=services.device_keys,
            identity_key=services.settings.identity_key,
            journal=services.journal,
            now=services.clock(),
        )


def _support(api: Api, functions: func.Blueprint) -> None:
    @api.operation(
        functions,
        "POST",
        "me/devices/{deviceId}/support-cases",
        admission=RESIDENT,
        body=OpenSupportCase,
        answers={CREATED: SupportCase},
        problems=("device_not_yours", "support_cases_too_many"),
    )
    async def open_support_case(call: Call[Resident, OpenSupportCase]) -> SupportCase:
        """Open a support case: performance data of the device is collected until it closes."""
        return await support_cases.open_case(
            call.caller.person_id,
            call.id("deviceId"),
            call.body.days,
            database=call.services.database,
            journal=call.services.journal,
            now=call.services.clock(),
        )

    @api.operation(
        functions,
        "POST",
        "me/devices/{deviceId}/support-cases/{caseId}/close",
        admission=RESIDENT,
        body=Nothing,
        answers={OK: SupportCase},
        problems=("device_not_yours", "support_case_unknown"),
    )
    async def close_support_case(call: Call[Resident, Nothing]) -> SupportCase:
        """Close a support case: nothing more is collected under it."""
        return await support_cases.close_case(
            call.caller.person_id,
            call.id("deviceId"),
            call.id("caseId"),
            database=call.services.database,
            journal=call.services.journal,
            now=call.services.clock(),
        )
