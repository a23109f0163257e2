"""Letters: every kind in both languages, whole, escaped, with whom to complain to where somebody may disagree."""

import hashlib
import re
from html import escape
from itertools import product
from typing import Any

import pytest

from export_user_data.requests import letters, wording
from export_user_data.requests.rules import (
    COMPLAINT_ROUTE,
    GROUNDS,
    ZONE,
    Doubt,
    Ground,
    Outcome,
    Reason,
    Right,
    article,
)
from shared.cosmos import declared
from shared.data_map import CATEGORIES, Category
from shared.errors import Problem
from shared.templates import Language
from shared.wording import said
from tests.export_user_data.documents.written import INSTALLATION
from tests.export_user_data.requests.counter import MARIA, Counter

CONTROLLER = INSTALLATION.controller
AT = "2026-11-22T10:00:00.000Z"
KINDS = ("receipt", "identity", "extension", "refusal", "answer")
EVERY = list(product(KINDS, Language))
WHY = str(CATEGORIES[Category.DEVICE].blocked_why)
BLOCKED = [{"category": "device", "why": WHY, "until": "2029-12-01"}]


def request(right: str = "access", **said: Any) -> dict[str, Any]:
    """A record as it is stored."""
    return {
        "requestId": "1" * 32,
        "reference": "RQ-2026-17",
        "right": right,
        "state": "in_progress",
        "receivedAt": AT,
        "filedAt": AT,
        "identityQuestion": {"question": "no_identifier", "askedAt": AT, "answeredAt": AT, "stopsTheClock": True},
        "extension": {"at": AT, "reason": "complexity"},
        **said,
    }


def decided(kind: str, **said: Any) -> dict[str, Any]:
    decision = {"at": AT, "by": "staff:privacy", "isLate": False}
    if kind == "refusal":
        return request(decision=decision | {"outcome": "refused", "ground": "unfounded", "text": "It is empty."} | said)
    return request(decision=decision | {"outcome": "granted", "blocked": BLOCKED} | said)


def letter(kind: Any, language: Language, **said: Any) -> Any:
    return letters.written(decided(kind, **said), kind, language, controller=CONTROLLER)


@pytest.mark.parametrize(("kind", "language"), EVERY)
def test_every_letter_is_whole(kind: str, language: Language) -> None:
    """File, days and right are said in words; nothing is left open, and page and text say the same."""
    written = letter(kind, language)
    assert "RQ-2026-17" in written.html
    assert f'lang="{language.value}"' in written.html
    assert wording.RIGHTS[Right.ACCESS][language] in written.text
    assert {Language.ENGLISH: "22 November 2026", Language.SPANISH: "22 de noviembre de 2026"}[language] in written.text
    assert not re.search(r"{{|}}|{%|None|Undefined", written.html)
    for paragraph in written.text.split("\n\n"):
        assert escape(paragraph.strip()) in written.html
    assert written.sha256 == hashlib.sha256(written.html.encode()).hexdigest()


@pytest.mark.parametrize(("kind", "language"), EVERY)
def test_whom_to_complain_to_is_said_where_somebody_may_disagree(kind: str, language: Language) -> None:
    """The agency with its address, and the courts."""
    has_route = kind in {"extension", "refusal", "answer"}
    assert all((line in letter(kind, language).text) is has_route for line in COMPLAINT_ROUTE[language])


@pytest.mark.parametrize(("kind", "language"), EVERY)
def test_every_letter_says_who_writes_it(kind: str, language: Language) -> None:
    """The controller by name and address, and whom to ask, in the language of the letter."""
    head = letter(kind, language).text.split("\n\n")[:3]
    words = {Language.ENGLISH: "Controller", Language.SPANISH: "Responsable del tratamiento"}
    assert head[0] == f"{words[language]}: {CONTROLLER.name}, {CONTROLLER.postal_address}"
    assert CONTROLLER.privacy_contact in head[1]
    assert str(CONTROLLER.data_protection_officer) in head[2]


@pytest.mark.parametrize("kind", KINDS)
def test_a_translation_is_not_a_copy(kind: str) -> None:
    """And no file is without a letter."""
    assert letter(kind, Language.ENGLISH).text != letter(kind, Language.SPANISH).text
    assert {path.name for path in letters.TEMPLATES.iterdir()} == {
        "page.html",
        *(f"{one}.{language.value}.txt" for one, language in EVERY),
    }


def test_the_same_record_makes_the_same_letter() -> None:
    """So its hash proves which one was given."""
    assert letter("answer", Language.SPANISH) == letter("answer", Language.SPANISH)


@pytest.mark.parametrize(("ground", "right"), [(one, right) for one in Ground for right in GROUNDS[one].articles])
def test_every_ground_is_said_with_its_article(ground: Ground, right: Right) -> None:
    """That of the right, as each language cites it, in a refusal and where the rest of something is refused."""
    said = {"ground": ground.value, "text": "It is empty."}
    for record, kind in (
        (decided("refusal", **said), "refusal"),
        (decided("answer", outcome="partly_granted", **said), "answer"),
    ):
        for language in Language:
            asked: Any = kind
            text = letters.written(record | {"right": right.value}, asked, language, controller=CONTROLLER).text
            assert f"{GROUNDS[ground].said[language]} ({article(ground, right, language)})" in text
            assert "It is empty." in text
            assert ("GDPR" in text.partition("AEPD")[0]) is (language is Language.ENGLISH)
        assert "artículo" in text


def test_a_ground_is_one_of_the_rights_that_the_law_gives_it_for() -> None:
    """What the law says of access alone is said of no other right; a withdrawal is never refused."""
    assert set(GROUNDS[Ground.REPETITIVE].articles) == {Right.ACCESS}
    assert set(GROUNDS[Ground.LEGAL_CLAIMS].articles) == {Right.ERASURE, Right.OBJECTION}
    for right in (Right.CONSENT_WITHDRAWAL, Right.COMPLAINT):
        assert [ground for ground in Ground if right in GROUNDS[ground].articles] == [Ground.NOT_IDENTIFIED]
    assert set(GROUNDS[Ground.NOT_IDENTIFIED].articles) == set(Right)
    cited = article(Ground.UNFOUNDED, "erasure", Language.SPANISH)
    assert cited == "artículo 12.5.b) del RGPD"


def test_all_words_are_there_in_both_languages() -> None:
    """A new right, outcome, reason, doubt or category is named before it can be written about."""
    tables: list[tuple[Any, Any]] = [
        (wording.RIGHTS, Right),
        (wording.OUTCOMES, Outcome),
        (wording.REASONS, Reason),
        (wording.DOUBTS, Doubt),
        (wording.CATEGORIES, Category),
    ]
    for table, words in tables:
        assert set(table) == set(words)
        assert all(set(said) == set(Language) for said in table.values())
    assert set(GROUNDS) == set(Ground)
    assert ZONE == "Europe/Madrid"


@pytest.mark.parametrize("language", Language)
def test_an_answer_about_access_says_what_is_blocked(language: Language) -> None:
    """Why, and until when."""
    text = letter("answer", language).text
    assert said(WHY, language) in text
    assert wording.CATEGORIES[Category.DEVICE][language] in text


def test_a_late_answer_says_so() -> None:
    """It is an apology, and no excuse."""
    assert "apologise" in letter("answer", Language.ENGLISH, isLate=True).text
    assert "apologise" not in letter("answer", Language.ENGLISH).text


def test_what_staff_wrote_is_no_markup() -> None:
    """On the page it is escaped; in plain text it is as it was written."""
    written = letter("refusal", Language.ENGLISH, text="<script>alert(1)</script> & more")
    assert "<script>" not in written.html
    assert "&lt;script&gt;" in written.html
    assert "<script>alert(1)</script> & more" in written.text


@pytest.mark.parametrize("kind", ["identity", "extension", "refusal", "answer"])
def test_what_has_not_happened_cannot_be_written_about(kind: Any) -> None:
    """There is nothing that the letter could say."""
    plain = {name: value for name, value in request().items() if name not in {"identityQuestion", "extension"}}
    with pytest.raises(Problem) as refused:
        letters.written(plain, kind, Language.ENGLISH, controller=CONTROLLER)
    assert refused.value.code == "letter_not_ready"


@pytest.mark.wire
async def test_a_letter_is_recorded_and_not_kept(counter: Counter) -> None:
    """Its hash and its kind are in the ledger; the record of the request is as before. Who has no app gets Spanish."""
    filed = await counter.file()
    before = await counter.stored(filed)
    written = await counter.letter(filed, "receipt")
    assert (written.language, written.kind) == ("es", "receipt")
    assert await counter.stored(filed) == before
    [entry] = [one for one in await counter.entries() if one["action"] == "request_letter_made"]
    assert entry["details"] == {
        "requestId": filed.request_id,
        "letter": "receipt",
        "language": "es",
        "hash": written.sha256,
        "purpose": "rights_request",
    }
    assert (await counter.letter(filed, "receipt", language="en")).language == "en"
    with pytest.raises(Problem):
        await counter.letter(filed, "refusal")


@pytest.mark.wire
async def test_who_asks_after_an_erasure_is_told_what_is_blocked(counter: Counter) -> None:
    """Of what lies in the vault the answer says category, reason and day, and not that there is nothing."""
    why = "Liability for how a contact was dealt with (LOPDGDD 32 and 72: three years)."
    blocked = {
        "id": "blocked:1",
        "type": "blockedData",
        "personId": MARIA,
        "caseId": "1" * 32,
        "requestId": "2" * 32,
        "category": "interactions",
        "ground": "erasure",
        "why": why,
        "until": "2029-12-01",
        "at": AT,
    }
    await counter.database["people"].create(blocked)
    filed = await counter.file()
    answered = await counter.answer(filed, language="en")
    written = await counter.letter(filed, "answer", language="en")
    assert f"Category: contacts with us. Why: {why} It is destroyed on 1 December 2029." in written.text
    assert answered.decision is not None
    assert answered.decision.letter is not None
    assert answered.decision.letter.sha256 == written.sha256
    stored = await counter.database["people"].read(MARIA, "blocked:1")
    assert stored is not None
    later = declared(stored) | {"until": "2031-12-01T00:00:00.000Z"}
    await counter.database["people"].replace(later, stored["_etag"])
    assert await counter.letter(filed, "answer", language="en") == written, "it is made of its record alone"
    other = await counter.file("portability")
    assert "blocked" not in (await counter.answer(other)).model_dump(exclude_none=True)["decision"]
