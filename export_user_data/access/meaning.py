"""The data map in the language of the person: what a kind of item is, where it comes from, what its fields mean."""

from collections.abc import Iterable

from export_user_data.access.contract import FieldMeaning, Meaning
from export_user_data.walk import Held
from shared.data_map import READINGS, Record
from shared.templates import Language
from shared.wording import said


def named(container: str, record: str) -> str:
    """How items of a record are named; several containers have one of the same name."""
    return f"{container}/{record}"


def sources(records: Iterable[Record], language: Language) -> list[str]:
    """Where the values of these records come from."""
    found = dict.fromkeys(field.source for record in records for field in record.fields.values() if field.exported)
    return [said(source.value, language) for source in found]


def meanings(held: Iterable[Held], language: Language) -> dict[str, Meaning]:
    """What these items are, once for each kind."""
    records = {named(one.record.container, one.record_name): one.record for one in held}
    return {name: _meaning(record, language) for name, record in records.items()}


def reading_meanings(held: Iterable[Held], language: Language) -> dict[str, Meaning]:
    """What the readings in these items are, once for each kind."""
    kinds = dict.fromkeys(kind for one in held for kind in one.item.get("columns", ()))
    return {kind: _kind(kind, language) for kind in kinds if kind in READINGS}


def _meaning(record: Record, language: Language) -> Meaning:
    return Meaning(
        about=said(record.about, language),
        fields={
            name: FieldMeaning(
                about=said(field.about, language), source=said(field.source.value, language), unit=field.unit
            )
            for name, field in record.fields.items()
            if field.exported
        },
    )


def _kind(kind: str, language: Language) -> Meaning:
    declared = READINGS[kind]
    return Meaning(
        about=said(declared.about, language),
        fields={
            name: FieldMeaning(about=said(field.about, language), unit=field.unit)
            for name, field in declared.fields.items()
        },
    )
