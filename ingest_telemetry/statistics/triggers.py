"""The function that tells staff the figures of use, and the timer that starts their computation."""

import logging
from http import HTTPStatus

import azure.functions as func

from ingest_telemetry.statistics import counting, reading
from ingest_telemetry.statistics.contract import UsageStatistics
from shared import statistics
from shared.admission import staff
from shared.callers import Role, Staff
from shared.http import Api, Call
from shared.jobs import Cursor, Kind, Lease
from shared.services import Services

_log = logging.getLogger("blue.statistics")


def register(api: Api, functions: func.Blueprint) -> None:
    """Add them to the app."""

    @api.operation(
        functions,
        "GET",
        "staff/statistics",
        admission=staff(Role.FLEET),
        answers={HTTPStatus.OK: UsageStatistics},
        problems=("date_invalid",),
        query={"day": "The day (UTC), as YYYY-MM-DD; without it the newest figures are answered."},
    )
    async def get_statistics(call: Call[Staff, None]) -> UsageStatistics:
        """How monitors were used on a day, per model, firmware and region, with the formula of each figure."""
        return await reading.usage_statistics(call.query.get("day"), statistics=call.services.database["statistics"])

    @functions.function_name("compute_statistics")
    @functions.timer_trigger("timer", "0 40 1 * * *")
    async def compute_statistics(timer: func.TimerRequest) -> None:  # noqa: ARG001 - the host passes it
        """Start the computations of figures of use that are due, once a day."""
        services = await api.services()
        days = await statistics.start_due(database=services.database, hub=services.hubs.jobs, now=services.clock())
        _log.info("%d days to compute", len(days))

    api.job_kinds[statistics.KIND] = Kind(_count_page)


async def _count_page(services: Services, lease: Lease) -> Cursor | None:
    return await counting.count_page(lease, database=services.database)
