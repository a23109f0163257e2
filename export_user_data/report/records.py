"""The small records that the page shows as tables: which fields of which, and how many rows at most."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, Self

Look = Literal["text", "word", "day", "time", "device", "yes", "action", "recipient", "category", "days"]
"""How a value is shown: as it is, as a word of ours, as a date, with its time, as the name of a monitor, …"""

ROWS_LIMIT: Final = 50
"""The newest that are shown of each record; the files of the bundle have all."""

_TEXT_LIMIT: Final = 120
_SWEEP: Final = 4 * ROWS_LIMIT


@dataclass(frozen=True, slots=True)
class Column:
    """One column: the field, its heading in English, and how its values are shown."""

    name: str
    heading: str
    look: Look = "text"


@dataclass(frozen=True, slots=True)
class Shown:
    """How one record is shown; the first column that is a time gives the order."""

    title: str
    columns: tuple[Column, ...]
    only: Callable[[Mapping[str, Any]], bool] = lambda _: True

    @property
    def dated_by(self) -> str:
        """The field that says what is newest."""
        return next(column.name for column in self.columns if column.look in {"day", "time"})


def _is_seen_by_others(entry: Mapping[str, Any]) -> bool:
    """Whether staff did it, or somebody outside was told."""
    return str(entry.get("actorKind")).startswith("staff:") or entry.get("action") == "recipients_told"


_DEVICE: Final = Column("deviceId", "Monitor", "device")
_SINCE: Final = Column("since", "Since", "day")
_SCOPE: Final = (
    Column("scope", "Of what", "word"),
    Column("category", "Category", "category"),
    _DEVICE,
    Column("ground", "Why", "word"),
    _SINCE,
)

SHOWN: Final[dict[str, Shown]] = {
    "device": Shown(
        "Monitors",
        (
            _DEVICE,
            Column("model", "Model"),
            Column("serialNumber", "Serial number"),
            Column("firmwareVersion", "Firmware"),
            Column("firstConnectedAt", "First connected", "day"),
            Column("ownedSince", "Yours since", "day"),
            Column("region", "Region"),
        ),
    ),
    "link": Shown(
        "Your part in each monitor",
        (
            _DEVICE,
            Column("role", "You are", "word"),
            Column("state", "State", "word"),
            _SINCE,
            Column("until", "Until", "day"),
        ),
    ),
    "guest": Shown(
        "Guests of your monitors",
        (
            _DEVICE,
            Column("state", "State", "word"),
            Column("invitedAt", "Invited", "day"),
            Column("since", "Guest since", "day"),
        ),
    ),
    "appInstallation": Shown(
        "Phones with the app",
        (
            Column("phoneModel", "Phone"),
            Column("os", "System"),
            Column("appVersion", "App version"),
            Column("active", "Calls are forwarded", "yes"),
            Column("registeredAt", "Registered", "day"),
        ),
    ),
    "consent": Shown(
        "Your consents",
        (
            Column("purpose", "To what", "word"),
            Column("given", "Given", "yes"),
            Column("at", "When", "time"),
            Column("by", "By whom", "word"),
            Column("noticeVersion", "Version of the text"),
        ),
    ),
    "objection": Shown(
        "Your objections",
        (
            Column("category", "To the use of", "category"),
            _DEVICE,
            Column("objected", "Objected", "yes"),
            Column("at", "When", "time"),
            Column("by", "By whom", "word"),
        ),
    ),
    "supportCase": Shown(
        "Support cases",
        (
            _DEVICE,
            Column("askedBy", "Asked for by", "word"),
            Column("createdAt", "Asked for", "day"),
            Column("openedAt", "Opened", "day"),
            Column("closedAt", "Closed", "day"),
            Column("days", "Days open", "text"),
        ),
    ),
    "interaction": Shown(
        "What you told us",
        (
            Column("at", "When", "day"),
            Column("channel", "Through", "word"),
            Column("subject", "About", "word"),
        ),
    ),
    "rectification": Shown(
        "Your corrections",
        (Column("field", "What", "word"), Column("createdAt", "Asked for", "day"), Column("doneAt", "Done", "day")),
    ),
    "ledgerEntry": Shown(
        "Newest entries",
        (
            Column("at", "When", "time"),
            Column("actorKind", "Who", "word"),
            Column("action", "What was done", "action"),
            Column("details.purpose", "What for", "word"),
        ),
        only=_is_seen_by_others,
    ),
    "recipientNotice": Shown(
        "Who was told of a change",
        (
            Column("recipient", "Recipient", "recipient"),
            Column("event", "Of what", "word"),
            Column("createdAt", "Told", "day"),
            Column("state", "State", "word"),
            Column("acknowledgedAt", "Acknowledged", "day"),
        ),
    ),
    "blockedData": Shown(
        "Blocked data",
        (
            Column("category", "Category", "category"),
            Column("ground", "Because of", "word"),
            Column("at", "Blocked since", "day"),
            Column("until", "Destroyed on", "day"),
        ),
    ),
    "restriction": Shown("Restrictions of processing", (*_SCOPE, Column("state", "State", "word"))),
    "legalHold": Shown("Legal holds", (*_SCOPE, Column("reference", "Matter"), Column("until", "Until", "day"))),
}


@dataclass(slots=True)
class Kept:
    """The newest rows of a record, and how many there are of it."""

    total: int = 0
    rows: list[dict[str, Any]] = field(default_factory=list)

    def add(self, shown: Shown, item: Mapping[str, Any]) -> None:
        """Take an item into account, if it is of those that are shown."""
        if not shown.only(item):
            return
        self.total += 1
        self.rows.append({column.name: _value(item, column.name) for column in shown.columns})
        if len(self.rows) > _SWEEP:
            self._cut(shown)

    def _cut(self, shown: Shown) -> None:
        self.rows = self.newest(shown)

    def newest(self, shown: Shown) -> list[dict[str, Any]]:
        """The rows that are shown, newest first."""
        return sorted(self.rows, key=lambda row: str(row[shown.dated_by] or ""), reverse=True)[:ROWS_LIMIT]

    def state(self) -> dict[str, Any]:
        """What JSON can hold, and `of` takes."""
        return {"total": self.total, "rows": self.rows}

    @classmethod
    def of(cls, state: Mapping[str, Any]) -> Self:
        """What had this state."""
        return cls(state["total"], list(state["rows"]))


def _value(item: Mapping[str, Any], name: str) -> Any:
    outer, _, inner = name.partition(".")
    value = item.get(outer)
    if inner:
        value = value.get(inner) if isinstance(value, Mapping) else None
    return value[:_TEXT_LIMIT] if isinstance(value, str) else value
