"""The HTTP functions of a resident's account and devices."""

from http import HTTPStatus

import azure.functions as func

from register_device import claims, devices, disputes
from register_device.contract.account import Me
from register_device.contract.devices import Device, DeviceDetail, Devices
from register_device.contract.monitors import ClaimIssued, ClaimRequest
from register_device.contract.ownership import Dispute, Invoice, Released
from shared import clock
from shared.admission import RESIDENT
from shared.callers import Resident
from shared.contract import Nothing
from shared.http import Api, Call
from shared.people import own_record
from shared.rectifying import Means

CREATED, OK = HTTPStatus.CREATED, HTTPStatus.OK


def register(api: Api, functions: func.Blueprint) -> None:
    """Add them to the app."""

    @api.operation(functions, "GET", "me", admission=RESIDENT, answers={OK: Me})
    async def get_me(call: Call[Resident, None]) -> Me:
        """Who is signed in; the first sign-in makes the person."""
        person = await own_record(call.caller, database=call.services.database, now=call.services.clock())
        return Me(person_id=person["personId"], email=person["email"], created_at=clock.moment(person["createdAt"]))

    @api.operation(
        functions, "POST", "me/claims", admission=RESIDENT, body=ClaimRequest, answers={CREATED: ClaimIssued}
    )
    async def issue_claim(call: Call[Resident, ClaimRequest]) -> ClaimIssued:
        """Ask for permission to pair one monitor with the account."""
        return await claims.issue_claim(
            call.caller.person_id,
            claims=call.services.database["claims"],
            identity_key=call.services.settings.identity_key,
            now=call.services.clock(),
            country=call.body.country,
        )

    @api.operation(functions, "GET", "me/devices", admission=RESIDENT, answers={OK: Devices})
    async def list_devices(call: Call[Resident, None]) -> Devices:
        """The resident's devices with age, warranty and last-seen."""
        found = await devices.list_devices(
            call.caller.person_id, database=call.services.database, now=call.services.clock()
        )
        return Devices(devices=found)

    @api.operation(
        functions,
        "GET",
        "me/devices/{deviceId}",
        admission=RESIDENT,
        answers={OK: DeviceDetail},
        problems=("device_not_yours",),
    )
    async def get_device(call: Call[Resident, None]) -> DeviceDetail:
        """Everything that is held about one device itself."""
        return await devices.one_device(
            call.caller.person_id, call.id("deviceId"), database=call.services.database, now=call.services.clock()
        )

    @api.operation(
        functions,
        "PUT",
        "me/devices/{deviceId}/invoice",
        admission=RESIDENT,
        body=Invoice,
        answers={OK: Device},
        problems=("device_not_yours", "field_out_of_range", "busy"),
    )
    async def note_invoice(call: Call[Resident, Invoice]) -> Device:
        """Keep the date of the invoice, which the warranty counts from."""
        return await devices.note_invoice(
            call.caller.person_id,
            call.id("deviceId"),
            call.body.invoiced_on,
            means=Means.of(call.services),
            now=call.services.clock(),
        )

    @api.operation(
        functions,
        "POST",
        "me/devices/{deviceId}/release",
        admission=RESIDENT,
        body=Nothing,
        answers={OK: Released},
        problems=("device_not_yours", "busy"),
    )
    async def release_device(call: Call[Resident, Nothing]) -> Released:
        """Let one's monitor go, as before it is sold: it belongs to nobody until it is paired again."""
        return await devices.release_device(
            call.caller.person_id,
            call.id("deviceId"),
            database=call.services.database,
            journal=call.services.journal,
            now=call.services.clock(),
        )

    @api.operation(
        functions,
        "POST",
        "me/devices/{deviceId}/dispute",
        admission=RESIDENT,
        body=Nothing,
        answers={OK: Dispute},
        problems=("device_not_yours", "nothing_to_dispute", "dispute_too_late"),
    )
    async def dispute_takeover(call: Call[Resident, Nothing]) -> Dispute:
        """Say that a monitor was taken from one, within 30 days of its takeover."""
        return await disputes.open_dispute(
            call.caller.person_id, call.id("deviceId"), database=call.services.database, now=call.services.clock()
        )
