"""What notifications say: one file per template and language in `texts/`, and here the placeholders of each template.

The first paragraph of a file is the subject, `$name` is a placeholder. Every value in a text is a time that this
service took; what a caller wrote never gets into a mail. A template stays as long as notifications of it are kept: the
inbox renders them when they are read.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from string import Template
from typing import Final

from shared import clock

TEXTS: Final = Path(__file__).with_name("texts")

TEMPLATES: Final[dict[str, frozenset[str]]] = {
    "monitor_paired": frozenset({"since"}),
    "ownership_ended": frozenset({"until"}),
    "monitor_released": frozenset({"until"}),
    "takeover_reversed": frozenset({"until"}),
    "monitor_revoked": frozenset({"until"}),
    "dispute_opened": frozenset({"since"}),
    "dispute_kept": frozenset({"until"}),
    "objection_recorded": frozenset({"since"}),
    "objection_withdrawn": frozenset({"since"}),
    "consent_given": frozenset({"since"}),
    "consent_withdrawn": frozenset({"since"}),
    "guardian_invitation": frozenset({"until"}),
    "guardian_accepted": frozenset({"since"}),
    "guardian_declined": frozenset({"until"}),
    "guardian_ended": frozenset({"until"}),
    "guest_invitation": frozenset({"until"}),
    "guest_joined": frozenset({"since"}),
    "guest_left": frozenset({"until"}),
    "guest_access_ended": frozenset({"until"}),
    "support_case_asked": frozenset({"until"}),
    "support_case_opened": frozenset({"since", "until"}),
    "support_case_closed": frozenset({"until"}),
    "support_case_withdrawn": frozenset({"until"}),
    "restriction_begun": frozenset({"since"}),
    "restriction_lifting": frozenset({"until"}),
    "restriction_lifted": frozenset({"until"}),
    "legal_hold_claims": frozenset({"until"}),
    "legal_hold_obligation": frozenset({"until"}),
    "legal_hold_authority": frozenset({"until"}),
    "legal_hold_ended": frozenset({"until"}),
    "data_rectified": frozenset({"since"}),
    "contact_kept": frozenset({"since"}),
    "interaction_corrected": frozenset({"since"}),
    "interaction_taken_away": frozenset({"since"}),
    "reading_annotated": frozenset({"since"}),
    "annotation_removed": frozenset({"since"}),
    "acted_for_you": frozenset({"since"}),
    "address_moving": frozenset({"since"}),
    "copy_handed_over": frozenset({"since"}),
    "export_ready": frozenset({"requested", "until"}),
    "export_failed": frozenset({"requested"}),
    "export_handed_over": frozenset({"requested"}),
    "export_not_handed_over": frozenset({"requested"}),
    "erasure_done": frozenset({"requested", "until"}),
    "request_received": frozenset({"until"}),
    "request_identity_asked": frozenset({"since"}),
    "request_identity_asked_late": frozenset({"since"}),
    "request_identified": frozenset({"until"}),
    "request_extended": frozenset({"until"}),
    "request_answered": frozenset({"since"}),
    "request_refused": frozenset({"since"}),
    "request_withdrawn": frozenset({"since"}),
}
"""The placeholders that each template has in every language."""


class Language(StrEnum):
    """A language that every template has."""

    ENGLISH = "en"
    SPANISH = "es"


@dataclass(frozen=True, slots=True)
class Text:
    """A subject and a plain body: paragraphs with an empty line between two. Whoever shows it breaks the lines."""

    subject: str
    body: str


class Unrenderable(Exception):
    """A text cannot be made of what was given. It is a fault of ours, never of a caller."""


def checked(template: str, parameters: Mapping[str, str]) -> None:
    """Let parameters pass that are exactly the declared ones.

    Raises:
        Unrenderable: there is no such template, or its parameters are others.
    """
    if template not in TEMPLATES:
        raise Unrenderable(f"There is no template '{template}'.")
    if parameters.keys() != TEMPLATES[template]:
        raise Unrenderable(f"'{template}' needs {sorted(TEMPLATES[template])}, and was given {sorted(parameters)}.")


def rendered(template: str, parameters: Mapping[str, str], language: Language) -> Text:
    """The text with its times, which are written alike in every language.

    Raises:
        Unrenderable: as `checked`.
    """
    checked(template, parameters)
    times = {name: clock.moment(written).strftime("%Y-%m-%d %H:%M UTC") for name, written in parameters.items()}
    subject, body = raw_text(template, language)
    return Text(Template(subject).substitute(times), Template(body).substitute(times))


@cache
def raw_text(template: str, language: Language) -> tuple[str, str]:
    """Subject and body as written, without the line breaks of the file; it is small, and read once."""
    written = (TEXTS / f"{template}.{language.value}.txt").read_text(encoding="utf-8")
    subject, *paragraphs = (" ".join(paragraph.split()) for paragraph in written.split("\n\n"))
    return subject, "\n\n".join(paragraphs)


def language_of(tag: str | None) -> Language:
    """The language of a phone's setting such as `es-ES` or `es_MX`; English for what is not spoken here."""
    primary = (tag or "").replace("_", "-").partition("-")[0].lower()
    return Language(primary) if primary in Language else Language.ENGLISH
