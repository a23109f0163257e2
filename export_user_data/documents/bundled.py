"""The documents that go with a copy of somebody's data: the same for everybody who has these models."""

import json
from collections.abc import Collection
from functools import lru_cache

from export_user_data.documents import pages, schemas
from export_user_data.documents.serving import complete
from shared.consent_texts import present
from shared.controller import Installation
from shared.data_map.choices import PURPOSES
from shared.data_map.products import product_of
from shared.templates import Language


def documents_for(models: Collection[str], language: Language, about: Installation) -> dict[str, bytes]:
    """By name: the notice, the data sheets of these models, the texts of consents, and the schemas."""
    return dict(_documents(frozenset(map(product_of, models)), language, about))


@lru_cache(maxsize=32)
def _documents(products: frozenset[str], language: Language, about: Installation) -> dict[str, bytes]:
    written = {f"notice.{language.value}.html": pages.page(complete("notice", language, about), linked=False)}
    for product in sorted(products):
        sheet = complete("data-sheet", language, about, product=product)
        written[f"data-sheet.{product}.{language.value}.html"] = pages.page(sheet, linked=False)
    for purpose in PURPOSES:
        text = present(purpose, language)
        written[f"consents/{purpose}.{text.version}.{language.value}.txt"] = text.written
    for name, schema in schemas.all_schemas().items():
        written[f"schemas/{name}.schema.json"] = json.dumps(schema, ensure_ascii=False, indent=2) + "\n"
    return {name: content.encode() for name, content in written.items()}
