"""What the page says of each category, from the data map: why, how long, from where, who is given it; and its files."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from export_user_data.report.digest import Digest
from export_user_data.report.words import Words
from shared.data_map import CATEGORIES, CONTAINERS, RECIPIENTS, Category, Record, blocking
from shared.data_map.vocabulary import TELEMETRY_CATEGORIES

_READINGS: Final = frozenset(category.value for category in TELEMETRY_CATEGORIES)

FILES_SHOWN: Final = 200
"""Links of a category; the manifest names every file."""


@dataclass(frozen=True, slots=True)
class File:
    """A file beside the page."""

    name: str
    href: str
    described: str


@dataclass(frozen=True, slots=True)
class Kind:
    """One record of a category, of which something is held."""

    about: str
    kept: str
    visible_to: str
    items: str


@dataclass(frozen=True, slots=True)
class Group:
    """A category as the page shows it."""

    key: str
    title: str
    facts: Sequence[tuple[str, Sequence[str]]]
    kinds: Sequence[Kind]
    nothing_of: Sequence[str]
    is_left_out: bool
    """Whether there may be something that is not in this copy."""
    files: Sequence[File]
    more_files: int


@dataclass(frozen=True, slots=True)
class Missing:
    """What is not in the bundle, for one reason."""

    whats: Sequence[str]
    why: str
    article: str
    is_minor: bool
    """Whether it is of single fields, or of records without anything to be had elsewhere."""


@dataclass(frozen=True, slots=True)
class Account:
    """What the store counts and what was written, and every difference with its reason."""

    rows: Sequence[Sequence[str]]
    differences: Sequence[str]


def categories(
    digest: Digest,
    files: Sequence[Mapping[str, Any]],
    missing: Collection[str],
    recipients: Collection[str] | None,
    words: Words,
) -> list[Group]:
    """Every category; also those of which nothing is held."""
    by_category: dict[Category | None, list[Mapping[str, Any]]] = {}
    for file in files:
        by_category.setdefault(_category_of(str(file["name"])), []).append(file)
    return [
        _group(category, digest, by_category.get(category, []), missing, recipients, words) for category in Category
    ]


def _records(category: Category) -> dict[str, Record]:
    """The records of a category that are shown; of those in several containers one."""
    return {
        name: record
        for container in CONTAINERS.values()
        for name, record in container.records.items()
        if record.category == category and record.export is not None
    }


def _group(
    category: Category,
    digest: Digest,
    files: Sequence[Mapping[str, Any]],
    missing: Collection[str],
    recipients: Collection[str] | None,
    words: Words,
) -> Group:
    records = _records(category)
    return Group(
        key=category.value,
        title=words.word(f"category:{category.value}"),
        facts=_facts(category, records, recipients, words),
        kinds=[_kind(name, record, digest, words) for name, record in records.items() if digest.items[name]],
        nothing_of=[
            words.data_map(record.about)
            for name, record in records.items()
            if not digest.items[name] and f"{record.container}/{name}" not in missing
        ],
        is_left_out=any(f"{record.container}/{name}" in missing for name, record in records.items()),
        files=[_file(file, words) for file in files[:FILES_SHOWN]],
        more_files=max(len(files) - FILES_SHOWN, 0),
    )


def _facts(
    category: Category, records: Mapping[str, Record], recipients: Collection[str] | None, words: Words
) -> list[tuple[str, Sequence[str]]]:
    rule = CATEGORIES[category]
    sources = dict.fromkeys(
        field.source.value for record in records.values() for field in record.fields.values() if field.exported
    )
    given = [
        f"{words.data_map(recipient.about)} {words.text('It is given:')} {words.data_map(recipient.given[category])}."
        for name, recipient in RECIPIENTS.items()
        if category in recipient.given and (recipients is None or name in recipients)
    ]
    facts: list[tuple[str, Sequence[str]]] = [
        (words.text("Why"), [words.data_map(rule.purpose)]),
        (words.text("Legal basis"), [words.data_map(rule.basis)]),
        (words.text("Collected"), [words.data_map(rule.collected_when)]),
        (words.text("Where it comes from"), [", ".join(words.data_map(source) for source in sources)]),
    ]
    if given:
        facts.append((words.text("Who else is given it"), given))
    facts.append((words.text("After erasure"), [_after_erasure(category, records, words)]))
    return facts


def _after_erasure(category: Category, records: Mapping[str, Record], words: Words) -> str:
    rule = CATEGORIES[category]
    if rule.on_expiry == "block" and rule.blocked_for is not None:
        blocked = words.text("It is blocked for %s, and then destroyed.") % words.period(rule.blocked_for)
        return f"{blocked} {words.data_map(rule.blocked_why)}"
    if any(record.erasure == "keep_random_ids" for record in records.values()):
        return words.text("It is destroyed; random ids that name nobody stay.")
    return words.text("It is destroyed.")


def _kind(name: str, record: Record, digest: Digest, words: Words) -> Kind:
    items, readings = digest.items[name], digest.readings[record.category.value]
    count = words.number(items)
    if name.endswith("Readings"):
        number = words.counted("%(num)s reading", "%(num)s readings", readings)
        count = f"{number} {words.counted('in %(num)s message', 'in %(num)s messages', items)}"
    return Kind(
        about=words.data_map(record.about),
        kept=_kept(record, words),
        visible_to=", ".join(words.data_map(who) for who in record.visible_to),
        items=count,
    )


def _kept(record: Record, words: Words) -> str:
    if record.retention is None and record.erasure == "keep_random_ids":
        return words.text("for good; once you erase your account nothing ties it to you")
    if record.retention is None:
        return words.text("until you erase it")
    kept = words.period(record.retention)
    rule = blocking(record)
    return f"{kept}{words.text(', then blocked')}" if rule is not None else kept


def _category_of(name: str) -> Category | None:
    """By its place: `devices/<id>/<category>/…` holds readings, everything else is called like its record."""
    *folders, last = name.split("/")
    if folders and folders[-1] in _READINGS:
        return Category(folders[-1])
    stem = last.partition(".")[0].partition("-")[0]
    records = (container.records.get(stem) for container in CONTAINERS.values())
    return next((record.category for record in records if record is not None), None) if folders else None


def _file(file: Mapping[str, Any], words: Words) -> File:
    parts = [words.size(int(file["bytes"]))]
    if "rows" in file:
        parts.insert(0, words.counted("%(num)s row", "%(num)s rows", int(file["rows"])))
    name = str(file["name"])
    return File(name, quote(name), ", ".join(parts))


def whole(parts: Sequence[Mapping[str, Any]]) -> set[str]:
    """The records, as `container/record`, of which the bundle need not hold what there is."""
    return {str(part["record"]) for part in parts if not part.get("fields")}


def left_out(parts: Sequence[Mapping[str, Any]], digest: Digest, words: Words) -> list[Missing]:
    """What is not in the bundle: together what is left out for one reason; no fields of what there is nothing of."""
    reasons: dict[tuple[str, str, bool], list[str]] = {}
    for part in parts:
        if part.get("fields") and not digest.items[str(part["record"]).rpartition("/")[2]]:
            continue
        why = words.data_map(str(part["why"]))
        if part.get("instead"):
            why += f"; {words.data_map(str(part['instead']))}"
        what = _about(str(part["record"]), words)
        if part.get("fields"):
            what += f" ({words.counted('%(num)s field', '%(num)s fields', len(part['fields']))})"
        is_minor = bool(part.get("fields")) or not (part.get("instead") or _is_blocked(str(part["record"])))
        reasons.setdefault((why, words.article(str(part.get("article", ""))), is_minor), []).append(what)
    return [Missing(whats, why, article, is_minor) for (why, article, is_minor), whats in reasons.items()]


def _is_blocked(name: str) -> bool:
    container, _, record = name.rpartition("/")
    declared = CONTAINERS[container].records.get(record) if container in CONTAINERS else None
    return declared is not None and declared.export is None and declared.withheld == "blocked"


def reconciled(records: Sequence[Mapping[str, Any]], words: Words) -> Account:
    """By record how many items the store counts and how many were written."""
    sums: dict[str, list[int]] = {}
    for record in records:
        counted = sums.setdefault(str(record["record"]), [0, 0])
        counted[0] += int(record["itemsInStore"])
        counted[1] += int(record["itemsWritten"])
    rows = [[_about(name, words), *(words.number(number) for number in counted)] for name, counted in sums.items()]
    differences = [_difference(record, words) for record in records if not record.get("agrees", True)]
    return Account(rows, differences)


def _difference(record: Mapping[str, Any], words: Words) -> str:
    reason = words.data_map(str(record["difference"]))
    return f"{_about(str(record['record']), words)} {words.number(int(record['itemsDiffering']))}: {reason}."


def _about(name: str, words: Words) -> str:
    """What a record is, by its name or by `container/name`."""
    container, _, record = name.rpartition("/")
    places = [CONTAINERS[container]] if container in CONTAINERS else CONTAINERS.values()
    found = next((place.records[record] for place in places if record in place.records), None)
    return words.data_map(found.about) if found else name
