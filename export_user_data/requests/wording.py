"""How letters name things, in each language: rights, outcomes, reasons, categories, and days."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Final

from export_user_data.requests.records import day_of
from export_user_data.requests.rules import Doubt, Outcome, Reason, Right
from shared.controller import Controller
from shared.data_map import Category
from shared.templates import Language

EN: Final = Language.ENGLISH
ES: Final = Language.SPANISH

RIGHTS: Final[Mapping[Right, Mapping[Language, str]]] = {
    Right.ACCESS: {EN: "access to your data", ES: "acceso a sus datos"},
    Right.RECTIFICATION: {EN: "rectification of your data", ES: "rectificación de sus datos"},
    Right.ERASURE: {EN: "erasure of your data", ES: "supresión de sus datos"},
    Right.RESTRICTION: {EN: "restriction of processing", ES: "limitación del tratamiento"},
    Right.OBJECTION: {EN: "objection to processing", ES: "oposición al tratamiento"},
    Right.PORTABILITY: {EN: "portability of your data", ES: "portabilidad de sus datos"},
    Right.CONSENT_WITHDRAWAL: {EN: "withdrawal of a consent", ES: "retirada de un consentimiento"},
    Right.AUTOMATED_DECISION: {
        EN: "not to be subject to automated decisions",
        ES: "no ser objeto de decisiones automatizadas",
    },
    Right.COMPLAINT: {EN: "a complaint about how data are handled", ES: "reclamación sobre el tratamiento de datos"},
}

REASONS: Final[Mapping[Reason, Mapping[Language, str]]] = {
    Reason.COMPLEXITY: {EN: "the request is complex", ES: "la complejidad de la solicitud"},
    Reason.NUMBER_OF_REQUESTS: {EN: "the number of requests", ES: "el número de solicitudes"},
}

DOUBTS: Final[Mapping[Doubt, Mapping[Language, str]]] = {
    Doubt.NO_IDENTIFIER: {
        EN: "nothing in the request lets us find data of yours",
        ES: "nada en la solicitud nos permite localizar datos suyos",
    },
    Doubt.ADDRESS_UNKNOWN: {
        EN: "the address that it came from is not known to us",
        ES: "no conocemos la dirección desde la que se envió",
    },
    Doubt.DEVICE_NOT_THEIRS: {
        EN: "we do not know the monitor that it names as yours",
        ES: "no nos consta que el monitor que menciona sea suyo",
    },
    Doubt.CONTRADICTORY: {
        EN: "what it says does not agree with what we hold",
        ES: "lo que indica no concuerda con lo que consta",
    },
}

OUTCOMES: Final[Mapping[Outcome, Mapping[Language, str]]] = {
    Outcome.GRANTED: {EN: "We have done what you asked for.", ES: "Hemos atendido su solicitud."},
    Outcome.PARTLY_GRANTED: {
        EN: "We have done a part of what you asked for.",
        ES: "Hemos atendido una parte de su solicitud.",
    },
    Outcome.NOTHING_HELD: {
        EN: "We hold no data about you that your request could be about.",
        ES: "No tratamos datos suyos a los que pueda referirse su solicitud.",
    },
}

CATEGORIES: Final[Mapping[Category, Mapping[Language, str]]] = {
    Category.PERSON: {EN: "account", ES: "cuenta"},
    Category.INTERACTIONS: {EN: "contacts with us", ES: "contactos con nosotros"},
    Category.DEVICE: {EN: "devices", ES: "dispositivos"},
    Category.USAGE: {EN: "use", ES: "uso"},
    Category.APP: {EN: "application", ES: "aplicación"},
    Category.PERFORMANCE: {EN: "performance", ES: "rendimiento"},
    Category.SERVICE: {EN: "operation of the service", ES: "funcionamiento del servicio"},
}

_MONTHS: Final[Mapping[Language, tuple[str, ...]]] = {
    EN: (
        *("January", "February", "March", "April", "May", "June"),
        *("July", "August", "September", "October", "November", "December"),
    ),
    ES: (
        *("enero", "febrero", "marzo", "abril", "mayo", "junio"),
        *("julio", "agosto", "septiembre", "octubre", "noviembre", "diciembre"),
    ),
}


def day(moment: datetime, language: Language) -> str:
    """The day of a moment where the controller is, in words."""
    return in_words(day_of(moment), language)


def in_words(on: date, language: Language) -> str:
    """A day, in words."""
    month = _MONTHS[language][on.month - 1]
    return f"{on.day} {month} {on.year}" if language is EN else f"{on.day} de {month} de {on.year}"


_CONTROLLER: Final = {EN: "Controller", ES: "Responsable del tratamiento"}
_CONTACT: Final = {EN: "Privacy contact", ES: "Contacto de privacidad"}
_OFFICER: Final = {EN: "Data protection officer", ES: "Delegado de protección de datos"}


def sender(controller: Controller, language: Language) -> tuple[str, ...]:
    """Who writes and how to reach them: the head of a letter."""
    lines = (
        f"{_CONTROLLER[language]}: {controller.name}, {controller.postal_address}",
        f"{_CONTACT[language]}: {controller.privacy_contact}",
    )
    officer = controller.data_protection_officer
    return lines if officer is None else (*lines, f"{_OFFICER[language]}: {officer}")
