"""The layered privacy notice (GDPR 13 and 14, LOPDGDD 11), generated from the data map.

Nothing in it depends on the installation: who is responsible and where it stores stands beside it, in the settings.
"""

from datetime import timedelta
from typing import Any, Final

from export_user_data.documents.parts import (
    Part,
    bases_in_countries,
    place_parts,
    reading_parts,
    recipient_parts,
    record_part,
    records_of,
)
from export_user_data.documents.rights import RIGHTS
from export_user_data.documents.words import Say, period, title, words
from shared.data_map import CATEGORIES, Category
from shared.data_map.choices import COLLECTING, PURPOSES
from shared.templates import Language

HOW_ELSE: Final = (
    "Every right can also be used by letter or e-mail to the controller, without an account and without an identity "
    "document, or in the app by a request in your own words. The answer comes within:"
)
ANSWERED_WITHIN: Final = "one month, free of charge; two months more for what is complex, and then you are told why"

_CHOICES: Final = {
    "always": "collected unless you object",
    "with_consent": "collected only once you consent",
    "not_collected": "After an objection it is not collected any more.",
}

COMPLAINT: Final[dict[str, str]] = {
    "authority": "Agencia Española de Protección de Datos (AEPD)",
    "address": "C/ Jorge Juan 6, 28001 Madrid",
    "website": "https://www.aepd.es",
}


def notice(language: Language) -> dict[str, Any]:
    """The notice in a language, both layers."""
    say = words(language)
    return {
        "document": "notice",
        "language": language.value,
        "firstLayer": _first_layer(say),
        "categories": [_category(category, say) for category in Category],
        "recipients": recipient_parts(say),
        "transfers": transfers(say),
        "transferSafeguards": safeguards(say),
        "places": place_parts(say),
        "rights": rights(say),
        "howElse": say(HOW_ELSE),
        "answeredWithin": say(ANSWERED_WITHIN),
        "complaint": COMPLAINT
        | {
            "how": say(
                "You may complain to the authority at any time, and go to court; you need not write to us first."
            )
        },
        "consents": [
            {
                "purpose": name,
                "permits": say(purpose.permits),
                "category": purpose.category.value,
                "versions": list(purpose.versions),
            }
            for name, purpose in PURPOSES.items()
        ],
        "collectedByDefault": _collected(say),
        "minors": say(
            "Below 14 years of age a parent or guardian consents (LOPDGDD 7). Who says so in the app names a "
            "guardian's address; the guardian accepts and chooses in the app until then."
        ),
        "automatedDecisions": say("Nobody is profiled, and nothing is decided by automated means alone (GDPR 22)."),
        "obligation": say(
            "The address of the account and the data of the monitor are needed for the contract: without them no "
            "monitor can be paired. Everything else is yours to choose."
        ),
        "dataAct": say(
            "What your monitor generates is yours to have and to share (Data Act, Regulation (EU) 2023/2854). The data "
            "sheet of its model says what that is, how much, and how to reach and erase it. Nobody else is given it "
            "for purposes of their own, unless you ask for that."
        ),
    }


def transfers(say: Say) -> list[Part]:
    """What leaves the European Economic Area."""
    return [part for part in recipient_parts(say) if part["recipient"] == "push_services"]


def safeguards(say: Say) -> str:
    """What protects what leaves."""
    return say(
        "The adequacy decision on the EU-US Data Privacy Framework or standard contractual clauses apply, by provider; "
        "the controller gives a copy on request."
    )


def rights(say: Say) -> list[Part]:
    """Every right with how to exercise it."""
    return [
        {
            "right": name,
            "article": say(right.article),
            "what": say(right.what),
            "how": say(right.how),
            "operations": list(right.operations),
        }
        for name, right in RIGHTS.items()
    ]


def _first_layer(say: Say) -> list[Part]:
    """What the Spanish authority's guidance on layered notices puts first; the controller is named beside it."""
    told = [category for category in Category if category is not Category.SERVICE]
    bases = dict.fromkeys(say(CATEGORIES[category].basis) for category in told)
    elsewhere = [
        f"{title(category, say)} ({country}): {basis}"
        for category in told
        for country, basis in bases_in_countries(category, say).items()
    ]
    return [
        {"about": say("Purposes"), "says": [say(CATEGORIES[category].purpose) for category in told]},
        {"about": say("Legal basis"), "says": [*bases, *elsewhere]},
        {"about": say("Recipients"), "says": [part["about"] for part in recipient_parts(say)]},
        {
            "about": say("Rights"),
            "says": [
                say(
                    "Access, rectification, erasure, restriction, objection, portability, and to withdraw a consent: "
                    "in the app, by letter or by e-mail, also without an account."
                )
            ],
        },
        {
            "about": say("Period"),
            "says": [say("Each kind of data has its own; it is said below for every one of them.")],
        },
        {"about": say("Source"), "says": [say("You, your monitor, your phone, and the provider you sign in with.")]},
        {"about": say("More"), "says": [say("Below, record by record and field by field, and in the app.")]},
    ]


def _category(category: Category, say: Say) -> Part:
    rule = CATEGORIES[category]
    part: Part = {
        "category": category.value,
        "title": title(category, say),
        "purpose": say(rule.purpose),
        "basis": say(rule.basis),
        "basisInCountries": bases_in_countries(category, say),
        "collected": say(rule.collected_when),
        "whenItEnds": _ending(category, say),
        "recipients": [
            {"about": one["about"], "what": one["given"][0]["what"]} for one in recipient_parts(say, category)
        ],
        "records": [record_part(*where, say) for where in records_of(category)],
        "readings": reading_parts(category, say),
    }
    return part


def _ending(category: Category, say: Say) -> str:
    rule = CATEGORIES[category]
    if rule.on_expiry == "block":
        length = period(rule.blocked_for or timedelta(), say)
        return say("blocked for {period}, then destroyed").format(period=length) + f": {say(rule.blocked_why)}"
    return say("destroyed")


def _collected(say: Say) -> list[Part]:
    return [
        {
            "category": category.value,
            "title": title(category, say),
            "default": say(_CHOICES[collecting.default]),
            "inCountries": {country: say(_CHOICES[default]) for country, default in collecting.in_countries.items()},
            "afterObjection": say(_CHOICES[collecting.after_objection]),
        }
        for category, collecting in COLLECTING.items()
    ]
