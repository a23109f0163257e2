"""The policy of one person or one period of ownership: what of it may be stored.

It is a value: the gate keeps it under an epoch, tokens carry it, events are stamped with it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal, Self

from shared import clock

WINDOWS_KEPT: Final = 8
"""Windows per category that a policy carries: it bounds the size of a device token."""

CLOCK_TOLERANCE: Final = timedelta(minutes=5)
"""How far a clock may be off and still count as right."""

KeptBy = Literal["legal_hold", "restriction"]
"""Why something is not destroyed although its time is over, or its person wishes it."""

_NEVER: Final = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Window:
    """A time during which a category is collected: from, and until (None: open)."""

    start: datetime
    end: datetime | None = None

    def holds(self, moment: datetime) -> bool:
        """Whether the moment lies in it; the end is outside."""
        return self.start <= moment and (self.end is None or moment < self.end)


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What one ownership admits, under one epoch."""

    epoch: int
    start: datetime
    end: datetime | None = None
    windows: Mapping[str, tuple[Window, ...]] = field(default_factory=dict)
    erased_through: Mapping[str, datetime] = field(default_factory=dict)
    """Per category: what was received until then was erased, and does not come back."""
    store_only: frozenset[str] = frozenset()
    """What is restricted: stored and marked, and used for nothing. Of an ownership these are categories, of a person
    scopes (`shared.standing`)."""
    held: frozenset[str] = frozenset()
    """What is under a legal hold, in the same words: it is used as before, and not destroyed."""
    enrolment_group: str | None = None
    """The group that the monitor was moved to; None: the one that its token names."""
    tombstone: bool = False
    changed_at: datetime | None = None
    """When this epoch began; stored with the gate, and not carried by tokens."""
    objected: frozenset[str] = frozenset()
    """Of a person: what they object to, as `shared.choices` names it."""
    consented: frozenset[str] = frozenset()
    """Of a person: the purposes that they consent to."""
    follows: int = 0
    """Of an ownership: the epoch of its person's policy whose choices it follows; an older one changes it no more."""

    def refusal(self, category: str, observed_at: datetime, received_at: datetime) -> str | None:
        """Why a reading of a category may not be stored; None when it may.

        It must lie in the period of ownership, and in a window of its category. What was observed before the end of
        a period but received after it is refused as well: the monitor belongs to somebody else by then. Nothing can
        have been observed after it was received: it would wait there for a window to come.
        """
        if self.tombstone or not Window(self.start, self.end).holds(observed_at):
            return "outside_ownership"
        if self.end is not None and received_at >= self.end:
            return "outside_ownership"
        if category in self.erased_through and received_at <= self.erased_through[category]:
            return "erased"
        if observed_at > received_at + CLOCK_TOLERANCE:
            return "observed_in_future"
        if not any(window.holds(observed_at) for window in self.windows.get(category, ())):
            return "category_not_open"
        return None

    def admits_all(self, category: str, first: datetime, last: datetime, received_at: datetime) -> bool:
        """Whether whatever was observed from the first to the last moment may be stored: one window holds both."""
        return (
            self.refusal(category, first, received_at) is None
            and self.refusal(category, last, received_at) is None
            and any(window.holds(first) and window.holds(last) for window in self.windows.get(category, ()))
        )

    def kept_by(self, category: str) -> KeptBy | None:
        """Why nothing of a category expires; a hold stands above a restriction."""
        if category in self.held:
            return "legal_hold"
        return "restriction" if category in self.store_only else None

    def open_at(self, moment: datetime) -> list[str]:
        """The categories that are collected at a moment."""
        return [
            category for category, windows in self.windows.items() if any(window.holds(moment) for window in windows)
        ]

    def with_window(self, category: str, window: Window) -> Self:
        """The policy with one more window of a category; those that end first are let go."""
        windows = (*self.windows.get(category, ()), window)
        lasting = sorted(windows, key=lambda one: (one.end is None, one.end or one.start))[-WINDOWS_KEPT:]
        kept = tuple(one for one in windows if one in lasting)
        return replace(self, windows={**self.windows, category: kept})

    def without_window(self, category: str, window: Window) -> Self:
        """The policy without one window of a category: what was observed in it is refused as well."""
        windows = tuple(one for one in self.windows.get(category, ()) if one != window)
        return replace(self, windows={**self.windows, category: windows})

    def without(self, category: str) -> Self:
        """The policy without any window of a category."""
        return replace(self, windows={name: windows for name, windows in self.windows.items() if name != category})

    def claims(self) -> dict[str, Any]:
        """The policy as it is stored, put into tokens and stamped on events."""
        written: dict[str, Any] = {
            "epoch": self.epoch,
            "start": clock.text(self.start),
            "windows": {
                category: [
                    [clock.text(window.start)]
                    if window.end is None
                    else [clock.text(window.start), clock.text(window.end)]
                    for window in windows
                ]
                for category, windows in self.windows.items()
            },
        }
        if self.end is not None:
            written["end"] = clock.text(self.end)
        if self.erased_through:
            written["erasedThrough"] = {name: clock.text(moment) for name, moment in self.erased_through.items()}
        if self.store_only:
            written["storeOnly"] = sorted(self.store_only)
        if self.held:
            written["held"] = sorted(self.held)
        if self.enrolment_group is not None:
            written["enrolmentGroup"] = self.enrolment_group
        if self.tombstone:
            written["tombstone"] = True
        return written

    def stored(self) -> dict[str, Any]:
        """The policy as the gate holds it."""
        kept: dict[str, Any] = {
            "changedAt": clock.text(self.changed_at) if self.changed_at else None,
            "objected": sorted(self.objected),
            "consented": sorted(self.consented),
            "follows": self.follows,
        }
        return self.claims() | {name: value for name, value in kept.items() if value}

    def is_narrower_than(self, other: Self) -> bool:
        """Whether it refuses anything that the other one admits, or keeps anything that the other one lets expire."""
        if (self.tombstone and not other.tombstone) or (self.end is not None and self.end != other.end):
            return True
        if not (self.store_only <= other.store_only and self.held <= other.held):
            return True
        if not (self.objected <= other.objected and other.consented <= self.consented):
            return True
        if any(moment > other.erased_through.get(name, _NEVER) for name, moment in self.erased_through.items()):
            return True
        return any(
            not set(windows) <= set(self.windows.get(category, ())) for category, windows in other.windows.items()
        )

    @classmethod
    def from_claims(cls, written: Mapping[str, Any]) -> Self:
        """Read what `claims` wrote."""
        return cls(
            epoch=int(written["epoch"]),
            start=clock.moment(written["start"]),
            end=clock.moment(written["end"]) if written.get("end") else None,
            windows={
                category: tuple(Window(*(clock.moment(edge) for edge in window)) for window in windows)
                for category, windows in written["windows"].items()
            },
            erased_through={
                category: clock.moment(moment) for category, moment in written.get("erasedThrough", {}).items()
            },
            store_only=frozenset(written.get("storeOnly", ())),
            held=frozenset(written.get("held", ())),
            enrolment_group=written.get("enrolmentGroup"),
            tombstone=bool(written.get("tombstone", False)),
            changed_at=clock.moment(written["changedAt"]) if "changedAt" in written else None,
            objected=frozenset(written.get("objected", ())),
            consented=frozenset(written.get("consented", ())),
            follows=int(written.get("follows", 0)),
        )
