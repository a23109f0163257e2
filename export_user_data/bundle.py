"""The bundle: a ZIP with the data in JSON Lines and CSV, a page to read, a manifest and its signature.

Files are spooled to a temporary folder and streamed into the ZIP, so memory stays bounded whatever a person has.
"""

import asyncio
import csv
import hashlib
import json
import tempfile
import zipfile
from collections import OrderedDict
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Any, Final, Self

from zipstream import ZipStream

from export_user_data.report.digest import Digest
from export_user_data.report.page import Summary, index_page
from export_user_data.walk import Held, held_about, reading_columns, readings, shown
from shared import clock, data_map
from shared.cosmos import Database
from shared.keys import KeySet
from shared.templates import Language

MANIFEST: Final = "manifest.json"
SIGNATURE: Final = "manifest.jws"
FORMAT: Final = "blue-export/1"
CHUNK_BYTES: Final = 1024 * 1024
OPEN_FILES_LIMIT: Final = 32
FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r")
"""A CSV cell that begins so gets an apostrophe before it; JSON Lines hold the value as it is."""


@dataclass(slots=True)
class _File:
    """One file of the bundle while it is written, and what the manifest says of it."""

    name: str
    path: Path
    rows: int = 0
    first: str | None = None
    last: str | None = None

    def seen(self, moment: str | None) -> None:
        self.rows += 1
        if moment is not None:
            self.first = min(self.first or moment, moment)
            self.last = max(self.last or moment, moment)


class Spool:
    """The files of one bundle in a temporary folder."""

    def __init__(self) -> None:
        """Make the folder when entered."""
        self._stack = ExitStack()
        self._files: dict[str, _File] = {}
        self._open: OrderedDict[str, IO[str]] = OrderedDict()
        self.digest = Digest()

    def __enter__(self) -> Self:
        """Make the folder."""
        self._folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="blue-export-")))
        return self

    def __exit__(self, *_: object) -> None:
        """Close and remove everything."""
        for stream in self._open.values():
            stream.close()
        self._stack.close()

    def add(self, held: Held) -> None:
        """Write one stored item to the files it belongs to."""
        self.digest.add(held)
        if "columns" in held.item:
            self._add_readings(held)
            return
        folder = "account" if held.device_id is None else f"devices/{held.device_id}"
        row = shown(held)
        self._json_line(f"{folder}/{held.record_name}.jsonl", row, None)

    def _add_readings(self, held: Held) -> None:
        category = held.item["category"]
        header = reading_columns(category)
        for row in readings(held.item):
            stem = f"devices/{held.device_id}/{category}/{row['observedAt'][:7]}"
            self._json_line(f"{stem}.jsonl", row, row["observedAt"])
            table = self._file(f"{stem}.csv", header)
            csv.DictWriter(self._stream(table), header).writerow({name: _cell(value) for name, value in row.items()})
            table.seen(row["observedAt"])

    def _json_line(self, name: str, row: Mapping[str, Any], moment: str | None) -> None:
        file = self._file(name)
        self._stream(file).write(json.dumps(row, ensure_ascii=False) + "\n")
        file.seen(moment)

    def _file(self, name: str, header: Sequence[str] = ()) -> _File:
        if name not in self._files:
            self._files[name] = _File(name, self._folder / f"{len(self._files)}.part")
            if header:
                csv.DictWriter(self._stream(self._files[name]), header).writeheader()
        return self._files[name]

    def _stream(self, file: _File) -> IO[str]:
        """The file, open at its end; of many files only those last written to stay open."""
        if file.name not in self._open:
            if len(self._open) >= OPEN_FILES_LIMIT:
                _, oldest = self._open.popitem(last=False)
                oldest.close()
            self._open[file.name] = file.path.open("a", encoding="utf-8", newline="")
        self._open.move_to_end(file.name)
        return self._open[file.name]

    def text(self, name: str, content: str) -> None:
        """Write a whole file."""
        self._stream(self._file(name)).write(content)

    def finished(self) -> Iterator[tuple[str, Path, dict[str, Any]]]:
        """Close and describe every file: name in the bundle, where it lies, its entry in the manifest."""
        while self._open:
            self._open.popitem()[1].close()
        for file in self._files.values():
            with file.path.open("rb") as content:
                digest = hashlib.file_digest(content, "sha256").hexdigest()
            entry: dict[str, Any] = {"name": file.name, "sha256": digest, "bytes": file.path.stat().st_size}
            if file.rows:
                entry["rows"] = file.rows
            if file.first is not None:
                entry |= {"from": file.first, "to": file.last}
            yield file.name, file.path, entry


def _cell(value: Any) -> Any:
    """A value as a spreadsheet takes it for text: what a monitor logged must not become a formula."""
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA_STARTS) else value


@dataclass(frozen=True, slots=True)
class Order:
    """What to export, for whom, as of when."""

    export_id: str
    person_id: str
    scope: str
    cut_off: datetime


async def bundle(order: Order, *, database: Database, keys: KeySet) -> AsyncIterator[bytes]:
    """Stream the ZIP. What is stored after the cut-off may or may not be in it; the manifest names the cut-off."""
    with Spool() as spool:
        async for held in held_about(order.person_id, database=database):
            spool.add(held)
        summary = Summary(scope=order.scope, cut_off=order.cut_off, language=Language.ENGLISH, digest=spool.digest)
        spool.text("index.html", index_page(summary))
        archive = ZipStream(compress_type=zipfile.ZIP_DEFLATED, compress_level=6)
        entries = []
        for name, path, entry in await asyncio.to_thread(lambda: list(spool.finished())):
            archive.add_path(str(path), name)
            entries.append(entry)
            async for chunk in _chunks(archive.file()):
                yield chunk
        manifest = json.dumps(_manifest(order, spool, entries), ensure_ascii=False, indent=2).encode()
        archive.add(manifest, MANIFEST)
        archive.add(keys.sign_detached(manifest), SIGNATURE)
        async for chunk in _chunks(archive.finalize()):
            yield chunk


def _manifest(order: Order, spool: Spool, entries: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "exportId": order.export_id,
        "personId": order.person_id,
        "scope": order.scope,
        "cutOff": clock.text(order.cut_off),
        "itemsInStore": dict(spool.digest.items),
        "files": entries,
        "leftOut": [
            {"record": name, "why": record.export_note}
            for container in data_map.CONTAINERS.values()
            for name, record in container.records.items()
            if record.export is None
        ],
    }


async def _chunks(parts: Iterator[bytes]) -> AsyncIterator[bytes]:
    """The parts in larger pieces, compressed off the event loop."""
    while piece := await asyncio.to_thread(_piece, parts):
        yield piece


def _piece(parts: Iterator[bytes]) -> bytes:
    collected: list[bytes] = []
    size = 0
    for part in parts:
        collected.append(part)
        size += len(part)
        if size >= CHUNK_BYTES:
            break
    return b"".join(collected)
