"""What the law says about requests, as configuration: time zone, periods, grounds with articles, whom to complain to.

GDPR 12 and LOPDGDD 12 and 13. Texts in the languages of the letters are here as far as they are words of the law; what
the letters say around them is in `letters/`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from functools import cache
from typing import Final
from zoneinfo import ZoneInfo

from shared.templates import Language

ZONE: Final = "Europe/Madrid"
"""Days are those of the controller's seat."""

MONTHS: Final = 1
"""To answer within (GDPR 12(3))."""

EXTENSION_MONTHS: Final = 2
"""What an extension adds (GDPR 12(3)); it is told within the first month, with its reasons."""

WARN_AT: Final = (50, 75, 90, 100)
"""Per cent of the time at which there is an alarm."""

ASK_WITHIN: Final = timedelta(days=7)
"""An identity question that comes later is asked with undue delay, and lets the clock run (EDPB Guidelines 01/2022)."""

IDENTITY_WAIT: Final = timedelta(days=30)
"""A question that is not answered for so long is an alarm: then the request can be refused, and not before."""

REPEATS_WITHIN_MONTHS: Final = 6
"""An access again within this time repeats; of the other rights the law says nothing like it (LOPDGDD 13.3)."""

INTAKE_REACHES_BACK: Final = timedelta(days=366)
"""How long ago staff may say that something was received."""

OPEN_LIMIT: Final = 20
"""Requests of a person that may be open at a time."""

A_DAY_LIMIT: Final = 20
"""Requests that a person may file within a day."""


class Right(StrEnum):
    """What a person may ask for."""

    ACCESS = "access"
    RECTIFICATION = "rectification"
    ERASURE = "erasure"
    RESTRICTION = "restriction"
    OBJECTION = "objection"
    PORTABILITY = "portability"
    CONSENT_WITHDRAWAL = "consent_withdrawal"
    AUTOMATED_DECISION = "automated_decision"
    COMPLAINT = "complaint"


class Ground(StrEnum):
    """Why a request is refused."""

    UNFOUNDED = "unfounded"
    REPETITIVE = "repetitive"
    RIGHTS_OF_OTHERS = "rights_of_others"
    LAW_FORBIDS = "law_forbids"
    LEGAL_CLAIMS = "legal_claims"
    NOT_APPLICABLE = "not_applicable"
    NOT_IDENTIFIED = "not_identified"


class Reason(StrEnum):
    """Why the time to answer is extended; the law knows these two."""

    COMPLEXITY = "complexity"
    NUMBER_OF_REQUESTS = "number_of_requests"


class Doubt(StrEnum):
    """Why it must be asked who somebody is (GDPR 12(6)). What answers it is never a copy of an identity document."""

    NO_IDENTIFIER = "no_identifier"
    ADDRESS_UNKNOWN = "address_unknown"
    DEVICE_NOT_THEIRS = "device_not_theirs"
    CONTRADICTORY = "contradictory"


class Outcome(StrEnum):
    """What an answer says that was done."""

    GRANTED = "granted"
    PARTLY_GRANTED = "partly_granted"
    NOTHING_HELD = "nothing_held"


CLOSED_BY_ERASURE: Final = "closed_by_erasure"
"""Outcome of what was still open when everything about its person was erased; staff do not give it."""

Cited = Mapping[Language, str]
"""Where something is in the law, as each language cites it."""


@dataclass(frozen=True, slots=True)
class GroundRule:
    """Which rights a ground can be given for and where that is in the law, and how the ground is said."""

    articles: Mapping[Right, Cited]
    said: Mapping[Language, str]


def _cited(english: str, spanish: str) -> Cited:
    return {Language.ENGLISH: english, Language.SPANISH: spanish}


_UNIDENTIFIED: Final = _cited("GDPR 11(2), 12(2)", "artículos 11.2 y 12.2 del RGPD")
_NO_DUTY_TO_IDENTIFY: Final = _cited("GDPR 11(1)", "artículo 11.1 del RGPD")
_UNFOUNDED: Final = _cited("GDPR 12(5)(b)", "artículo 12.5.b) del RGPD")
_BY_LAW: Final = _cited("GDPR 23", "artículo 23 del RGPD")
_OF_ART_15_TO_22: Final[tuple[Right, ...]] = tuple(
    right for right in Right if right not in {Right.CONSENT_WITHDRAWAL, Right.COMPLAINT}
)
"""GDPR 12 is about these; a consent can always be withdrawn (GDPR 7(3)), and a complaint is answered."""

GROUNDS: Final[dict[Ground, GroundRule]] = {
    Ground.UNFOUNDED: GroundRule(
        dict.fromkeys(_OF_ART_15_TO_22, _UNFOUNDED),
        {
            Language.ENGLISH: "the request is manifestly unfounded",
            Language.SPANISH: "la solicitud es manifiestamente infundada",
        },
    ),
    Ground.REPETITIVE: GroundRule(
        {
            Right.ACCESS: _cited(
                "GDPR 12(5)(b), LOPDGDD 13.3", "artículo 12.5.b) del RGPD y artículo 13.3 de la LOPDGDD"
            )
        },
        {
            Language.ENGLISH: "the same right was exercised before within six months, without a new reason",
            Language.SPANISH: "el mismo derecho ya se ejerció en los seis meses anteriores, sin nueva causa legítima",
        },
    ),
    Ground.RIGHTS_OF_OTHERS: GroundRule(
        {
            Right.ACCESS: _cited("GDPR 15(4)", "artículo 15.4 del RGPD"),
            Right.PORTABILITY: _cited("GDPR 20(4)", "artículo 20.4 del RGPD"),
        },
        {
            Language.ENGLISH: "granting it would adversely affect the rights and freedoms of others",
            Language.SPANISH: "atenderla afectaría negativamente a los derechos y libertades de otras personas",
        },
    ),
    Ground.LAW_FORBIDS: GroundRule(
        dict.fromkeys(_OF_ART_15_TO_22, _BY_LAW)
        | {Right.ERASURE: _cited("GDPR 17(3)(b), 23", "artículos 17.3.b) y 23 del RGPD")},
        {
            Language.ENGLISH: "the law does not allow us to do what is asked for",
            Language.SPANISH: "la ley no nos permite hacer lo que se solicita",
        },
    ),
    Ground.LEGAL_CLAIMS: GroundRule(
        {
            Right.ERASURE: _cited("GDPR 17(3)(e)", "artículo 17.3.e) del RGPD"),
            Right.OBJECTION: _cited("GDPR 21(1)", "artículo 21.1 del RGPD"),
        },
        {
            Language.ENGLISH: "the data are needed to establish, exercise or defend legal claims",
            Language.SPANISH: "los datos son necesarios para formular, ejercer o defender reclamaciones",
        },
    ),
    Ground.NOT_APPLICABLE: GroundRule(
        {
            Right.RECTIFICATION: _cited("GDPR 16", "artículo 16 del RGPD"),
            Right.ERASURE: _cited("GDPR 17(1)", "artículo 17.1 del RGPD"),
            Right.RESTRICTION: _cited("GDPR 18(1)", "artículo 18.1 del RGPD"),
            Right.OBJECTION: _cited("GDPR 21(1)", "artículo 21.1 del RGPD"),
            Right.PORTABILITY: _cited("GDPR 20(1)", "artículo 20.1 del RGPD"),
            Right.AUTOMATED_DECISION: _cited("GDPR 22(1)", "artículo 22.1 del RGPD"),
        },
        {
            Language.ENGLISH: "the conditions under which the law grants this right are not met",
            Language.SPANISH: "no se cumplen las condiciones en las que la ley reconoce este derecho",
        },
    ),
    Ground.NOT_IDENTIFIED: GroundRule(
        dict.fromkeys(_OF_ART_15_TO_22, _UNIDENTIFIED)
        | dict.fromkeys((Right.OBJECTION, Right.AUTOMATED_DECISION), _cited("GDPR 12(2)", "artículo 12.2 del RGPD"))
        | dict.fromkeys((Right.CONSENT_WITHDRAWAL, Right.COMPLAINT), _NO_DUTY_TO_IDENTIFY),
        {
            Language.ENGLISH: "we are not in a position to identify the person who asks",
            Language.SPANISH: "no estamos en condiciones de identificar a la persona solicitante",
        },
    ),
}

COMPLAINT_ROUTE: Final[dict[Language, tuple[str, ...]]] = {
    Language.ENGLISH: (
        "You may lodge a complaint with the Spanish Data Protection Agency (AEPD): C/ Jorge Juan 6, 28001 Madrid.",
        "Its office on the web is https://sedeaepd.gob.es (GDPR 77).",
        "You may also bring an action before the courts (GDPR 79).",
    ),
    Language.SPANISH: (
        "Puede reclamar ante la Agencia Española de Protección de Datos (AEPD): C/ Jorge Juan 6, 28001 Madrid.",
        "Su sede electrónica es https://sedeaepd.gob.es (artículo 77 del RGPD).",
        "También puede ejercitar acciones ante los tribunales (artículo 79 del RGPD).",
    ),
}


def article(ground: Ground, right: str, language: Language) -> str:
    """Where the law lets a right be refused on a ground, as a language cites it."""
    return GROUNDS[ground].articles[Right(right)][language]


@cache
def zone() -> ZoneInfo:
    """The time zone of all days; its rules are read when first needed."""
    return ZoneInfo(ZONE)
