"""The data map in Spanish: every text that people may be shown, and nothing left of former ones."""

import pytest

from shared.templates import Language
from shared.wording import Untranslated, catalogue, said, said_before, shown

ALIKE = {"%", "'firmware' or 'app'.", "B", "MB", "Mbit/s", "UTC", "V", "bytes", "d", "dBm", "ms", "s", "°C"}
"""Units, and what is alike in both."""


def test_every_text_has_its_spanish() -> None:
    """Whoever declares a text adds its Spanish; what is listed here is missing."""
    assert sorted(shown() - catalogue(Language.SPANISH).keys()) == []


def test_no_translation_is_left_behind() -> None:
    """Of a text that was changed, the catalogue keeps no former words."""
    assert sorted(catalogue(Language.SPANISH).keys() - shown()) == []


def test_a_translation_is_not_a_copy() -> None:
    """A text that was only copied over is found."""
    same = {text for text, words in catalogue(Language.SPANISH).items() if text == words or not words}
    assert same <= ALIKE


def test_english_is_as_it_is_written() -> None:
    """It needs no catalogue."""
    assert said("the monitor", Language.ENGLISH) == "the monitor"
    assert said("the monitor", Language.SPANISH) == "el monitor"


def test_what_has_no_words_is_not_shown_in_english() -> None:
    """A text that nobody translated is a fault, and says which it is."""
    with pytest.raises(Untranslated, match="a diary"):
        said("a diary", Language.SPANISH)


def test_what_was_stored_is_said_as_well_as_it_can_be() -> None:
    """Whoever's data was blocked under former words reads those: a page without them would be worse."""
    assert said_before("the monitor", Language.SPANISH) == "el monitor"
    assert said_before("words of a former version", Language.SPANISH) == "words of a former version"


def test_nothing_is_said_of_nothing() -> None:
    """Optional texts of the map may be empty."""
    assert said("", Language.SPANISH) == ""
