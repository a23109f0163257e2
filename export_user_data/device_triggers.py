"""The functions that give the owner of a device its readings, live."""

from http import HTTPStatus

import azure.functions as func

from export_user_data import state, stream
from export_user_data.contract import DeviceState, StreamLine
from export_user_data.waiting import WaitingRoom
from shared.admission import RESIDENT
from shared.callers import Resident
from shared.http import JSON_LINES, Api, Call, JsonLines


def register(api: Api, functions: func.Blueprint) -> None:
    """Add them to the app."""
    waiting = WaitingRoom()

    @api.operation(
        functions,
        "GET",
        "me/devices/{deviceId}/state",
        admission=RESIDENT,
        answers={HTTPStatus.OK: DeviceState},
        problems=("device_not_yours",),
    )
    async def get_state(call: Call[Resident, None]) -> DeviceState:
        """The last-known state of a device: of each kind the reading that was observed last."""
        return await state.device_state(call.caller.person_id, call.id("deviceId"), database=call.services.database)

    @api.operation(
        functions,
        "GET",
        "me/devices/{deviceId}/telemetry",
        admission=RESIDENT,
        answers={HTTPStatus.OK: StreamLine},
        problems=("device_not_yours", "cursor_invalid", "field_out_of_range"),
        media_type=JSON_LINES,
        query={
            "cursor": "The last cursor that was read; without it the stream begins with the oldest that is held.",
            "wait": "Seconds to wait for something new, at most 25; when too many wait, or five requests of the "
            "caller, the answer comes at once.",
            "since": "Without a cursor: begin of the period of ownership, as in the list of devices. "
            "Without it the present period, else the last.",
        },
    )
    async def stream_telemetry(call: Call[Resident, None]) -> JsonLines:
        """The readings of a device in the order of arrival, as JSON Lines, each message followed by a cursor."""
        asked = stream.Asked(
            device_id=call.id("deviceId"),
            cursor=call.query.get("cursor"),
            since=call.query.get("since"),
            wait_s=stream.waiting_time(call.query.get("wait")),
        )
        lines = await stream.stream_page(
            call.caller.person_id,
            asked,
            database=call.services.database,
            key=call.services.settings.identity_key,
            waiting=waiting,
            now=call.services.clock,
        )
        return JsonLines(lines)
