"""The fleet as staff see it: the figures that were counted, of any day that is kept."""

from collections.abc import Mapping
from datetime import date
from typing import Final

from register_device.contract.fleet import FleetCell, FleetFigures
from register_device.fleet_figures import FLEET, as_views
from shared import clock
from shared.cosmos import Container, Item
from shared.errors import Problem

_NEWEST: Final = "SELECT TOP 1 * FROM c ORDER BY c.date DESC"


async def fleet_figures(day: str | None, wanted: Mapping[str, str], *, statistics: Container) -> FleetFigures:
    """The newest figures or those of a day, of the cells that have the wanted model, firmware and region.

    Raises:
        Problem: date_invalid.
    """
    item = await (_newest(statistics) if day is None else statistics.read(FLEET, f"{FLEET}:{_date(day)}"))
    if item is None:
        return FleetFigures(devices=0, other=0, cells=[])
    cells = [cell for cell in as_views(item["cells"]) if _fits(cell, wanted)]
    return FleetFigures(
        date=item["date"],
        counted_at=clock.moment(item["countedAt"]),
        devices=sum(cell.devices for cell in cells),
        other=item["other"],
        cells=cells,
    )


async def _newest(statistics: Container) -> Item | None:
    async for item in statistics.query(_NEWEST, partition=FLEET):
        return item
    return None


def _date(day: str) -> str:
    try:
        return date.fromisoformat(day).isoformat()
    except ValueError:
        raise Problem("date_invalid") from None  # the original repeats what was sent


def _fits(cell: FleetCell, wanted: Mapping[str, str]) -> bool:
    known = {"model": cell.model, "firmware": cell.firmware_version, "region": cell.region}
    return all(known[name] == value for name, value in wanted.items())
