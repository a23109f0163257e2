"""Which form of a document is asked for, in which language, and whether whoever asks has it already."""

import hashlib
import json
from collections.abc import Mapping
from functools import lru_cache
from http import HTTPStatus
from typing import Any, Final

from export_user_data.documents import pages
from export_user_data.documents.data_sheets import data_sheet, products
from export_user_data.documents.notice import notice
from export_user_data.documents.processing import record_of_processing
from export_user_data.documents.versions import present
from shared.controller import Installation
from shared.errors import Problem
from shared.http import HTML, JSON, Document
from shared.templates import Language

_PAGE_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'"


def language_asked(query: Mapping[str, str], headers: Mapping[str, str]) -> Language:
    """The language of an answer.

    Raises:
        Problem: field_out_of_range, for one that no document has.
    """
    asked = query.get("language")
    if asked is not None:
        if asked not in Language:
            raise Problem("field_out_of_range", pointer="/language")
        return Language(asked)
    for tag in _preferred(headers.get("Accept-Language", "")):
        if tag in Language:
            return Language(tag)
    return Language.ENGLISH


def is_page_asked(query: Mapping[str, str], headers: Mapping[str, str]) -> bool:
    """Whether a page is wanted, and no JSON.

    Raises:
        Problem: field_out_of_range, for another format.
    """
    asked = query.get("format")
    if asked not in {None, "html", "json"}:
        raise Problem("field_out_of_range", pointer="/format")
    return HTML in headers.get("Accept", "").lower() if asked is None else asked == "html"


def served(
    document: str, about: Installation, query: Mapping[str, str], headers: Mapping[str, str], *, product: str = ""
) -> Document:
    """A document in the form and language that are asked for.

    Raises:
        Problem: field_out_of_range; product_unknown.
    """
    language, as_page = language_asked(query, headers), is_page_asked(query, headers)
    written = _written(document, product, language, about, as_page=as_page)
    return answered(written, HTML if as_page else JSON, headers, language=language)


def answered(
    written: str, media_type: str, headers: Mapping[str, str], *, language: Language = Language.ENGLISH
) -> Document:
    """What is written, or that whoever asks has it already."""
    etag = f'"{hashlib.sha256(written.encode()).hexdigest()[:32]}"'
    own = {
        "ETag": etag,
        "Cache-Control": "no-cache",
        "Content-Language": language.value,
        "Vary": "Accept, Accept-Language",
    }
    if media_type == HTML:
        own["Content-Security-Policy"] = _PAGE_POLICY
    known = {tag.strip().removeprefix("W/") for tag in headers.get("If-None-Match", "").split(",")}
    if etag in known or "*" in known:
        return Document("", media_type, own, HTTPStatus.NOT_MODIFIED)
    return Document(written, media_type, own)


def complete(document: str, language: Language, about: Installation, *, product: str = "") -> dict[str, Any]:
    """A document with its version, who is responsible and where everything is stored.

    Raises:
        Problem: product_unknown.
    """
    content = _content(document, language, product)
    version = present("data-sheets" if document in {"data-sheet", "products"} else document)
    return {
        "document": document,
        "version": version.version,
        "date": version.date,
        "controller": about.controller.model_dump(mode="json", by_alias=True, exclude_none=True),
        "storagePlace": about.storage_place,
        **content,
    }


def _content(document: str, language: Language, product: str) -> dict[str, Any]:
    if document == "data-sheet":
        return data_sheet(product, language)
    return {"notice": notice, "products": products, "record-of-processing": record_of_processing}[document](language)


@lru_cache(maxsize=64)
def _written(document: str, product: str, language: Language, about: Installation, *, as_page: bool) -> str:
    """It is the same for everybody, so it is made once."""
    content = complete(document, language, about, product=product)
    return pages.page(content, linked=True) if as_page else json.dumps(content, ensure_ascii=False)


def _preferred(accepted: str) -> list[str]:
    """The primary tags of an Accept-Language header, the most preferred first."""
    ranked: list[tuple[float, str]] = []
    for part in accepted.split(",")[:20]:
        tag, *parameters = (piece.strip().lower() for piece in part.split(";"))
        named = dict(parameter.replace(" ", "").partition("=")[::2] for parameter in parameters)
        try:
            weight = float(named.get("q", 1))
        except ValueError:
            continue
        if 0 < weight <= 1:  # nought says that it is not wanted
            ranked.append((-weight, tag.partition("-")[0]))
    return [tag for _, tag in sorted(ranked, key=lambda one: one[0])]
