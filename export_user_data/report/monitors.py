"""The monitors of a person as the page shows them: by what name, with which facts, and what they reported."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from export_user_data.report.digest import Digest
from export_user_data.report.observed import Observed
from export_user_data.report.plots import HEALTH, USE, Plot, nothing_of, plots
from export_user_data.report.records import SHOWN
from export_user_data.report.words import Words


@dataclass(frozen=True, slots=True)
class Card:
    """One monitor that is or was the person's."""

    name: str
    facts: Sequence[tuple[str, str]]
    use: Sequence[Plot]
    health: Sequence[Plot]
    nothing_of: Sequence[str]
    """What could be plotted, and of which nothing is held."""
    features: Sequence[tuple[str, str]]
    """Functions, and how often they were used."""
    readings: int


_FACTS: Final = (
    ("firmwareVersion", "Firmware"),
    ("serialNumber", "Serial number"),
    ("region", "Region"),
)


class Monitors:
    """All of them: those that are theirs, then those that were, each in the order in which they became theirs."""

    def __init__(self, digest: Digest, words: Words, missing: Collection[str] = ()) -> None:
        """From what went by, and the records that need not have gone by: of those it is not said that nothing is."""
        self._digest, self._words = digest, words
        of = {"telemetry/usageReadings": USE, "telemetry/performanceReadings": HEALTH}
        self._gathered = [one for record, gathered in of.items() if record not in missing for one in gathered]
        newest = {link["deviceId"]: link for link in reversed(self._rows("link"))}
        self._links = dict(sorted(newest.items(), key=lambda one: one[1]["until"] is not None))
        self._devices = {device["deviceId"]: device for device in self._rows("device")}
        ids = dict.fromkeys([*self._links, *self._devices, *digest.observed])
        of_others = [device_id for device_id in ids if self._links.get(device_id, {}).get("role") == "guest"]
        own = [device_id for device_id in ids if device_id not in of_others]
        self._numbers = {device_id: number for number, device_id in enumerate([*own, *of_others], start=1)}
        self.cards = [self._card(device_id) for device_id in own]
        self.as_guest = len(of_others)

    def name(self, device_id: str | None) -> str:
        """By number, and by model where it is known."""
        if device_id is None:
            return ""
        number = self._numbers.get(device_id)
        if number is None:
            return self._words.text("another monitor")
        model = self._devices.get(device_id, {}).get("model")
        return self._words.text("Monitor %s") % number + (f" · {model}" if model else "")

    def _rows(self, record: str) -> Sequence[Mapping[str, Any]]:
        kept = self._digest.kept.get(record)
        return kept.newest(SHOWN[record]) if kept else []

    def _card(self, device_id: str) -> Card:
        words = self._words
        observed = self._digest.observed.get(device_id, Observed())
        return Card(
            name=self.name(device_id),
            facts=self._facts(device_id),
            use=plots(observed, USE, words),
            health=plots(observed, HEALTH, words),
            nothing_of=nothing_of(observed, self._gathered, words),
            features=[(words.word(name), words.number(number)) for name, number in observed.features.most_common()],
            readings=observed.readings.total(),
        )

    def _facts(self, device_id: str) -> list[tuple[str, str]]:
        words, device, link = self._words, self._devices.get(device_id, {}), self._links.get(device_id, {})
        facts = [(words.text(heading), str(device[name])) for name, heading in _FACTS if device.get(name)]
        if device.get("firstConnectedAt"):
            facts.append((words.text("First connected"), words.day(device["firstConnectedAt"])))
        since, until = link.get("since"), link.get("until")
        if since and until:
            facts.append((words.text("It was yours"), words.between(since, until)))
        elif since:
            facts.append((words.text("Yours since"), words.day(since)))
        return facts
