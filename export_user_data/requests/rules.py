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
"""A question that is not answered for so long is an alarm: then the request can be refused."""

REPEATS_WITHIN_MONTHS: Final = 6
"""The same right again within this time repeats (LOPDGDD 13.3)."""

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


@dataclass(frozen=True, slots=True)
class GroundRule:
    """Where a ground is in the law, and how it is said."""

    article: str
    said: Mapping[Language, str]


GROUNDS: Final[dict[Ground, GroundRule]] = {
    Ground.UNFOUNDED: GroundRule(
        "GDPR 12(5)(b)",
        {
            Language.ENGLISH: "the request is manifestly unfounded",
            Language.SPANISH: "la solicitud es manifiestamente infundada",
        },
    ),
    Ground.REPETITIVE: GroundRule(
        "GDPR 12(5)(b), LOPDGDD 13.3",
        {
            Language.ENGLISH: "the same right was exercised before within six months, without a new reason",
            Language.SPANISH: "el mismo derecho ya se ejerció en los seis meses anteriores, sin nueva causa legítima",
        },
    ),
    Ground.RIGHTS_OF_OTHERS: GroundRule(
        "GDPR 15(4), 20(4)",
        {
            Language.ENGLISH: "granting it would adversely affect the rights and freedoms of others",
            Language.SPANISH: "atenderla afectaría negativamente a los derechos y libertades de otras personas",
        },
    ),
    Ground.LAW_FORBIDS: GroundRule(
        "GDPR 17(3)(b), 23",
        {
            Language.ENGLISH: "the law does not allow us to do what is asked for",
            Language.SPANISH: "la ley no nos permite hacer lo que se solicita",
        },
    ),
    Ground.LEGAL_CLAIMS: GroundRule(
        "GDPR 17(3)(e), 21(1)",
        {
            Language.ENGLISH: "the data are needed to establish, exercise or defend legal claims",
            Language.SPANISH: "los datos son necesarios para formular, ejercer o defender reclamaciones",
        },
    ),
    Ground.NOT_APPLICABLE: GroundRule(
        "GDPR 15 to 22",
        {
            Language.ENGLISH: "the conditions under which the law grants this right are not met",
            Language.SPANISH: "no se cumplen las condiciones en las que la ley reconoce este derecho",
        },
    ),
    Ground.NOT_IDENTIFIED: GroundRule(
        "GDPR 11(2), 12(2)",
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


@cache
def zone() -> ZoneInfo:
    """The time zone of all days; its rules are read when first needed."""
    return ZoneInfo(ZONE)
