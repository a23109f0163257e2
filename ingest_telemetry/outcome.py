"""What became of a batch of events, in counts: the only thing that is logged of it."""

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field

_log = logging.getLogger("blue.ingest")


@dataclass(slots=True)
class Outcome:
    """Counts of one batch; all tasks of its storing add to them."""

    events: int = 0
    items_stored: int = 0
    items_repeated: int = 0
    events_quarantined: int = 0
    events_lost: int = 0
    """Events that the store refused even in quarantine."""
    readings_refused: dict[str, int] = field(default_factory=dict)

    def refuse(self, refused: Mapping[str, int]) -> None:
        """Add readings that may not be stored, by reason."""
        for reason, count in refused.items():
            self.readings_refused[reason] = self.readings_refused.get(reason, 0) + count

    def lose(self, reason: str) -> None:
        """Count an event that cannot be kept at all, and say so at once: a later failure must not hide it."""
        self.events_lost += 1
        _log.error("ALARM quarantine_refused: the store does not take an event that was set aside as %s", reason)


def log_outcome(outcome: Outcome) -> None:
    """Say in counts what became of a batch; a quarantined event is a warning."""
    level = logging.WARNING if outcome.events_quarantined or outcome.events_lost else logging.INFO
    _log.log(
        level,
        "events %d, items stored %d, repeated %d, events quarantined %d, lost %d, readings refused %s",
        outcome.events,
        outcome.items_stored,
        outcome.items_repeated,
        outcome.events_quarantined,
        outcome.events_lost,
        json.dumps(outcome.readings_refused),
    )
