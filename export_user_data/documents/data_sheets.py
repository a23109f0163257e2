"""The data sheet of each model: what buyers are told before they buy (Data Act 3(2) and (3)), from the data map."""

import json
from typing import Any, Final

from export_user_data.documents.parts import Part, reading_parts, record_part, value_part
from export_user_data.documents.words import Say, period, words
from shared.data_map import CONTAINERS, READINGS, TECHNICAL, Category, ReadingKind
from shared.data_map.products import PRODUCTS, Product
from shared.errors import Problem
from shared.templates import Language

_OF_A_DEVICE: Final = ("devices", "telemetry")
"""The containers that hold what is a monitor's."""

_DAYS_OF_A_YEAR: Final = 365


def products(language: Language) -> dict[str, Any]:
    """Every model that has a data sheet."""
    say = words(language)
    return {
        "document": "products",
        "language": language.value,
        "products": [
            {"product": name, "name": product.name, "about": say(product.about)} for name, product in PRODUCTS.items()
        ],
    }


def data_sheet(product_name: str, language: Language) -> dict[str, Any]:
    """The data sheet of a product.

    Raises:
        Problem: product_unknown.
    """
    product = PRODUCTS.get(product_name)
    if product is None:
        raise Problem("product_unknown")
    say = words(language)
    return {
        "document": "data-sheet",
        "language": language.value,
        "product": product_name,
        "name": product.name,
        "about": say(product.about),
        "readings": [_kind(kind, product, say) for kind in product.rates],
        "volume": volume(product, say),
        "formats": [
            say("JSON Lines and CSV with UTC times, described by JSON Schemas with units (GET /api/schemas)."),
        ],
        "generation": say(
            "Usage is sent when it happens. Performance is sampled, and sent only while the owner has a support case "
            "open. Both reach the owner's live stream within seconds."
        ),
        "onTheProduct": say("A reading stays on the monitor until this service has acknowledged it, and no longer."),
        "records": [
            record_part(container, name, record, say)
            for container in _OF_A_DEVICE
            for name, record in CONTAINERS[container].records.items()
        ],
        "technical": [value_part(name, field, say) for name, field in TECHNICAL.items()],
        "reach": [
            {"how": say("Everything that is held, by category"), "operation": "GET /api/me/data"},
            {"how": say("One category, page by page"), "operation": "GET /api/me/data/{category}"},
            {"how": say("Live stream, resumable"), "operation": "GET /api/me/devices/{deviceId}/telemetry"},
            {"how": say("Last-known state"), "operation": "GET /api/me/devices/{deviceId}/state"},
            {"how": say("A signed copy of everything"), "operation": "POST /api/me/exports"},
        ],
        "erase": [
            {"how": say("Everything, the device, or one category"), "operation": "POST /api/me/erasures"},
        ],
        "sharing": say(
            "The user decides who else is given these data. Nobody is given them for purposes of their own without the "
            "user's word; what the maker uses is said above with its purpose."
        ),
        "contract": say(
            "The maker uses what is no personal data only as agreed with the user. The user may end that by giving the "
            "monitor up, and may complain to the competent authority of their country (Data Act 38)."
        ),
    }


def _kind(kind: str, product: Product, say: Say) -> Part:
    [part] = reading_parts(READINGS[kind].category, say, (kind,))
    rate = product.rates[kind]
    when = (
        say("when it happens") if rate.every is None else say("every {period}").format(period=period(rate.every, say))
    )
    if READINGS[kind].category is Category.PERFORMANCE:
        when = say("{when}, while a support case is open").format(when=when)
    often = (
        say("about {number} a day").format(number=round(rate.per_day))
        if rate.per_day >= 1
        else say("about one in {number} days").format(number=round(1 / rate.per_day))
    )
    return part | {"when": when, "often": often, "perDay": rate.per_day, "bytes": reading_bytes(kind, READINGS[kind])}


def volume(product: Product, say: Say) -> Part:
    """What such a monitor sends as a rule, counted from what each reading takes and how often it is sent."""
    daily = {
        category: sum(
            rate.per_day * reading_bytes(kind, READINGS[kind])
            for kind, rate in product.rates.items()
            if READINGS[kind].category is category
        )
        for category in (Category.USAGE, Category.PERFORMANCE)
    }
    return {
        "usageBytesPerDay": round(daily[Category.USAGE]),
        "usageBytesPerYear": round(daily[Category.USAGE] * _DAYS_OF_A_YEAR),
        "performanceBytesPerDay": round(daily[Category.PERFORMANCE]),
        "assumption": say(
            "Estimated for a usual home by the number a day of each reading, with all its fields, as JSON and not "
            "compressed. Performance counts only on days with an open support case."
        ),
    }


def reading_bytes(kind: str, declared: ReadingKind) -> int:
    """Bytes of one reading with every declared field, as a line of JSON."""
    typical: dict[str, Any] = {"number": 1234.5, "integer": 123, "flag": True, "text": "x" * 40}
    values = {
        name: max(field.choices, key=len) if field.choices else typical[field.type]
        for name, field in declared.fields.items()
    }
    line = {"kind": kind, "observedAt": "2026-11-22T10:45:30.123Z", **values}
    return len(json.dumps(line, separators=(",", ":"))) + 1
