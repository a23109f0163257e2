"""The timers of `register_device`."""

import logging

import azure.functions as func

from register_device import repairs
from shared.http import Api

_log = logging.getLogger("blue.repairs")


def register(api: Api, functions: func.Blueprint) -> None:
    """Add them to the app."""

    @functions.function_name("repair_ownerships")
    @functions.timer_trigger("timer", "0 */5 * * * *")
    async def repair_ownerships(timer: func.TimerRequest) -> None:  # noqa: ARG001 - the host passes it
        """Complete registrations and ends of ownership that were cut off and that nobody has repeated."""
        services = await api.services()
        ends = await repairs.repair(database=services.database, journal=services.journal, now=services.clock())
        for end, count in ends.items():
            _log.info("%d cut off: %s", count, end)
