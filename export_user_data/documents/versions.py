"""The versions of the documents: a date and a hash for each state that was published, in a file that is committed.

A document that the data map has changed has another hash than its newest version: a test fails until somebody
publishes it with a sentence on what changed. The hash is of what is generated and of the words of its page, which has
some of its own; not of what the settings add: who is responsible and where is the same text for one installation, and
another for the next.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from export_user_data.documents import pages, schemas
from export_user_data.documents.data_sheets import data_sheet, products
from export_user_data.documents.notice import notice
from export_user_data.documents.processing import record_of_processing
from shared.data_map.products import PRODUCTS
from shared.templates import Language

INDEX: Final = Path(__file__).with_name("versions.json")

GENERATED: Final[dict[str, Callable[[Language], Any]]] = {
    "notice": lambda language: _with_words(notice(language)),
    "data-sheets": lambda language: [
        _with_words(one) for one in (products(language), *(data_sheet(name, language) for name in PRODUCTS))
    ],
    "record-of-processing": lambda language: _with_words(record_of_processing(language)),
    "schemas": lambda _language: schemas.all_schemas(),
}
"""What has versions; the data sheets have theirs together, and so have the schemas."""


@dataclass(frozen=True, slots=True)
class Version:
    """One state of a document that was published."""

    version: str
    """The date and the begin of the hash of all languages."""
    date: str
    sha256: dict[str, str]
    """By language."""
    changes: dict[str, str]
    """What changed, by language."""


@cache
def versions(document: str, index: Path = INDEX) -> tuple[Version, ...]:
    """Every version of a document, the present one last."""
    return tuple(Version(**entry) for entry in json.loads(index.read_text(encoding="utf-8")).get(document, []))


def present(document: str) -> Version:
    """The version that is served."""
    return versions(document)[-1]


def hashes(document: str) -> dict[str, str]:
    """What a document is now, as a hash by language."""
    return {language.value: _sha256(GENERATED[document](language)) for language in Language}


def unpublished(index: Path = INDEX) -> list[str]:
    """The documents that are not what their newest version says."""
    return [
        document
        for document in GENERATED
        if not versions(document, index) or versions(document, index)[-1].sha256 != hashes(document)
    ]


def publish(date: str, changes: dict[str, str], *, amend: bool = False, index: Path = INDEX) -> list[str]:
    """Add a version of every document that has changed; `amend` replaces one of the same date that nobody was shown."""
    changed = unpublished(index)
    written = {document: [asdict(one) for one in versions(document, index)] for document in GENERATED}
    for document in changed:
        now = hashes(document)
        entry = asdict(Version(f"{date}.{_sha256(now)[:8]}", date, now, changes))
        if amend and written[document] and written[document][-1]["date"] == date:
            written[document][-1] = entry
        else:
            written[document].append(entry)
    index.write_text(json.dumps(written, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    versions.cache_clear()
    return changed


def listed(document: str, language: Language) -> dict[str, Any]:
    """The versions of a document as they are served."""
    return {
        "document": document,
        "versions": [
            {"version": one.version, "date": one.date, "sha256": one.sha256, "changes": one.changes[language.value]}
            for one in reversed(versions(document))
        ],
    }


_NOBODY: Final = dict.fromkeys(("name", "postalAddress", "privacyContact", "website", "dataProtectionOfficer"), "")
"""In the place of who is responsible, with everything that a page may have a word for."""


def _with_words(content: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """A document and the words of its page."""
    stated = {"version": "", "date": "", "controller": _NOBODY, "storagePlace": "", **content}
    return content, pages.words_of(pages.page(stated, linked=False))


def _sha256(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, ensure_ascii=False, sort_keys=True).encode()).hexdigest()
