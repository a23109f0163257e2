"""A part of a copy: so many items as a step takes, as lines of files, then as whole entries of the archive."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Final

from export_user_data.copying.archive import Archive
from export_user_data.copying.reconciling import Tally, is_since
from export_user_data.copying.rows import json_line, written
from export_user_data.report.digest import Digest
from export_user_data.walk import READING_TAIL, Held, Place, reading_columns
from shared import data_map
from shared.data_map import Record, Scope
from shared.data_map.copies import fields

PART_BYTES: Final = 24 * 1024 * 1024
"""A step ends with the page that brings its files there, unpacked; a page brings at most a few times its 4 MB."""

_FIRST: Final = 1


@dataclass(slots=True)
class _File:
    """The lines of one file, and what the manifest says of it."""

    record: str
    pieces: list[str] = field(default_factory=list)
    rows: int = 0
    first: str | None = None
    last: str | None = None

    def add(self, lines: Sequence[str]) -> int:
        """Append lines; return how many characters that are."""
        piece = "\n".join(lines) + "\n"
        self.pieces.append(piece)
        self.rows += len(lines)
        return len(piece)

    def span(self, first: str, last: str) -> None:
        """Tell the times of what was added."""
        self.first = min(self.first or first, first)
        self.last = max(self.last or last, last)


class Part:
    """What one step gathers. `named` says how many entries of each file there are: it goes on as another one."""

    def __init__(self, scope: Scope, through: str, digest: Digest, named: Mapping[str, int]) -> None:
        """Begin with nothing; the digest goes on."""
        self.digest = digest
        self.named = dict(named)
        self._written: dict[str, Tally] = {}
        self._since: dict[str, Tally] = {}
        self.size = 0
        self.scope: Scope = scope
        self._through = through
        self._files: dict[tuple[str, str], _File] = {}

    @property
    def is_full(self) -> bool:
        """Whether a step has enough."""
        return self.size >= PART_BYTES

    def counted(self) -> tuple[dict[str, Tally], dict[str, Tally]]:
        """What was taken since the last call, and what of it is of a time after the cut-off."""
        counted = self._written, self._since
        self._written, self._since = {}, {}
        return counted

    def add(self, held: Held, place: Place) -> None:
        """Take one stored item."""
        self.digest.add(held)
        rows = self._readings(held) if held.record.is_columnar else self._row(held)
        self._count(self._written, held.record_name, rows)
        if is_since(place, held.item, self._through):
            self._count(self._since, held.record_name, rows)

    def _count(self, tallies: dict[str, Tally], name: str, rows: int) -> None:
        tallies[name] = tallies.get(name, Tally()).plus(1, rows)

    def _row(self, held: Held) -> int:
        names = _fields(self.scope, held.record.container, held.record_name)
        row = {name: held.item[name] for name in names if name in held.item}
        folder = "account" if held.device_id is None else f"devices/{held.device_id}"
        file = self._file(f"{folder}/{held.record_name}", "jsonl", _named(held))
        self.size += file.add([json_line(row)])
        return 1

    def _readings(self, held: Held) -> int:
        category, count = held.item["category"], 0
        header, tail = _columns(self.scope, held.record.container, held.record_name, category)
        for one in written(held.item, header, tail):
            stem = f"devices/{held.device_id}/{category}/{one.month}"
            plain, table = [self._file(stem, suffix, _named(held)) for suffix in ("jsonl", "csv")]
            if not table.pieces:
                table.pieces.append(",".join(header) + "\n")
            for file, lines in ((plain, one.lines), (table, one.table)):
                self.size += file.add(lines)
                file.span(one.first, one.last)
            count += len(one.lines)
        return count

    def _file(self, stem: str, suffix: str, record: str) -> _File:
        return self._files.setdefault((stem, suffix), _File(record))

    def close(self, archive: Archive) -> None:
        """Write every file as an entry; one that was begun in an earlier part goes on under a number."""
        for stem in {stem for stem, _ in self._files}:
            self.named[stem] = self.named.get(stem, 0) + 1
        for (stem, suffix), file in self._files.items():
            number = self.named[stem]
            name = f"{stem}.{suffix}" if number == _FIRST else f"{stem}.{number}.{suffix}"
            pieces = (piece.encode() for piece in file.pieces)
            archive.add(name, pieces, record=file.record, rows=file.rows, first=file.first, last=file.last)
            file.pieces.clear()
        self._files.clear()


@cache
def _fields(scope: Scope, container: str, record_name: str) -> tuple[str, ...]:
    return fields(scope, _record(container, record_name))


@cache
def _columns(scope: Scope, container: str, record_name: str, category: str) -> tuple[list[str], tuple[str, ...]]:
    shown = fields(scope, _record(container, record_name))
    tail = tuple(name for name in READING_TAIL if name in shown)
    return [name for name in reading_columns(category) if name not in READING_TAIL or name in tail], tail


def _named(held: Held) -> str:
    """As the manifest names a record: two containers have one of the same name."""
    return f"{held.record.container}/{held.record_name}"


def _record(container: str, name: str) -> Record:
    return data_map.record(container, name)
