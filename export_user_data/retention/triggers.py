"""The functions of retention: the report, and the timers that make it and move what has expired into the vault."""

import logging
from http import HTTPStatus

import azure.functions as func

from export_user_data.retention import expiry, figures, report
from export_user_data.retention.contract import RetentionReport
from shared.admission import staff
from shared.callers import Role, Staff
from shared.http import Api, Call
from shared.jobs import Cursor, Kind, Lease
from shared.services import Services

_log = logging.getLogger("blue.retention")


def register(api: Api, functions: func.Blueprint) -> None:
    """Add them to the app."""

    @api.operation(
        functions,
        "GET",
        "staff/retention-report",
        admission=staff(Role.PRIVACY),
        answers={HTTPStatus.OK: RetentionReport},
        problems=("date_invalid",),
        query={"date": "The day, as YYYY-MM-DD; without it the newest report is answered."},
    )
    async def get_retention_report(call: Call[Staff, None]) -> RetentionReport:
        """How old the oldest item of each category is, and what is past its time."""
        return await report.retention_report(call.query.get("date"), statistics=call.services.database["statistics"])

    @functions.function_name("block_expired")
    @functions.timer_trigger("timer", "0 5 * * * *")
    async def block_expired(timer: func.TimerRequest) -> None:  # noqa: ARG001 - the host passes it
        """Move into the vault what has expired and is to be blocked."""
        services = await api.services()
        for end, count in (await expiry.block_expired(vault=services.vault, now=services.clock)).items():
            _log.info("%d expired: %s", count, end)

    @functions.function_name("report_retention")
    @functions.timer_trigger("timer", "0 50 1 * * *")
    async def report_retention(timer: func.TimerRequest) -> None:  # noqa: ARG001 - the host passes it
        """Start the report of retention, once a day."""
        services = await api.services()
        job = await figures.start_report(database=services.database, hub=services.hubs.jobs, now=services.clock())
        _log.info("report of retention: %s", job["state"])

    api.job_kinds[figures.KIND] = Kind(_look_at_record)


async def _look_at_record(services: Services, lease: Lease) -> Cursor | None:
    return await figures.look_at_record(lease, database=services.database)
