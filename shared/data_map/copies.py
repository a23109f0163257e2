"""What a copy for a person holds: by access (GDPR 15) all that is about them, by portability (GDPR 20) less.

Portability covers what was given by the person or observed of the use of their things, and is processed on a contract
or a consent. What is left out of either is named with its article.
"""

from dataclasses import dataclass
from functools import cache
from typing import Final, Literal

from shared.data_map.choices import COLLECTING
from shared.data_map.vocabulary import CATEGORIES, Category, Field, Record, Withheld

Scope = Literal["access", "portability"]

_ARTICLES: Final[dict[Withheld, str]] = {
    "no_content": "GDPR 15(1)",
    "names_nobody": "GDPR 4(1)",
    "in_the_bundle": "GDPR 15(3)",
    "security": "GDPR 15(4), 32(1)",
    "not_attributable": "GDPR 11(2)",
    "blocked": "GDPR 15(4), LOPDGDD 32(2)",
}
"""No copy without content of its own, not about the person, not twice, nothing that harms others or security."""

OF_OTHERS: Final = "GDPR 15(4), 32(1)"
NOT_PORTABLE_BASIS: Final = "GDPR 20(1)(a)"
NOT_GIVEN: Final = "GDPR 20(1)"

BY_ACCESS: Final = "a copy of scope access holds it (GDPR 15)"
BY_DATA_ACT: Final = f"{BY_ACCESS}; readings also come by GET /api/me/devices/{{deviceId}}/telemetry (Data Act 4)"

BY_ACCESS_BLOCKED: Final = "a copy of scope access says what is blocked, why and until when (GDPR 15)"

_BLOCKED: Final = "blocked for courts and authorities"
_MADE_HERE: Final = "it was made by this service"
_FIELDS_MADE_HERE: Final = "they were made by this service"
_HIDDEN: Final = "ids of other people, keys, and marks of how it is kept"

GONE_SINCE: Final = "expired, erased or changed after the cut-off"
COME_SINCE: Final = "arrived or changed after the cut-off"
UNEXPLAINED: Final = "for an unknown reason"


def _rests_on(category: Category) -> str:
    return f"it rests on {CATEGORIES[category].basis}"


REASONS: Final = (
    *(
        _MADE_HERE,
        _FIELDS_MADE_HERE,
        _HIDDEN,
        BY_ACCESS,
        BY_ACCESS_BLOCKED,
        BY_DATA_ACT,
        _BLOCKED,
        GONE_SINCE,
        COME_SINCE,
        UNEXPLAINED,
    ),
    *map(_rests_on, Category),
)
"""Every reason that a copy may give, of what it leaves out and of what differs from the store."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """Something that a copy does not hold, why, and under which article."""

    record: str
    """As `container/record`."""
    why: str
    article: str
    fields: tuple[str, ...] = ()
    """Of the record's items only these; none: the record as a whole."""
    instead: str = ""
    """Where the person gets it."""


def left_out(scope: Scope, record: Record, name: str, country: str | None = None) -> LeftOut | None:
    """Why a copy holds nothing of a record, where the monitor's country counts; None: it holds some of it."""
    what = f"{record.container}/{name}"
    if record.export is None:
        return _withheld(scope, record, what)
    if scope == "access":
        return None
    if not _is_portable(record.category, country):
        instead = BY_DATA_ACT if record.category in COLLECTING else BY_ACCESS
        return LeftOut(record=what, why=_rests_on(record.category), article=NOT_PORTABLE_BASIS, instead=instead)
    if not fields("portability", record):
        return LeftOut(record=what, why=_MADE_HERE, article=NOT_GIVEN, instead=BY_ACCESS)
    return None


def _withheld(scope: Scope, record: Record, what: str) -> LeftOut:
    """Why no copy holds it; what an access copy tells instead need not be in a portable one."""
    if scope == "portability" and record.withheld == "blocked":
        return LeftOut(record=what, why=_BLOCKED, article=_ARTICLES["blocked"], instead=BY_ACCESS_BLOCKED)
    if scope == "portability" and record.withheld == "in_the_bundle":
        return LeftOut(record=what, why=_rests_on(record.category), article=NOT_PORTABLE_BASIS)
    return LeftOut(record=what, why=record.export_note, article=_ARTICLES[record.withheld])


def fields_left_out(scope: Scope, record: Record, name: str) -> list[LeftOut]:
    """The fields that a copy does not hold of the items of a record that it holds."""
    what, shown = f"{record.container}/{name}", set(fields(scope, record))
    hidden = tuple(one for one, field in record.fields.items() if not field.exported)
    made = tuple(one for one, field in record.fields.items() if field.exported and one not in shown)
    parts = []
    if hidden:
        parts.append(LeftOut(record=what, why=_HIDDEN, article=OF_OTHERS, fields=hidden))
    if made:
        left = LeftOut(record=what, why=_FIELDS_MADE_HERE, article=NOT_GIVEN, fields=made, instead=BY_ACCESS)
        parts.append(left)
    return parts


def fields(scope: Scope, record: Record) -> tuple[str, ...]:
    """The fields of an item that a copy holds."""
    shown = {name: field for name, field in record.fields.items() if field.exported}
    if scope == "access":
        return tuple(shown)
    if not any(map(_is_portable_value, shown.values())):
        return ()
    return tuple(name for name, field in shown.items() if field.is_context or _is_portable_value(field))


def _is_portable_value(field: Field) -> bool:
    return field.source.is_given_or_observed


@cache
def _is_portable(category: Category, country: str | None) -> bool:
    """Whether it is processed on a contract or a consent; of some categories the country says so."""
    if {"contract", "consent"} & set(CATEGORIES[category].rests_on):
        return True
    rule = COLLECTING.get(category)
    return rule is not None and rule.in_countries.get(country or "", rule.default) == "with_consent"
