"""What staff are told about how the fleet is used."""

from shared.contract import Moment, View


class UsageCell(View):
    """Figures of all monitors that have model, firmware and region in common; each by the formula of its name.

    `other` stands for all that is too rare to be told apart, `unknown` for what a monitor did not say.
    """

    model: str
    firmware_version: str
    region: str
    devices: int
    calls: dict[str, int]
    answered_share: float | None = None
    mean_duration_s: float | None = None
    door_openings: dict[str, int]
    feature_uses: dict[str, int]


class FormulaText(View):
    """How a figure is computed."""

    figure: str
    unit: str
    formula: str


class UsageStatistics(View):
    """The figures of one day; without a date there are none."""

    date: str | None = None
    counted_at: Moment | None = None
    closed: bool = False
    """Whether they are final; until then late readings, objections and erasures change them."""
    cohort: int
    """Fewest monitors of a cell: smaller ones are merged before anything is stored."""
    cells: list[UsageCell]
    formulas: list[FormulaText]
