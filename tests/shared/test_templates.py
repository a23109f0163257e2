"""Texts: every template in every language, with exactly the placeholders that it declares."""

from string import Template

import pytest

from shared.templates import TEMPLATES, TEXTS, Language, Unrenderable, language_of, raw_text, rendered

MOMENT = "2026-11-22T10:45:30.123Z"
EVERY = [(template, language) for template in TEMPLATES for language in Language]


@pytest.mark.parametrize(("template", "language"), EVERY)
def test_every_template_renders_in_every_language(template: str, language: Language) -> None:
    """With the parameters it declares, and nothing is left open."""
    text = rendered(template, dict.fromkeys(TEMPLATES[template], MOMENT), language)
    assert "2026-11-22 10:45 UTC" in text.body
    assert text.subject
    assert "$" not in text.subject + text.body


@pytest.mark.parametrize(("template", "language"), EVERY)
def test_every_text_uses_exactly_the_declared_placeholders(template: str, language: Language) -> None:
    """One that a translation forgot, or that nobody declared, is found here."""
    subject, body = raw_text(template, language)
    used = {*Template(subject).get_identifiers(), *Template(body).get_identifiers()}
    assert used == TEMPLATES[template]
    assert all(Template(part).is_valid() for part in (subject, body))


def test_no_file_is_without_a_template() -> None:
    """A renamed template would leave its texts behind."""
    assert {path.name for path in TEXTS.glob("*.txt")} == {
        f"{template}.{language.value}.txt" for template, language in EVERY
    }


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_translation_is_not_a_copy(template: str) -> None:
    """A text that was never translated is found."""
    assert len({raw_text(template, language) for language in Language}) == len(Language)


@pytest.mark.parametrize("parameters", [{}, {"since": MOMENT, "serialNumber": MOMENT}, {"until": MOMENT}])
def test_other_parameters_than_declared_are_refused(parameters: dict[str, str]) -> None:
    """Missing ones, additional ones, others."""
    with pytest.raises(Unrenderable, match="monitor_paired"):
        rendered("monitor_paired", parameters, Language.ENGLISH)


def test_an_unknown_template_is_refused() -> None:
    """By name."""
    with pytest.raises(Unrenderable, match="advertisement"):
        rendered("advertisement", {}, Language.ENGLISH)


def test_a_value_that_is_no_time_is_refused() -> None:
    """Nothing that a caller wrote gets into a text."""
    with pytest.raises(ValueError, match="isoformat"):
        rendered("monitor_paired", {"since": "see http://example.org"}, Language.ENGLISH)


@pytest.mark.parametrize(
    ("tag", "language"),
    [
        ("es-ES", Language.SPANISH),
        ("es_MX", Language.SPANISH),
        ("ES", Language.SPANISH),
        ("en-GB", Language.ENGLISH),
        ("ca-ES", Language.ENGLISH),
        ("est", Language.ENGLISH),
        ("", Language.ENGLISH),
        (None, Language.ENGLISH),
    ],
)
def test_a_phones_setting_names_a_language(tag: str | None, language: Language) -> None:
    """English for what is not spoken here."""
    assert language_of(tag) is language
