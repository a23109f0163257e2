"""The end of a copy: the page, the documents, and a signed manifest that says what is in it and that it is complete."""

import asyncio
import json
import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from export_user_data.copying.archive import Archive, Entry
from export_user_data.copying.notes import PartNote, Plan
from export_user_data.copying.reconciling import Reconciled, Tally, counts
from export_user_data.report.digest import Digest
from export_user_data.report.page import Summary, index_page
from export_user_data.walk import Place
from shared import clock, data_map
from shared.cosmos import Database
from shared.data_map import LeftOut, Scope
from shared.data_map.copies import fields_left_out, left_out
from shared.keys import KeySet
from shared.notifications import language_for
from shared.templates import Language

FORMAT: Final = "blue-export/2"
MANIFEST: Final = "manifest.json"
SIGNATURE: Final = "manifest.jws"
PAGE: Final = "index.html"
DOCUMENTS: Final = "documents"
VERIFIER: Final = Path(__file__).parents[1] / "verify.py"
"""Goes with every copy; who trusts nothing that lies beside it takes it from where this service is published."""

_log = logging.getLogger("blue.export")


@dataclass(frozen=True, slots=True)
class Contents:
    """A copy when all of its parts are there."""

    export_id: str
    person_id: str
    scope: Scope
    cut_off: datetime
    plan: Plan
    notes: Sequence[PartNote]

    @property
    def entries(self) -> list[Entry]:
        """The files of all parts."""
        return [entry for note in self.notes for entry in note.entries]

    @property
    def digest(self) -> Digest:
        """What was gathered of all parts."""
        state = self.notes[-1].digest if self.notes else None
        return Digest() if state is None else Digest.of(state)


Documents = Callable[[Collection[str], Language], Mapping[str, bytes]]
"""Gives the files by name that go with a copy as they are, for whoever has monitors of these models."""


def no_documents(_models: Collection[str], _language: Language) -> Mapping[str, bytes]:
    """Nothing beside the data."""
    return {}


async def close(
    archive: Archive,
    contents: Contents,
    documents: Documents,
    *,
    database: Database,
    keys: KeySet,
    recipients: Collection[str] | None = None,
) -> None:
    """Append everything that stands behind the data, the directory last; a copy that is not complete says so."""
    reconciled = await _reconciled(contents, database=database)
    unexplained = sum(not line.explained for line in reconciled)
    if unexplained:
        _log.error("ALARM export_incomplete: %d counts differ from the database's", unexplained)
    missing = [_missing(one) for one in _left_out(contents)]
    places = [line.described() for line in reconciled]
    language = await language_for(contents.person_id, people=database["people"])
    digest = contents.digest
    applicable = {**await asyncio.to_thread(documents, digest.models, language), VERIFIER.name: VERIFIER.read_bytes()}
    summary = Summary(
        scope=contents.scope,
        cut_off=contents.cut_off,
        language=language,
        digest=digest,
        files=[_described(entry) for entry in contents.entries],
        left_out=missing,
        reconciled=places,
        documents=[f"{DOCUMENTS}/{name}" for name in applicable],
        recipients=recipients,
    )
    archive.add(PAGE, [(await asyncio.to_thread(index_page, summary)).encode()])
    for name, content in applicable.items():
        archive.add(f"{DOCUMENTS}/{name}", [content])
    files = [_described(entry) for entry in [*contents.entries, *archive.entries]]
    manifest = json.dumps(
        _manifest(contents, files, missing, places, is_complete=not unexplained), ensure_ascii=False, indent=1
    ).encode()
    archive.add(MANIFEST, [manifest])
    archive.add(SIGNATURE, [keys.sign_detached(manifest).encode()])
    archive.close([*contents.entries, *archive.entries])


async def _reconciled(contents: Contents, *, database: Database) -> list[Reconciled]:
    """Each record of each place; where the numbers differ the store counts once more."""
    written: dict[tuple[int, str], Tally] = {}
    since: dict[tuple[int, str], Tally] = {}
    for taken in (one for note in contents.notes for one in note.taken):
        for known, new in ((written, taken.written), (since, taken.since)):
            for name, tally in new.items():
                of = (taken.place, name)
                known[of] = known.get(of, Tally()).plus(tally.items, tally.rows)
    found = []
    for at, (place, counted) in enumerate(zip(contents.plan.places, contents.plan.counted, strict=True)):
        names = sorted(counted.keys() | {name for number, name in written if number == at})
        lines = [_line(place, name, counted, written.get((at, name)), since.get((at, name))) for name in names]
        found += await _asked_again(place, lines, contents, database=database)
    return found


def _line(
    place: Place, name: str, counted: Mapping[str, Tally], written: Tally | None, since: Tally | None
) -> Reconciled:
    of_ownership = place.only[1] if place.only is not None and place.only[0] == "ownershipId" else None
    return Reconciled(
        container=place.container,
        record=name,
        device_id=place.device_id,
        ownership_id=place.partition if place.container == "telemetry" else of_ownership,
        counted=counted.get(name, Tally()),
        written=written or Tally(),
        since=since or Tally(),
    )


async def _asked_again(
    place: Place, lines: list[Reconciled], contents: Contents, *, database: Database
) -> list[Reconciled]:
    differing = [line.record for line in lines if not line.agrees]
    if not differing:
        return lines
    again = await counts(place, differing, clock.text(contents.cut_off), database=database)
    return [line if line.agrees else replace(line, again=again.get(line.record, Tally())) for line in lines]


def _left_out(contents: Contents) -> list[LeftOut]:
    """What this copy does not hold of every record of the data map, by the countries of the person's monitors."""
    countries = {place.country for place in contents.plan.places if place.container == "telemetry"} or {None}
    missing: dict[LeftOut, None] = {}
    for container in data_map.CONTAINERS.values():
        for name, record in container.records.items():
            reasons = [left_out(contents.scope, record, name, country) for country in sorted(countries, key=str)]
            missing |= dict.fromkeys(reason for reason in reasons if reason is not None)
            if None in reasons:
                missing |= dict.fromkeys(fields_left_out(contents.scope, record, name))
    return list(missing)


def _described(entry: Entry) -> dict[str, Any]:
    """A file as the manifest has it."""
    described: dict[str, Any] = {"name": entry.name, "sha256": entry.sha256, "bytes": entry.size}
    if entry.record:
        described |= {"record": entry.record, "rows": entry.rows}
    if entry.first is not None:
        described |= {"from": entry.first, "to": entry.last}
    return described


def _manifest(
    contents: Contents,
    files: Sequence[Mapping[str, Any]],
    missing: Sequence[Mapping[str, Any]],
    places: Sequence[Mapping[str, Any]],
    *,
    is_complete: bool,
) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "exportId": contents.export_id,
        "personId": contents.person_id,
        "scope": contents.scope,
        "cutOff": clock.text(contents.cut_off),
        "files": files,
        "reconciliation": {
            "complete": is_complete,
            "places": places,
        },
        "leftOut": missing,
        "tradeSecrets": "Nothing is left out as a trade secret (GDPR recital 63, Data Act 4(6)).",
    }


def _missing(one: LeftOut) -> dict[str, Any]:
    optional = {"fields": list(one.fields), "instead": one.instead}
    return {
        "record": one.record,
        "why": one.why,
        "article": one.article,
        **{name: value for name, value in optional.items() if value},
    }
