"""Figures of use: what is counted of one monitor's day, how small cells are merged, and a formula for each figure."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from ingest_telemetry.statistics.contract import FormulaText, UsageCell

COHORT: Final = 10
"""Fewest monitors of a cell that is stored."""

OTHER: Final = "other"
UNKNOWN: Final = "unknown"
UNSPECIFIED: Final = "unspecified"
BYTES_LIMIT: Final = 1_000_000
"""An item may have 2 MB, and makers' values may be long."""

Cell = tuple[str, str, str]
"""Model, firmware and region."""

Counts = Counter[str]
Cells = dict[Cell, Counts]

DEVICES: Final = "devices"
_TIMED: Final = "timedCalls"
_DURATION: Final = "durationMs"
_CALL: Final = "call."
_DOOR: Final = "door."
_FEATURE: Final = "feature."
_ALL_OTHER: Final[Cell] = (OTHER, OTHER, OTHER)


@dataclass(frozen=True, slots=True)
class Formula:
    """How a figure of a cell follows from its counts."""

    figure: str
    unit: str
    text: str
    of: Callable[[Counts], Any]


def _answered_share(counts: Counts) -> float | None:
    rung = counts[f"{_CALL}answered"] + counts[f"{_CALL}missed"]
    return counts[f"{_CALL}answered"] / rung if rung else None


def _mean_duration(counts: Counts) -> float | None:
    return counts[_DURATION] / 1000 / counts[_TIMED] if counts[_TIMED] else None


def _group(prefix: str) -> Callable[[Counts], dict[str, int]]:
    def of(counts: Counts) -> dict[str, int]:
        return {name.removeprefix(prefix): counts[name] for name in sorted(counts) if name.startswith(prefix)}

    return of


FORMULAS: Final = (
    Formula(
        "devices",
        "monitors",
        "monitors with at least one usage reading that was observed on the day (UTC, corrected clock), each in the "
        "cell of the product that its last such message names",
        lambda counts: counts[DEVICES],
    ),
    Formula("calls", "calls", "number of call readings by outcome", _group(_CALL)),
    Formula(
        "answeredShare",
        "1",
        "answered / (answered + missed); auto_on is nobody ringing and does not count; absent without such calls",
        _answered_share,
    ),
    Formula(
        "meanDurationS",
        "s",
        "sum of durationS, each rounded to milliseconds / number of the calls that have one; absent without such calls",
        _mean_duration,
    ),
    Formula("doorOpenings", "openings", "number of door_opening readings by accessType, or unspecified", _group(_DOOR)),
    Formula("featureUses", "uses", "sum of count, 1 without it, of feature_use readings by feature", _group(_FEATURE)),
)
"""Every figure of a cell, in the one place that computation and answer share."""


def count(readings: Iterable[tuple[str, Mapping[str, Any]]]) -> Counts:
    """What readings count for."""
    counts: Counts = Counter()
    for kind, values in readings:
        if kind == "call":
            counts[f"{_CALL}{values['outcome']}"] += 1
            if "durationS" in values:
                counts[_TIMED] += 1
                counts[_DURATION] += round(values["durationS"] * 1000)
        elif kind == "door_opening":
            counts[f"{_DOOR}{values.get('accessType', UNSPECIFIED)}"] += 1
        elif kind == "feature_use":
            counts[f"{_FEATURE}{values['feature']}"] += values.get("count", 1)
    return counts


def cell_of(product: Mapping[str, str]) -> Cell:
    """The cell of a product as a message names it."""
    return product.get("model", UNKNOWN), product.get("firmware", UNKNOWN), product.get("region", UNKNOWN)


def add(cells: Cells, cell: Cell, counts: Counts) -> None:
    """Count something for a cell."""
    cells.setdefault(cell, Counter()).update(counts)


def merged(cells: Cells, cohort: int) -> tuple[Cells, Counts]:
    """Cells of a cohort at least, and what is left over when all that is rare together is still too few.

    A cell that is too small first loses its region, then its firmware, then its model.
    """
    for kept in (2, 1, 0):
        wider: Cells = {}
        for cell, counts in cells.items():
            add(wider, _widened(cell, kept) if counts[DEVICES] < cohort else cell, counts)
        cells = wider
    rest = cells.get(_ALL_OTHER, Counter())
    if rest[DEVICES] >= cohort:
        return cells, Counter()
    return {cell: counts for cell, counts in cells.items() if cell != _ALL_OTHER}, rest


def _widened(cell: Cell, kept: int) -> Cell:
    model, firmware, region = (*cell[:kept], *_ALL_OTHER[kept:])
    return model, firmware, region


def bounded(cells: Cells, *, bytes_limit: int = BYTES_LIMIT) -> Cells:
    """The cells so that one item can hold them: as many of the rare ones merged as it takes, and nothing left out."""
    cohort = 1
    while len(json.dumps(written(cells))) > bytes_limit and len(cells) > 1:
        cohort *= 2
        cells, rest = merged(cells, cohort)
        if rest:
            add(cells, _ALL_OTHER, rest)
    return cells


def written(cells: Cells) -> list[list[Any]]:
    """Cells as they are stored, in a stable order."""
    return [[*cell, dict(sorted(counts.items()))] for cell, counts in sorted(cells.items())]


def read(stored: Iterable[Iterable[Any]]) -> Cells:
    """What `written` wrote."""
    return {(model, firmware, region): Counter(counts) for model, firmware, region, counts in stored}


def views(stored: Iterable[Iterable[Any]]) -> list[UsageCell]:
    """Stored cells as they are told."""
    return [
        UsageCell.model_validate(
            {"model": cell[0], "firmwareVersion": cell[1], "region": cell[2]}
            | {formula.figure: formula.of(counts) for formula in FORMULAS}
        )
        for cell, counts in read(stored).items()
    ]


def formulas() -> list[FormulaText]:
    """The formulas as they are told."""
    return [FormulaText(figure=formula.figure, unit=formula.unit, formula=formula.text) for formula in FORMULAS]
