"""The tables of small records, in the words of their reader."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from export_user_data.report.digest import Digest
from export_user_data.report.monitors import Monitors
from export_user_data.report.records import SHOWN, Column, Kept, Look, Shown
from export_user_data.report.words import Words
from shared.data_map import ACTIONS, CONTAINERS, RECIPIENTS, Scope
from shared.data_map.copies import fields


@dataclass(frozen=True, slots=True)
class Table:
    """A record as people read it."""

    title: str
    headings: Sequence[str]
    rows: Sequence[Sequence[str]]
    more: int
    """How many there are beside those that are shown."""


APART: Final = frozenset({"device", "ledgerEntry", "recipientNotice", "blockedData", "restriction", "legalHold"})
"""Records with a section of their own."""


def tables(scope: Scope, digest: Digest, monitors: Monitors, words: Words) -> dict[str, Table]:
    """By the name of the record, those of which there is something: the columns that a copy of this scope holds."""
    return {
        name: _table(shown, _held(scope, name), digest.kept[name], monitors, words)
        for name, shown in SHOWN.items()
        if name in digest.kept and digest.kept[name].rows
    }


def _held(scope: Scope, name: str) -> frozenset[str]:
    records = (container.records[name] for container in CONTAINERS.values() if name in container.records)
    return frozenset(field for record in records for field in fields(scope, record))


def _table(shown: Shown, held: Collection[str], kept: Kept, monitors: Monitors, words: Words) -> Table:
    rows = kept.newest(shown)
    columns = [column for column in shown.columns if column.name.partition(".")[0] in held]
    filled = [column for column in columns if any(row[column.name] is not None for row in rows)]
    return Table(
        title=words.text(shown.title),
        headings=[words.text(column.heading) for column in filled],
        rows=[[_cell(column, row, monitors, words) for column in filled] for row in rows],
        more=kept.total - len(rows),
    )


def _cell(column: Column, row: Mapping[str, Any], monitors: Monitors, words: Words) -> str:
    value = row[column.name]
    if value is None:
        return ""
    if column.look == "device":
        return monitors.name(value)
    return _LOOKS[column.look](value, words)


def _recipient(name: str, words: Words) -> str:
    return words.data_map(RECIPIENTS[name].about) if name in RECIPIENTS else name


def _action(name: str, words: Words) -> str:
    return words.data_map(ACTIONS[name].about) if name in ACTIONS else words.word(name)


_LOOKS: Final[dict[Look, Callable[[Any, Words], str]]] = {
    "text": lambda value, _: str(value),
    "word": lambda value, words: words.word(str(value)),
    "category": lambda value, words: words.word(f"category:{value}"),
    "day": lambda value, words: words.day(value),
    "time": lambda value, words: words.time(value),
    "yes": lambda value, words: words.text("yes" if value else "no"),
    "action": _action,
    "recipient": _recipient,
}
