"""Parts that several documents have: records with their fields, readings with their limits, recipients, places."""

from collections.abc import Iterable, Iterator
from typing import Any, Final

from export_user_data.documents.words import Say, afterwards, kept, period
from shared.data_map import BLOBS, CONTAINERS, HUBS, OUTSIDE, READINGS, RECIPIENTS, Category, ReadingField, Record
from shared.data_map.choices import COLLECTING

Part = dict[str, Any]

_FORMATS: Final = {
    "number": "number",
    "integer": "whole number",
    "text": "text",
    "choice": "one of a list",
    "flag": "yes or no",
}
_ROLES: Final = {
    "processor": "It works on our behalf (processor).",
    "controller": "It decides itself what it does with it (controller).",
}
_CONSENT: Final = "consent (GDPR 6(1)(a))"


def bases_in_countries(category: Category, say: Say) -> dict[str, str]:
    """The legal basis where it is not that of the category: by country, where it is collected with consent only."""
    if category not in COLLECTING:
        return {}
    defaults = COLLECTING[category].in_countries
    return {country: say(_CONSENT) for country, default in defaults.items() if default == "with_consent"}


def records_of(category: Category) -> Iterator[tuple[str, str, Record]]:
    """Every record of a category: its container, its name, and what the data map says of it."""
    for container, definition in CONTAINERS.items():
        for name, record in definition.records.items():
            if record.category is category:
                yield container, name, record


def record_part(container: str, name: str, record: Record, say: Say) -> Part:
    """One record with every field that is stored."""
    part: Part = {
        "record": name,
        "container": container,
        "about": say(record.about),
        "kept": kept(record, say),
        "afterwards": afterwards(record, say),
        "seenBy": [say(who) for who in record.visible_to],
        "fields": [
            {
                "name": field_name,
                "about": say(field.about),
                "source": say(field.source.value),
                **({"unit": say(field.unit)} if field.unit else {}),
                "handedOut": field.exported and record.export is not None,
            }
            for field_name, field in record.fields.items()
        ],
    }
    if record.export is None:
        part["notHandedOut"] = say(record.export_note)
    return part


def reading_parts(category: Category, say: Say, kinds: Iterable[str] = READINGS) -> list[Part]:
    """The kinds of readings of a category with their fields, units and limits."""
    return [
        {
            "kind": kind,
            "about": say(READINGS[kind].about),
            "fields": [value_part(name, field, say) for name, field in READINGS[kind].fields.items()],
        }
        for kind in kinds
        if READINGS[kind].category is category
    ]


def value_part(name: str, field: ReadingField, say: Say) -> Part:
    """One value that a monitor sends, with unit, format and limits."""
    part: Part = {
        "name": name,
        "about": say(field.about),
        "format": say(_FORMATS[field.type]),
        "required": field.required,
    }
    if field.unit:
        part["unit"] = say(field.unit)
    if field.minimum is not None and field.maximum is not None:
        part["limits"] = say("{least} to {most}").format(least=_number(field.minimum), most=_number(field.maximum))
    elif field.choices:
        part["limits"] = ", ".join(field.choices)
    return part


def _number(value: float) -> str:
    """Digits in groups of three with a thin space, which reads alike in every language; limits are whole."""
    return f"{value:,.0f}".replace(",", "\N{NARROW NO-BREAK SPACE}")


def recipient_parts(say: Say, category: Category | None = None) -> list[Part]:
    """Who is given something, of all categories or of one: what, why and where."""
    return [
        {
            "recipient": name,
            "about": say(recipient.about),
            "role": say(_ROLES[recipient.role]),
            "given": [
                {"category": of.value, "what": say(what)}
                for of, what in recipient.given.items()
                if category in {None, of}
            ],
            "why": say(recipient.why),
            "place": say(recipient.place),
            "told": say(recipient.told),
        }
        for name, recipient in RECIPIENTS.items()
        if category is None or category in recipient.given
    ]


def place_parts(say: Say) -> list[Part]:
    """Where something lies outside the database, and when it is gone from there."""
    hubs: list[Part] = [
        {"place": f"hub {name}", "about": say(hub.about), "lapse": period(hub.lapse, say)} for name, hub in HUBS.items()
    ]
    blobs: list[Part] = [
        {
            "place": f"blobs {name}",
            "about": say(blobs.about),
            "lapse": period(blobs.lapse, say) if blobs.lapse else say("not by itself"),
            "erasure": say(blobs.erasure),
        }
        for name, blobs in BLOBS.items()
    ]
    outside: list[Part] = [
        {
            "place": name,
            "about": say(place.about),
            "holds": say(place.holds),
            "lapse": period(place.lapse, say) if place.lapse else say("not by itself"),
            "erasure": say(place.erasure),
        }
        for name, place in OUTSIDE.items()
    ]
    return hubs + blobs + outside
