"""The HTTP functions by which staff handle what could not be stored."""

from http import HTTPStatus

import azure.functions as func

from ingest_telemetry.kept_events import partition_of
from ingest_telemetry.quarantine_contract import (
    ListQuarantine,
    OneQuarantined,
    QuarantinedContent,
    QuarantinedEvent,
    QuarantinePage,
)
from ingest_telemetry.quarantine_desk import Desk
from shared.admission import staff
from shared.callers import Role, Staff
from shared.http import Api, Call

OK = HTTPStatus.OK
FLEET = staff(Role.FLEET)
OF_ONE = ("quarantined_event_unknown", "device_not_registered", "data_restricted", "person_erased", "busy")


def register(api: Api, functions: func.Blueprint) -> None:
    """Add them to the app."""

    @api.operation(
        functions,
        "POST",
        "staff/quarantine/list",
        admission=FLEET,
        body=ListQuarantine,
        answers={OK: QuarantinePage},
        problems=("device_not_registered", "data_restricted", "cursor_invalid", "person_erased", "busy"),
    )
    async def list_quarantine(call: Call[Staff, ListQuarantine]) -> QuarantinePage:
        """List events that could not be stored: a monitor's, or those of a hub partition that are nobody's."""
        desk = await _desk(call, f"telemetry/{call.body.partition}")
        return await desk.page(call.body.cursor)

    @api.operation(
        functions,
        "POST",
        "staff/quarantine/inspect",
        admission=FLEET,
        body=OneQuarantined,
        answers={OK: QuarantinedContent},
        problems=OF_ONE,
    )
    async def inspect_quarantined(call: Call[Staff, OneQuarantined]) -> QuarantinedContent:
        """See an event that could not be stored as it came."""
        desk = await _desk(call, partition_of(call.body.event_id))
        return await desk.inspect(call.body.event_id)

    @api.operation(
        functions,
        "POST",
        "staff/quarantine/replay",
        admission=FLEET,
        body=OneQuarantined,
        answers={OK: QuarantinedEvent},
        problems=(*OF_ONE, "quarantined_event_released", "quarantined_event_cut", "hub_unavailable"),
    )
    async def replay_quarantined(call: Call[Staff, OneQuarantined]) -> QuarantinedEvent:
        """Have an event tried again as it came; what may be stored of it is decided anew."""
        desk = await _desk(call, partition_of(call.body.event_id))
        return await desk.replay(call.body.event_id, hub=call.services.hubs.telemetry)

    @api.operation(
        functions,
        "POST",
        "staff/quarantine/release",
        admission=FLEET,
        body=OneQuarantined,
        answers={OK: QuarantinedEvent},
        problems=OF_ONE,
    )
    async def release_quarantined(call: Call[Staff, OneQuarantined]) -> QuarantinedEvent:
        """Give an event up: it is not tried again, and goes when it expires."""
        desk = await _desk(call, partition_of(call.body.event_id))
        return await desk.release(call.body.event_id)


async def _desk(call: Call[Staff, ListQuarantine] | Call[Staff, OneQuarantined], partition: str) -> Desk:
    body, services = call.body, call.services
    if body.serial_number is None:
        return Desk.of_nobody(call.caller, body.purpose, partition, database=services.database, now=services.clock())
    return await Desk.of_monitor(
        call.caller,
        body.purpose,
        body.serial_number,
        database=services.database,
        identity_key=services.settings.identity_key,
        now=services.clock(),
    )
