"""The texts that people consent to: one file per purpose, version and language, in `texts/consents/`.

A version that was shown once never changes: entries of consent name it and its hash. Other words are another version.
"""

import hashlib
from dataclasses import dataclass
from functools import cache
from typing import Final

from shared.data_map.choices import PURPOSES
from shared.templates import TEXTS, Language

FOLDER: Final = TEXTS / "consents"


@dataclass(frozen=True, slots=True)
class ConsentText:
    """One text as it is shown; the hash is of exactly these bytes."""

    purpose: str
    version: str
    language: Language
    written: str

    @property
    def sha256(self) -> str:
        """Hash of the text in UTF-8."""
        return hashlib.sha256(self.written.encode()).hexdigest()


@cache
def consent_text(purpose: str, version: str, language: Language) -> ConsentText:
    """A text; it is small, and read once."""
    path = FOLDER / f"{purpose}.{version}.{language.value}.txt"
    return ConsentText(purpose, version, language, path.read_bytes().decode())


def present(purpose: str, language: Language) -> ConsentText:
    """The text that is shown now."""
    return consent_text(purpose, PURPOSES[purpose].versions[-1], language)


def is_text(purpose: str, version: str, sha256: str) -> bool:
    """Whether there is a text of that version with that hash, in some language."""
    if version not in PURPOSES[purpose].versions:
        return False
    return any(consent_text(purpose, version, language).sha256 == sha256 for language in Language)
