"""The texts of the data map in the languages of residents: English as it is written there, others by a catalogue.

A catalogue is complete: whoever reads Spanish is never shown English because somebody forgot a line.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache
from typing import Any, Final, get_origin, get_type_hints

from shared import data_map
from shared.data_map.choices import PURPOSES
from shared.data_map.copies import REASONS
from shared.data_map.products import PRODUCTS
from shared.templates import TEXTS, Language

_NOT_SHOWN: Final = frozenset(
    {
        "choices",
        "container",
        "dated_from",
        "details",
        "indexed",
        "models",
        "name",
        "name_pattern",
        "partition_key",
        "rests_on",
        "versions",
    }
)
"""What the map names for machines; words of closed lists are told apart by their types."""

_SHOWN: Final = (
    data_map.CATEGORIES,
    tuple(data_map.Source),
    data_map.CONTAINERS,
    data_map.READINGS,
    data_map.TECHNICAL,
    data_map.ACTIONS,
    data_map.RECIPIENTS,
    PURPOSES,
    data_map.HUBS,
    data_map.BLOBS,
    data_map.OUTSIDE,
    PRODUCTS,
    REASONS,
)


class Untranslated(Exception):
    """A text of the data map has no words in a language. It is a fault of ours, never of a caller."""


@cache
def catalogue(language: Language) -> Mapping[str, str]:
    """What each English text is in another language; it is read once."""
    return dict(json.loads((TEXTS / f"data_map.{language.value}.json").read_text(encoding="utf-8")))


def said(text: str, language: Language) -> str:
    """A text of the data map in a language.

    Raises:
        Untranslated: the catalogue of that language lacks it.
    """
    if language is Language.ENGLISH or not text:
        return text
    words = catalogue(language).get(text)
    if words is None:
        raise Untranslated(f"shared/texts/data_map.{language.value}.json lacks: {text}")
    return words


def said_before(text: str, language: Language) -> str:
    """A text that was stored: in English, as it is written, once the data map has other words for it."""
    return text if language is Language.ENGLISH else catalogue(language).get(text, text)


def shown() -> frozenset[str]:
    """Every text of the data map that people may be shown."""
    return frozenset(text for text in _texts_of(_SHOWN) if text)


def _texts_of(declared: object) -> Iterator[str]:
    if isinstance(declared, Enum):
        yield str(declared.value)
    elif isinstance(declared, str):
        yield declared
    elif isinstance(declared, Mapping):
        yield from _texts_of(tuple(declared.values()))
    elif isinstance(declared, tuple):
        for part in declared:
            yield from _texts_of(part)
    elif is_dataclass(declared) and not isinstance(declared, type):
        for name in _text_fields(type(declared)):
            yield from _texts_of(getattr(declared, name))


@cache
def _text_fields(of: Any) -> tuple[str, ...]:
    """The fields of a declaration that hold texts, or declarations that do: no closed words, and no enumerations."""
    hints = get_type_hints(of)
    return tuple(field.name for field in fields(of) if field.name not in _NOT_SHOWN and _may_be_text(hints[field.name]))


def _may_be_text(hint: Any) -> bool:
    if isinstance(hint, type):
        return hint is str or is_dataclass(hint)
    return get_origin(hint) in {tuple, Mapping} or str in getattr(hint, "__args__", ())
