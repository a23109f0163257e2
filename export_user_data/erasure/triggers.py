"""The functions by which a person erases, and learns what became of it."""

from http import HTTPStatus

import azure.functions as func

from export_user_data.erasure import requests
from export_user_data.erasure.contract import (
    Confirmation,
    Erasure,
    ErasurePlan,
    ErasureRequest,
    Erasures,
    ReceiptRequest,
)
from shared.admission import ANYONE, RESIDENT
from shared.callers import Anyone, Resident
from shared.http import Api, Call
from shared.jobs import Kind, Lease, Stepped
from shared.services import Services


def register(api: Api, functions: func.Blueprint) -> None:
    """Add them to the app, and the job to its worker."""
    api.job_kinds[requests.KIND] = Kind(_erase)

    @api.operation(
        functions,
        "POST",
        "me/erasures",
        admission=RESIDENT,
        body=ErasureRequest,
        answers={HTTPStatus.OK: ErasurePlan},
        problems=("category_not_erasable", "device_not_yours"),
    )
    async def plan_erasure(call: Call[Resident, ErasureRequest]) -> ErasurePlan:
        """Show what an erasure would do, with a word to confirm it with; nothing happens without that."""
        services = call.services
        return await requests.plan_erasure(
            call.caller.person_id,
            call.body,
            database=services.database,
            keys=services.device_keys,
            now=services.clock(),
        )

    @api.operation(
        functions,
        "POST",
        "me/erasures/confirm",
        admission=RESIDENT,
        body=Confirmation,
        answers={HTTPStatus.ACCEPTED: Erasure},
        problems=("confirmation_invalid",),
    )
    async def confirm_erasure(call: Call[Resident, Confirmation]) -> Erasure:
        """Begin the erasure that was shown."""
        services = call.services
        return await requests.confirm(
            call.caller.person_id,
            call.body.confirmation,
            database=services.database,
            keys=services.device_keys,
            identity_key=services.settings.identity_key,
            hub=services.hubs.jobs,
            now=services.clock(),
        )

    @api.operation(functions, "GET", "me/erasures", admission=RESIDENT, answers={HTTPStatus.OK: Erasures})
    async def list_erasures(call: Call[Resident, None]) -> Erasures:
        """What the caller asked to be erased, and how far it is."""
        return await requests.erasures(call.caller.person_id, database=call.services.database)

    @api.operation(
        functions,
        "GET",
        "me/erasures/{erasureId}",
        admission=RESIDENT,
        answers={HTTPStatus.OK: Erasure},
        problems=("erasure_unknown",),
    )
    async def get_erasure(call: Call[Resident, None]) -> Erasure:
        """How far an erasure is, with its receipt."""
        return await requests.own_erasure(call.caller.person_id, call.id("erasureId"), database=call.services.database)

    @api.operation(
        functions,
        "POST",
        "erasures/receipt",
        admission=ANYONE,
        body=ReceiptRequest,
        answers={HTTPStatus.OK: Erasure},
        problems=("erasure_unknown",),
    )
    async def get_receipt(call: Call[Anyone, ReceiptRequest]) -> Erasure:
        """How far an erasure is, for whoever has its code: the person has no account any more."""
        return await requests.erasure_by_code(
            call.body.erasure_id,
            call.body.receipt_code,
            jobs=call.services.database["jobs"],
            identity_key=call.services.settings.identity_key,
        )


async def _erase(services: Services, lease: Lease) -> Stepped:
    from export_user_data.erasure.steps import erase  # noqa: PLC0415 - the worker alone needs it

    return await erase(services, lease)
