"""Letters about a request, in English and Spanish: written from templates on demand, and known by their hash.

A template is plain text, its first line the subject, with an empty line between paragraphs. The page that is printed
escapes what it is given, so nothing that anybody wrote becomes markup.
"""

import hashlib
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from export_user_data.requests import rules, wording
from export_user_data.requests.contract import Letter, LetterBody, LetterKind
from export_user_data.requests.legal_clock import Course
from export_user_data.requests.records import Register, course_of, read
from export_user_data.requests.rules import GROUNDS, Doubt, Ground, Outcome, Reason, Right, article
from shared import clock
from shared.callers import Role
from shared.controller import Controller
from shared.cosmos import Container, Item
from shared.data_map import Category
from shared.errors import Problem
from shared.ledger import Step, record_about, staff
from shared.notifications import language_for
from shared.people import PERSON, new_id
from shared.templates import Language
from shared.wording import said_before

if TYPE_CHECKING:
    from jinja2 import Environment

TEMPLATES: Final = Path(__file__).with_name("letters")

WITH_COMPLAINT_ROUTE: Final = ("extension", "refusal", "answer")
"""Letters that somebody may disagree with."""

_BLOCKED: Final = "SELECT * FROM c WHERE c.type = 'blockedData'"
_INSTALLED: Final = "SELECT TOP 1 c.id FROM c WHERE c.type = 'appInstallation'"


async def write(request_id: str, asked: LetterBody, register: Register, *, staff_id: str) -> Letter:
    """A letter, recorded before it is handed out; it is not kept.

    Raises:
        Problem: request_unknown; letter_not_ready, when what it is about has not happened.
    """
    found = await read(asked.person_id, request_id, people=register.people)
    language = await language_of_letter(asked.person_id, asked.language, register)
    letter = written(found, asked.kind, language, controller=register.controller)
    details: dict[str, str | int] = {
        "requestId": request_id,
        "letter": asked.kind,
        "language": language.value,
        "hash": letter.sha256,
        "purpose": asked.purpose.value,
    }
    actor = staff(Role.PRIVACY, staff_id)
    step = Step(request_id, "request_letter_made", actor, details, step=f"letter-{new_id()}")
    await record_about(asked.person_id, step, database=register.database, now=register.now)
    return letter


def given(found: Item, kind: LetterKind, language: Language, sent: str, *, controller: Controller) -> dict[str, str]:
    """What is kept of a letter that is given: which, in which language, its hash, and how it is sent."""
    letter = written(found, kind, language, controller=controller)
    return {"kind": kind, "language": language.value, "sha256": letter.sha256, "sent": sent}


def written(found: Item, kind: LetterKind, language: Language, *, controller: Controller) -> Letter:
    """A letter of the controller about a request as it stands; the same record makes the same letter.

    Raises:
        Problem: letter_not_ready.
    """
    values = _values(found, kind, language)
    if values is None:
        raise Problem("letter_not_ready")
    environment = _environment()
    body = environment.get_template(f"{kind}.{language.value}.txt").render(values)
    subject, *paragraphs = [" ".join(part.split()) for part in body.split("\n\n") if part.strip()]
    route = rules.COMPLAINT_ROUTE[language] if kind in WITH_COMPLAINT_ROUTE else ()
    sender = wording.sender(controller, language)
    page = environment.get_template("page.html").render(
        sender=sender, subject=subject, paragraphs=[*paragraphs, *route], language=language.value, **values
    )
    plain = "\n\n".join((*sender, subject, f"{values['file']} · {values['on']}", *paragraphs, *route)) + "\n"
    digest = hashlib.sha256(page.encode()).hexdigest()
    return Letter(kind=kind, language=language.value, html=page, text=plain, sha256=digest)


def _values(found: Item, kind: LetterKind, language: Language) -> dict[str, Any] | None:
    """What a letter says; None when that has not happened yet."""
    about = {"receipt": found, "identity": found.get("identityQuestion"), "extension": found.get("extension")}
    decision = found.get("decision")
    if decision is not None and "by" in decision:
        about["refusal" if decision["outcome"] == "refused" else "answer"] = decision
    said_of = about.get(kind)
    if said_of is None:
        return None
    at = clock.moment(said_of[_DATED[kind]])
    received_at = clock.moment(found["receivedAt"])
    return {
        "file": found.get("reference", found["requestId"]),
        "on": wording.day(at, language),
        "right": wording.RIGHTS[Right(found["right"])][language],
        "received": wording.day(received_at, language),
        **_SAID[kind](found, said_of, language, at),
    }


_DATED: Final = {"receipt": "filedAt", "identity": "askedAt", "extension": "at", "refusal": "at", "answer": "at"}


def _receipt(found: Item, _said: Item, language: Language, at: datetime) -> dict[str, str]:
    bare = Course(received_at=clock.moment(found["receivedAt"]), zone=rules.zone(), months=rules.MONTHS)
    return {"due": wording.day(bare.due(at), language)}


def _identity(_found: Item, asked: Item, language: Language, _at: datetime) -> dict[str, Any]:
    return {"why": wording.DOUBTS[Doubt(asked["question"])][language], "stands": asked["stopsTheClock"]}


def _extension(found: Item, extended: Item, language: Language, at: datetime) -> dict[str, str]:
    return {
        "why": wording.REASONS[Reason(extended["reason"])][language],
        "due": wording.day(course_of(found).due(at), language),
    }


def _refusal(found: Item, decided: Item, language: Language, _at: datetime) -> dict[str, str]:
    ground = Ground(decided["ground"])
    cited = article(ground, found["right"], language)
    return {"why": GROUNDS[ground].said[language], "article": cited, "reason": decided["text"]}


def _answer(found: Item, decided: Item, language: Language, at: datetime) -> dict[str, Any]:
    return {
        "outcome": wording.OUTCOMES[Outcome(decided["outcome"])][language],
        "is_late": decided["isLate"],
        "blocked": [_blocked(one, language) for one in decided.get("blocked", [])],
        "refused": _refusal(found, decided, language, at) if "ground" in decided else None,
        "reason": decided.get("text"),
    }


_SAID: Final = {
    "receipt": _receipt,
    "identity": _identity,
    "extension": _extension,
    "refusal": _refusal,
    "answer": _answer,
}


def _blocked(one: Item, language: Language) -> dict[str, str]:
    return {
        "category": wording.CATEGORIES[Category(one["category"])][language],
        "why": said_before(one["why"], language),
        "until": wording.in_words(date.fromisoformat(one["until"]), language),
    }


async def blocked_of(person_id: str, *, people: Container) -> list[Item]:
    """What of a person's data is blocked: a decision keeps that, so that its letter can be written again as it was."""
    found = [item async for item in people.query(_BLOCKED, partition=person_id)]
    return [
        {"category": category, "why": why, "until": until}
        for category, why, until in sorted({(one["category"], one["why"], one["until"]) for one in found})
    ]


async def language_of_letter(person_id: str, tag: str | None, register: Register) -> Language:
    """The language that staff chose, else that of the person's app, else Spanish."""
    if tag is not None:
        return Language(tag)
    has_app = [one async for one in register.people.query(_INSTALLED, partition=person_id)]
    return await language_for(person_id, people=register.people) if has_app else Language.SPANISH


async def check_sent(person_id: str, sent: str, register: Register) -> None:
    """Refuse to say that somebody without an account was told in the app.

    Raises:
        Problem: field_out_of_range.
    """
    person = await register.people.read(person_id, PERSON) if sent == "app" else None
    if person is not None and "identityKey" not in person:
        raise Problem("field_out_of_range", pointer="/sent")


@cache
def _environment() -> "Environment":
    from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape  # noqa: PLC0415 - loaded where used

    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        autoescape=select_autoescape(["html"]),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
