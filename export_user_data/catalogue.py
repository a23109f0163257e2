"""The catalogue of errors as anyone may read it: for those who write apps, and those who answer residents."""

from functools import cache

from export_user_data.contract import CatalogueEntry, ErrorCatalogue, ResidentText
from shared.errors import CATALOGUE
from shared.pairing_errors import PAIRING_NUMBERS, PAIRING_TEXTS


@cache
def error_catalogue() -> ErrorCatalogue:
    """Every error with what to do, and what residents see of it."""
    return ErrorCatalogue(errors=[_entry(code) for code in CATALOGUE])


def _entry(code: str) -> CatalogueEntry:
    entry, number = CATALOGUE[code], PAIRING_NUMBERS.get(code)
    text = PAIRING_TEXTS[number] if number is not None else None
    return CatalogueEntry(
        code=code,
        status=entry.status or None,
        title=entry.title,
        action=entry.action,
        retryable=entry.retryable,
        pairing_error=number,
        resident=ResidentText(en=text.en, es=text.es) if text else None,
        support=text.support if text else None,
    )
