"""The record of processing activities (GDPR 30, LOPDGDD 31), generated from the data map."""

from typing import Any, Final

from export_user_data.documents.notice import safeguards, transfers
from export_user_data.documents.parts import Part, bases_in_countries, place_parts, recipient_parts, records_of
from export_user_data.documents.words import Say, afterwards, kept, title, words
from shared.data_map import CATEGORIES, READINGS, Category
from shared.templates import Language

_SUBJECTS: Final[dict[Category, tuple[str, ...]]] = {
    Category.PERSON: ("residents with an account", "people without an account", "minors and their guardians"),
    Category.INTERACTIONS: ("residents with an account", "people without an account"),
    Category.DEVICE: ("owners of monitors", "guests of a device"),
    Category.USAGE: ("owners of monitors", "members of their households"),
    Category.APP: ("residents with an account",),
    Category.PERFORMANCE: ("owners of monitors",),
    Category.SERVICE: ("residents with an account", "staff"),
}

_SECURITY: Final = (
    "Every monitor has a key of its own, every call a caller: people sign in, monitors carry a token of one hour.",
    "Everything travels under TLS and is stored encrypted; identities are found by keyed hashes.",
    "What is blocked is sealed under a key of its own; two members of the privacy staff open it together.",
    "What was done to whose data is in a chained ledger, whose daily checkpoints are signed and cannot be changed.",
    "Staff have roles, name a purpose, and each look is recorded before it is shown.",
    "Only declared fields are stored; logs and traces name nobody.",
    "Continuous backups; a restored database serves nothing before erasures were replayed.",
    "Every promise has a test; a new version runs only when all of them hold.",
)


def record_of_processing(language: Language) -> dict[str, Any]:
    """The record in a language."""
    say = words(language)
    return {
        "document": "record-of-processing",
        "language": language.value,
        "activities": [_activity(category, say) for category in Category],
        "recipients": recipient_parts(say),
        "transfers": transfers(say),
        "transferSafeguards": safeguards(say),
        "places": place_parts(say),
        "security": [say(measure) for measure in _SECURITY],
    }


def _activity(category: Category, say: Say) -> Part:
    rule = CATEGORIES[category]
    return {
        "category": category.value,
        "title": title(category, say),
        "purpose": say(rule.purpose),
        "basis": say(rule.basis),
        "basisInCountries": bases_in_countries(category, say),
        "collected": say(rule.collected_when),
        "dataSubjects": [say(who) for who in _SUBJECTS[category]],
        "data": [
            {
                "about": say(record.about),
                "fields": list(record.fields),
                "kept": kept(record, say),
                "afterwards": afterwards(record, say),
            }
            for _, _, record in records_of(category)
        ],
        "readings": [say(kind.about) for kind in READINGS.values() if kind.category is category],
        "recipients": [part["about"] for part in recipient_parts(say, category)],
    }
