"""The page of a bundle that a resident reads: what is held, why, for how long. It works offline and loads nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from string import Template
from typing import Any, Final

from export_user_data.report.digest import Digest
from shared.data_map import CATEGORIES, CONTAINERS, Category, Record
from shared.templates import Language

_PAGE: Final = Template("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>What we hold about you</title>
<style>
:root { font: 100%/1.5 system-ui, sans-serif; color-scheme: light dark; }
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.2rem; margin-top: 2rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1rem; margin: .5rem 0; }
dt { font-weight: 600; } dd { margin: 0; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: start; padding: .35rem .6rem; border-bottom: 1px solid GrayText; }
td.count { text-align: end; font-variant-numeric: tabular-nums; }
@media (max-width: 40rem) { dl { grid-template-columns: 1fr; } dd { margin-bottom: .4rem; } }
@media print { body { margin: 0; max-width: none; } section { break-inside: avoid; } }
</style>
</head>
<body>
<h1>What we hold about you</h1>
<p>This is a copy of everything as of $cut_off. The data itself lies beside this page: as JSON Lines for programs and,
for readings, as CSV for spreadsheets. <code>manifest.json</code> lists every file with its checksum,
<code>manifest.jws</code> is our signature over it.</p>
$sections
</body>
</html>
""")

_SECTION: Final = Template("""<section>
<h2>$title</h2>
<dl><dt>Why</dt><dd>$purpose</dd><dt>Legal basis</dt><dd>$basis</dd><dt>Collected</dt><dd>$collected</dd></dl>
<div class="scroll"><table>
<thead><tr><th>What</th><th>Kept</th><th>Seen by</th><th>Items</th></tr></thead>
<tbody>$rows</tbody>
</table></div>
</section>
""")


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What the page tells."""

    scope: str
    cut_off: datetime
    language: Language
    digest: Digest
    files: Sequence[Mapping[str, Any]] = ()
    """What the manifest says of every other file: name, sha256, bytes, and of data rows, from and to."""
    left_out: Sequence[Mapping[str, Any]] = ()
    """What the manifest says is left out: record, why, article; of which fields alone, and what there is instead."""
    reconciled: Sequence[Mapping[str, Any]] = ()
    """What the manifest says of each record: itemsInStore, itemsWritten, agrees; of a difference explained, and why."""


def index_page(summary: Summary) -> str:
    """The page, from the data map and what the walk has gathered."""
    sections = "".join(_section(category, summary.digest.items) for category in Category)
    return _PAGE.substitute(cut_off=summary.cut_off.strftime("%-d %B %Y, %H:%M UTC"), sections=sections)


def _section(category: Category, items: Mapping[str, int]) -> str:
    records = [
        (name, record)
        for container in CONTAINERS.values()
        for name, record in container.records.items()
        if record.category == category and record.export is not None
    ]
    rule = CATEGORIES[category]
    rows = "".join(_row(record, items.get(name, 0)) for name, record in records)
    return _SECTION.substitute(
        title=escape(category.value.capitalize()),
        purpose=escape(rule.purpose),
        basis=escape(rule.basis),
        collected=escape(rule.collected_when),
        rows=rows or '<tr><td colspan="4">Nothing of this kind is held.</td></tr>',
    )


def _row(record: Record, count: int) -> str:
    cells = (record.about, _period(record), ", ".join(record.visible_to))
    return "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + f'<td class="count">{count}</td></tr>'


def _period(record: Record) -> str:
    retention = record.retention
    if retention is None and record.erasure == "keep_random_ids":
        return "for good; once you erase your account nothing ties it to you"
    if retention is None:
        return "until you erase it"
    return f"{retention.days} days" if retention.days else f"{int(retention.total_seconds() // 60)} minutes"
