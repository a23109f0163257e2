"""The page of a bundle that a resident reads: what is held, why, for how long. It works offline and loads nothing."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from export_user_data.report.digest import Digest
from export_user_data.report.held import categories, left_out, reconciled, whole
from export_user_data.report.monitors import Monitors
from export_user_data.report.tables import APART, tables
from export_user_data.report.words import Words
from shared.data_map import Scope
from shared.templates import Language

if TYPE_CHECKING:
    from jinja2 import Environment

_TEMPLATES: Final = Path(__file__).with_name("templates")


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What the page tells."""

    scope: Scope
    cut_off: datetime
    language: Language
    digest: Digest
    files: Sequence[Mapping[str, Any]] = ()
    """What the manifest says of every other file: name, sha256, bytes, and of data rows, from and to."""
    left_out: Sequence[Mapping[str, Any]] = ()
    """What the manifest says is left out: record, why, article; of which fields alone, and what there is instead."""
    reconciled: Sequence[Mapping[str, Any]] = ()
    """What the manifest says of each record: itemsInStore, itemsWritten, agrees; of a difference explained, and why."""
    documents: Sequence[str] = ()
    """The names of the documents that apply, as they lie beside the page."""
    recipients: Collection[str] | None = None
    """Those of the data map that are in use; None: all."""


def index_page(summary: Summary) -> str:
    """The page, from the data map and what the walk has gathered."""
    words, digest = Words(summary.language), summary.digest
    missing = whole(summary.left_out)
    monitors = Monitors(digest, words, missing)
    template = _environment().overlay().get_template("index.html.j2")
    return template.render(
        summary=summary,
        words=words,
        monitors=monitors,
        is_portable=summary.scope == "portability",
        tables=tables(summary.scope, digest, monitors, words),
        categories=categories(digest, summary.files, missing, summary.recipients, words),
        left_out=left_out(summary.left_out, digest, words),
        reconciled=reconciled(summary.reconciled, words),
        apart=APART,
        documents=[name for name in summary.documents if "/schemas/" not in name],
        whose=_masked(digest.email),
        readings=digest.readings.total(),
    )


def _masked(email: str | None) -> str | None:
    """Enough of an address to know one's own: the page may lie about where others see it."""
    if not email or "@" not in email:
        return None
    name, _, domain = email.rpartition("@")
    return f"{name[:1]}…\N{WORD JOINER}@{domain}"


@cache
def _environment() -> "Environment":
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415 - loaded where used

    return Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
