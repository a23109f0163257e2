"""The figures of use as staff see them, of any day that is kept."""

from datetime import date
from typing import Final

from ingest_telemetry.statistics.contract import UsageStatistics
from ingest_telemetry.statistics.figures import COHORT, formulas, views
from shared import clock
from shared.cosmos import Container, Item
from shared.errors import Problem
from shared.statistics import USAGE, item_id

_NEWEST: Final = "SELECT TOP 1 * FROM c ORDER BY c.date DESC"


async def usage_statistics(day: str | None, *, statistics: Container) -> UsageStatistics:
    """The figures of a day, or of the newest one; a day without figures is an answer.

    Raises:
        Problem: date_invalid.
    """
    item = await (_newest(statistics) if day is None else statistics.read(USAGE, item_id(_date(day))))
    if item is None:
        return UsageStatistics(cohort=COHORT, cells=[], formulas=formulas())
    return UsageStatistics(
        date=item["date"],
        counted_at=clock.moment(item["countedAt"]),
        closed=item["closed"],
        cohort=item["cohort"],
        cells=views(item["cells"]),
        formulas=formulas(),
    )


async def _newest(statistics: Container) -> Item | None:
    async for item in statistics.query(_NEWEST, partition=USAGE):
        return item
    return None


def _date(day: str) -> str:
    try:
        return date.fromisoformat(day).isoformat()
    except ValueError:
        raise Problem("date_invalid") from None  # the original repeats what was sent
