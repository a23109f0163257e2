"""The functions of transfers."""

from http import HTTPStatus

import azure.functions as func

from export_user_data.transfers import transfers
from export_user_data.transfers.contract import Transfer, TransferRequest
from shared.admission import RESIDENT
from shared.callers import Resident
from shared.cosmos import Item
from shared.http import Api, Call
from shared.jobs import Kind, Lease, Stepped
from shared.services import Services


def register(api: Api, functions: func.Blueprint) -> None:
    """Add them to the app."""
    api.job_kinds[transfers.KIND] = Kind(_transfer, _tell_end)

    @api.operation(
        functions,
        "POST",
        "me/exports/{exportId}/transfers",
        admission=RESIDENT,
        body=TransferRequest,
        answers={HTTPStatus.ACCEPTED: Transfer},
        problems=(
            "endpoint_unusable",
            "export_unknown",
            "export_not_portable",
            "export_not_ready",
            "export_expired",
            "transfers_too_many",
        ),
    )
    async def transfer_export(call: Call[Resident, TransferRequest]) -> Transfer:
        """Send a portable copy directly to another provider, at an https address that takes a PUT."""
        services = call.services
        return await transfers.request_transfer(
            call.caller.person_id,
            call.id("exportId"),
            call.body.endpoint,
            database=services.database,
            hub=services.hubs.jobs,
            identity_key=services.settings.identity_key,
            is_deployed=services.settings.is_deployed,
            now=services.clock(),
        )

    @api.operation(
        functions,
        "GET",
        "me/exports/{exportId}/transfers/{transferId}",
        admission=RESIDENT,
        answers={HTTPStatus.OK: Transfer},
        problems=("transfer_unknown",),
    )
    async def get_transfer(call: Call[Resident, None]) -> Transfer:
        """How far a transfer is."""
        return await transfers.transfer_state(
            call.caller.person_id,
            call.id("exportId"),
            call.id("transferId"),
            jobs=call.services.database["jobs"],
        )


async def _transfer(services: Services, lease: Lease) -> Stepped:
    return await transfers.transfer(
        lease, database=services.database, blobs=services.blobs, is_deployed=services.settings.is_deployed
    )


async def _tell_end(services: Services, item: Item, state: str) -> None:
    await transfers.tell_end(item, state, database=services.database, now=services.clock())
