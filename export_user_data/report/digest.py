"""What the page of a bundle shows of the data, gathered while the walk goes by: bounded, however much there is."""

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final, Self

from export_user_data.report.observed import Observed
from export_user_data.report.records import SHOWN, Kept
from export_user_data.walk import Held

MONITORS_LIMIT: Final = 12
"""Monitors of which the page has plots; of others it says how many readings there are."""


class Digest:
    """How much went by, and what of it is shown. It can be written down between two steps of a job, and taken up again.

    What it holds is the same in whatever order the items came, but for which monitors are plotted when there are many.
    """

    def __init__(self) -> None:
        """Begin with nothing."""
        self.items: Counter[str] = Counter()
        self.readings: Counter[str] = Counter()
        """How many, by category."""
        self.observed: dict[str, Observed] = {}
        """By the id of the monitor."""
        self.kept: dict[str, Kept] = {}
        """By the name of the record."""
        self.email: str | None = None

    def add(self, held: Held) -> None:
        """Take one stored item into account."""
        name, item = held.record_name, held.item
        self.items[name] += 1
        if "columns" in item:
            self._add_readings(held.device_id or "", item)
        elif name in SHOWN:
            self.kept.setdefault(name, Kept()).add(SHOWN[name], item)
        elif name == "person":
            self.email = item.get("email")

    def _add_readings(self, device_id: str, item: Mapping[str, Any]) -> None:
        self.readings[item["category"]] += item["count"]
        observed = self.observed.get(device_id)
        if observed is None and len(self.observed) < MONITORS_LIMIT:
            observed = self.observed[device_id] = Observed()
        if observed is not None:
            observed.add(item)

    @property
    def models(self) -> list[str]:
        """Of which models their monitors are, as far as they were kept."""
        kept = self.kept.get("device")
        return sorted({row["model"] for row in kept.rows if row.get("model")}) if kept is not None else []

    def state(self) -> dict[str, Any]:
        """What JSON can hold, and `of` takes."""
        return {
            "items": dict(self.items),
            "readings": dict(self.readings),
            "observed": {device_id: observed.state() for device_id, observed in self.observed.items()},
            "kept": {name: kept.state() for name, kept in self.kept.items()},
            "email": self.email,
        }

    @classmethod
    def of(cls, state: Mapping[str, Any]) -> Self:
        """The digest that had this state."""
        digest = cls()
        digest.items.update(state["items"])
        digest.readings.update(state["readings"])
        digest.observed = {device_id: Observed.of(observed) for device_id, observed in state["observed"].items()}
        digest.kept = {name: Kept.of(kept) for name, kept in state["kept"].items()}
        digest.email = state["email"]
        return digest
