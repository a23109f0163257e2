"""The HTTP functions of monitors."""

from http import HTTPStatus

import azure.functions as func

from register_device import attestation, registration
from register_device.contract.monitors import ChallengeIssued, ChallengeRequest, DeviceAccess, Registration, Renewal
from shared.admission import ANYONE
from shared.callers import Anyone, AttestedMonitor
from shared.http import Answer, Api, Call
from shared.pairing_errors import REGISTRATION

CREATED, OK = HTTPStatus.CREATED, HTTPStatus.OK


def register(api: Api, functions: func.Blueprint) -> None:
    """Add them to the app."""

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
        problems=("serial_mismatch", "claim_unknown", "claim_expired", "claim_used", "claim_tries_used_up", "busy"),
        pairing_error=REGISTRATION,
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
        if access.ignored_fields:
            services.counters.add("registration.field_ignored", access.ignored_fields)
        return Answer(access, CREATED if is_new else OK)

    @api.operation(
        functions,
        "POST",
        "devices/token",
        admission=attestation.ATTESTED,
        body=Renewal,
        answers={OK: DeviceAccess},
        problems=("device_not_registered", "serial_mismatch", "busy"),
    )
    async def renew_device_token(call: Call[AttestedMonitor, Renewal]) -> DeviceAccess:
        """Give a registered monitor a fresh token under the policy in force."""
        services = call.services
        return await registration.renew_access(
            call.caller,
            call.body,
            database=services.database,
            keys=services.device_keys,
            identity_key=services.settings.identity_key,
            journal=services.journal,
            now=services.clock(),
        )
