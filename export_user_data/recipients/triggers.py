"""The functions about recipients: what people see of them, what they acknowledge, and the timer that tells them."""

import logging
from http import HTTPStatus

import azure.functions as func

from export_user_data.recipients.contract import Acknowledged, Recipients
from export_user_data.recipients.disclosure import recipients_of
from export_user_data.recipients.outbox import Run, acknowledge
from shared import clock
from shared.admission import RECIPIENT, RESIDENT
from shared.callers import Recipient, Resident
from shared.contract import Nothing
from shared.http import Api, Call

OK = HTTPStatus.OK

_log = logging.getLogger("blue.recipients")


def register(api: Api, functions: func.Blueprint) -> None:
    """Add them to the app."""

    @api.operation(functions, "GET", "me/recipients", admission=RESIDENT, answers={OK: Recipients})
    async def list_recipients(call: Call[Resident, None]) -> Recipients:
        """Who is given what of the caller's data, why and since when, and what they were told of changes."""
        services = call.services
        return await recipients_of(call.caller.person_id, database=services.database, webhooks=services.webhooks)

    @api.operation(
        functions,
        "POST",
        "recipients/acknowledgements",
        admission=RECIPIENT,
        body=Nothing,
        answers={OK: Acknowledged},
        problems=("notice_unknown",),
    )
    async def acknowledge_notice(call: Call[Recipient, Nothing]) -> Acknowledged:
        """Acknowledge a notice that was taken before; the token that came with it says which."""
        services, caller = call.services, call.caller
        item = await acknowledge(caller, jobs=services.database["jobs"], now=services.clock())
        return Acknowledged(
            recipient=caller.name,
            request_id=caller.request_id,
            event=caller.event,
            acknowledged_at=clock.moment(item["acknowledgedAt"]),
        )

    @functions.function_name("tell_recipients_due")
    @functions.timer_trigger("timer", "*/15 * * * * *")
    async def tell_recipients_due(timer: func.TimerRequest) -> None:  # noqa: ARG001 - the host passes it
        """Send the notices that are due to their recipients."""
        services = await api.services()
        run = Run(database=services.database, webhooks=services.webhooks, keys=services.device_keys, now=services.clock)
        for end, count in (await run.tell_due()).items():
            _log.info("%d notices: %s", count, end)
