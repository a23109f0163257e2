"""The texts of the data map in the languages of residents: English as it is written there, others by a catalogue."""

import json
from collections.abc import Mapping
from functools import cache

from shared.templates import TEXTS, Language


@cache
def _catalogue(language: Language) -> Mapping[str, str]:
    path = TEXTS / f"data_map.{language.value}.json"
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else {}


def said(text: str, language: Language) -> str:
    """A text of the data map in a language."""
    return text if language is Language.ENGLISH else _catalogue(language).get(text, text)
