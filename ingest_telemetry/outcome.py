"""What became of a batch of events, in counts: the only thing that is logged of it."""

import json
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, cast

from shared.counters import Counted, Counters

_log = logging.getLogger("blue.ingest")

LASTING_FROM: Final = 5
"""From so many retries of one batch on, about half a minute, its failure is no passing one."""


@dataclass(slots=True)
class Outcome:
    """Counts of one batch; all tasks of its storing add to them."""

    events: int = 0
    items_stored: int = 0
    items_repeated: int = 0
    events_quarantined: int = 0
    events_lost: int = 0
    """Events that the store refused even in quarantine, or that a full quarantine does not keep."""
    readings_refused: dict[str, int] = field(default_factory=dict)
    counters: Counters | None = None
    """Where staff see how much is set aside, and why."""

    def refuse(self, refused: Mapping[str, int]) -> None:
        """Add readings that may not be stored, by reason."""
        for reason, count in refused.items():
            self.readings_refused[reason] = self.readings_refused.get(reason, 0) + count

    def set_aside(self, reasons: Iterable[str]) -> None:
        """Add events that are in quarantine now, each by its reason."""
        for reason in reasons:
            self.events_quarantined += 1
            self._count(reason)

    def lose(self, reason: str) -> None:
        """Count an event that cannot be kept at all, and say so at once: a later failure must not hide it."""
        self.events_lost += 1
        self._count("lost")
        _log.error("ALARM quarantine_refused: the store does not take an event that was set aside as %s", reason)

    def leave(self) -> None:
        """Count an event that a full quarantine does not keep."""
        self.events_lost += 1
        self._count("not_kept")

    def _count(self, what: str) -> None:
        if self.counters is not None:
            self.counters.add(cast("Counted", f"quarantine.{what}"))


def log_failure(partition: str, events: int, retries: int, error: Exception) -> None:
    """Say that a batch failed and will come again; an alarm once that lasts."""
    level, alarm = (logging.ERROR, "ALARM ingest_stopped: ") if retries >= LASTING_FROM else (logging.WARNING, "")
    kinds = sorted({type(one).__qualname__ for one in _leaves(error)})
    _log.log(
        level,
        "%spartition %s, %d events failed after %d retries: %s",
        alarm,
        partition,
        events,
        retries,
        ", ".join(kinds),
    )


def _leaves(error: BaseException) -> Iterable[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for one in error.exceptions:
            yield from _leaves(one)
    else:
        yield error


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
