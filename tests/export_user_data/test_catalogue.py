"""The catalogue of errors: complete, in words for residents, and readable by anyone."""

import re

import pytest

from export_user_data.catalogue import error_catalogue
from shared.errors import CATALOGUE, ON_THE_PHONE
from shared.pairing_errors import PAIRING_NUMBERS, PAIRING_TEXTS
from tests.test_manifest import indexed

WRITTEN = {entry.code: entry for entry in error_catalogue().errors}


def test_every_error_is_listed() -> None:
    """With all that a problem document says of it."""
    assert WRITTEN.keys() == CATALOGUE.keys()
    for code, entry in CATALOGUE.items():
        written = WRITTEN[code]
        assert (written.title, written.action, written.retryable) == (entry.title, entry.action, entry.retryable)


def test_an_error_of_the_phone_has_no_status() -> None:
    """The service never answers it."""
    assert [code for code, entry in CATALOGUE.items() if entry.status == ON_THE_PHONE] == ["access_point_unreachable"]
    assert WRITTEN["access_point_unreachable"].status is None


@pytest.mark.parametrize(
    ("code", "number", "says", "dice"),
    [
        ("access_point_unreachable", 1, "MAC address", "dirección MAC"),
        ("claim_expired", 3, "Restart the router", "Reinicie el router"),
    ],
)
def test_pairing_errors_have_texts_for_residents(code: str, number: int, says: str, dice: str) -> None:
    """In both languages, and what support should know."""
    written = WRITTEN[code]
    assert written.pairing_error == number
    assert written.resident is not None
    assert says in written.resident.en
    assert dice in written.resident.es
    assert written.support


@pytest.mark.parametrize("number", PAIRING_TEXTS)
def test_residents_are_addressed_alike_in_spanish(number: int) -> None:
    """With usted, as in every notification."""
    words = set(re.findall(r"\w+", PAIRING_TEXTS[number].es.lower()))
    assert not words & {"tu", "tus", "te", "ti", "comprueba", "reinicia", "contacta", "indica", "inténtalo"}


def test_titles_say_what_is_true_of_every_case() -> None:
    """A used claim may be one that this very monitor has used; the pairing number is told in its own field."""
    assert "another" not in CATALOGUE["claim_used"].title
    assert not [code for code, entry in CATALOGUE.items() if "as error" in entry.action]


def test_other_errors_have_no_number() -> None:
    """Nothing but pairing is shown to residents by a number."""
    assert {code for code, entry in WRITTEN.items() if entry.pairing_error is not None} == PAIRING_NUMBERS.keys()
    assert set(PAIRING_NUMBERS.values()) == PAIRING_TEXTS.keys() == {1, 3}


def test_every_failure_of_a_registration_is_error_3() -> None:
    """And of no other operation: its problem document carries the number, whatever its code."""
    _, api = indexed()
    assert {one.name: one.pairing_error for one in api.operations if one.pairing_error} == {"register_device": 3}


def test_what_a_registration_alone_answers_has_its_number() -> None:
    """So that support finds it in the catalogue, too."""
    _, api = indexed()
    [registration] = [one for one in api.operations if one.name == "register_device"]
    assert {code for code in registration.problems if code not in PAIRING_NUMBERS} == {"busy"}
