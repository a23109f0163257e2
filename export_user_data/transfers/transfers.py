"""Transfers: a portable copy goes directly to another controller that the person names (GDPR 20(2)).

The address may hold a secret of the person's: it lies with the job until that has ended, and nowhere else.
"""

from datetime import datetime
from typing import Final

from export_user_data.exports import own_export
from export_user_data.transfers.contract import Transfer
from export_user_data.transfers.sending import NotTaken, check_endpoint, hand_over
from shared import clock
from shared.blobs import EXPORTS, Blobs
from shared.cosmos import Container, Database, Item, Stale, declared
from shared.errors import Problem
from shared.gate import load_policy
from shared.hubs import Hub
from shared.injection import reached
from shared.jobs import ATTEMPTS_LIMIT, Lease, Stepped, start_job
from shared.keys import keyed_id
from shared.ledger import SERVICE, THE_PERSON, Step, record_about
from shared.notifications import notify

KIND: Final = "exportTransfer"
PORTABLE: Final = "portability"

TRANSFERS_LIMIT: Final = 5
"""Addresses that one export may be sent to."""

_STATES: Final = {"queued": "queued", "running": "running", "parked": "failed"}
_NOT_TAKEN: Final = {"refused", "failed"}


async def request_transfer(
    person_id: str,
    export_id: str,
    endpoint: str,
    *,
    database: Database,
    hub: Hub,
    identity_key: bytes,
    is_deployed: bool,
    now: datetime,
) -> Transfer:
    """Queue a transfer. While one to the same address is under way, or was taken there, it is that one.

    Raises:
        Problem: endpoint_unusable; export_unknown, export_not_ready, export_expired, export_not_portable;
            transfers_too_many.
    """
    check_endpoint(endpoint, is_deployed=is_deployed)
    jobs = database["jobs"]
    export = await own_export(person_id, export_id, jobs=jobs)
    if export["scope"] != PORTABLE:
        raise Problem("export_not_portable")
    if now >= clock.moment(export["expiresAt"]):
        raise Problem("export_expired")
    if export["state"] != "done":
        raise Problem("export_not_ready", retry_after_s=2)
    transfer_id = await _transfer_id(export_id, endpoint, jobs=jobs, identity_key=identity_key)
    await _take_room(export, transfer_id, jobs=jobs)
    await reached("transfer.room_taken")
    step = Step(transfer_id, "transfer_requested", THE_PERSON, {"exportId": export_id, "transferId": transfer_id})
    await record_about(person_id, step, database=database, now=now)
    details = {"exportId": export_id, "endpoint": endpoint}
    item = await start_job(KIND, person_id, details, jobs=jobs, hub=hub, now=now, job_id=transfer_id)
    return _view(item)


async def _transfer_id(export_id: str, endpoint: str, *, jobs: Container, identity_key: bytes) -> str:
    """The id of the transfer to this address; of one that was not taken there, of another one."""
    for number in range(TRANSFERS_LIMIT):
        transfer_id = keyed_id(identity_key, "transfer", f"{export_id}\n{number}\n{endpoint}")
        known = await jobs.read(transfer_id, transfer_id)
        if known is None or known.get("outcome") not in _NOT_TAKEN:
            return transfer_id
    raise Problem("transfers_too_many")


async def _take_room(export: Item, transfer_id: str, *, jobs: Container) -> None:
    """Keep with the export that this transfer is one of its few."""
    known = export.get("transfers", [])
    if transfer_id in known:
        return
    if len(known) >= TRANSFERS_LIMIT:
        raise Problem("transfers_too_many")
    try:
        await jobs.replace(declared(export) | {"transfers": [*known, transfer_id]}, export["_etag"])
    except Stale:
        raise Problem("busy", retry_after_s=1) from None


async def transfer_state(person_id: str, export_id: str, transfer_id: str, *, jobs: Container) -> Transfer:
    """How far a transfer is.

    Raises:
        Problem: transfer_unknown, also when it is somebody else's.
    """
    item = await jobs.read(transfer_id, transfer_id)
    if item is None or item["type"] != KIND or (item["personId"], item["exportId"]) != (person_id, export_id):
        raise Problem("transfer_unknown")
    return _view(item)


async def transfer(lease: Lease, *, database: Database, blobs: Blobs, is_deployed: bool) -> Stepped:
    """Send the copy, unless it or its person is gone; a repeat names itself by the same key.

    Raises:
        NotTaken: the other side did not answer, or not well, and is tried again.
    """
    if "endedAt" not in lease.item:
        outcome = await _sent(lease, database=database, blobs=blobs, is_deployed=is_deployed)
        await reached("transfer.sent")
        await lease.commit(outcome=outcome, endedAt=clock.text(lease.now()), stepsDone=1, without=("endpoint",))
    return None


async def _sent(lease: Lease, *, database: Database, blobs: Blobs, is_deployed: bool) -> str:
    item = lease.item
    export = await database["jobs"].read(item["exportId"], item["exportId"])
    if export is None or "blobName" not in export or lease.now() >= clock.moment(export["expiresAt"]):
        return "refused"
    content, size = await blobs.stream(EXPORTS, export["blobName"])
    if (
        await load_policy(database["people"], item["personId"])
    ).tombstone:  # who is being erased sends nothing any more
        return "refused"
    try:
        is_taken = await hand_over(item["endpoint"], content, size, repeat_key=item["jobId"], is_deployed=is_deployed)
    except NotTaken:
        if item["failures"] + 1 < ATTEMPTS_LIMIT:
            raise
        return "failed"
    return "handed_over" if is_taken else "refused"


async def tell_end(item: Item, state: str, *, database: Database, now: datetime) -> None:
    """Tell the ledger and the person how it ended."""
    outcome = item.get("outcome", "failed") if state == "done" else "failed"
    details = {"exportId": item["exportId"], "transferId": item["jobId"], "outcome": outcome}
    ended = Step(item["jobId"], "transfer_ended", SERVICE, details)
    await record_about(item["personId"], ended, database=database, now=now)
    template = "export_handed_over" if outcome == "handed_over" else "export_not_handed_over"
    moments = {"requested": clock.moment(item["createdAt"])}
    await notify(item["personId"], template, item["jobId"], moments, people=database["people"], now=now)


def _view(item: Item) -> Transfer:
    return Transfer.model_validate(
        {
            "transferId": item["jobId"],
            "exportId": item["exportId"],
            "state": item.get("outcome") or _STATES.get(item["state"], "running"),
            "requestedAt": item["createdAt"],
            "endedAt": item.get("endedAt"),
        }
    )
