"""The report of retention as privacy staff see it."""

from datetime import date
from typing import Any, Final

from export_user_data.retention.contract import CategoryAges, RecordAges, RetentionReport
from export_user_data.retention.figures import CELL
from shared import clock
from shared.cosmos import Container, Item
from shared.data_map import CATEGORIES
from shared.errors import Problem

_NEWEST: Final = "SELECT TOP 1 * FROM c ORDER BY c.date DESC"


async def retention_report(day: str | None, *, statistics: Container) -> RetentionReport:
    """The newest report, or that of a day.

    Raises:
        Problem: date_invalid.
    """
    item = await (_newest(statistics) if day is None else statistics.read(CELL, f"{CELL}:{_date(day)}"))
    if item is None:
        return RetentionReport(categories=[])
    categories = [_category(category.value, item["lines"]) for category in CATEGORIES]
    return RetentionReport(date=item["date"], counted_at=clock.moment(item["countedAt"]), categories=categories)


def _category(category: str, lines: list[dict[str, Any]]) -> CategoryAges:
    records = [
        RecordAges(
            container=line["container"],
            record=line["record"],
            retention_days=line.get("retentionDays"),
            on_expiry=line["onExpiry"],
            items=line.get("items"),
            oldest=clock.moment(line["oldest"]) if "oldest" in line else None,
            overdue=line["overdue"],
            kept=line["kept"],
        )
        for line in lines
        if line["category"] == category
    ]
    return CategoryAges(
        category=category,
        oldest=min((record.oldest for record in records if record.oldest is not None), default=None),
        overdue=sum(record.overdue for record in records),
        kept=sum(record.kept for record in records),
        records=records,
    )


async def _newest(statistics: Container) -> Item | None:
    async for item in statistics.query(_NEWEST, partition=CELL):
        return item
    return None


def _date(day: str) -> str:
    try:
        return date.fromisoformat(day).isoformat()
    except ValueError:
        raise Problem("date_invalid") from None  # the original repeats what was sent
