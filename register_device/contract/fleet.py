"""What staff are told about the fleet."""

from typing import Literal

from shared.contract import Moment, View

Registration = Literal["owned", "unowned"]
LastSeen = Literal["today", "week", "month", "older", "never"]


class FleetCell(View):
    """How many monitors have all of this in common."""

    model: str | None = None
    firmware_version: str | None = None
    region: str | None = None
    registration: Registration
    last_seen: LastSeen
    devices: int


class FleetFigures(View):
    """Which monitors ran what on one day; without a date there are no such figures."""

    date: str | None = None
    counted_at: Moment | None = None
    devices: int
    """Monitors in the cells of this answer."""
    other: int
    """Monitors in cells too small to be kept apart, of whatever model, firmware and region."""
    cells: list[FleetCell]
