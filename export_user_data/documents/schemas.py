"""JSON Schemas of what bundles and streams hold, with units, from the data map: of each record, and of readings."""

from functools import cache
from typing import Any, Final

from pydantic import TypeAdapter

from export_user_data.contract import StreamLine
from export_user_data.walk import READING_HEAD, READING_TAIL, reading_columns
from shared.data_map import CONTAINERS, READINGS, Category, Field, ReadingField, Record
from shared.data_map.vocabulary import TELEMETRY_CATEGORIES
from shared.errors import Problem

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
STREAM_LINE: Final = "stream-line"
ADDRESS: Final = "/api/schemas/records"

_TYPES: Final[dict[str, tuple[str, ...]]] = {
    "boolean": ("active", "apnsSandbox", "given", "isUnder14", "repeats", "tombstone", "truncated", "untold"),
    "integer": (
        "asks",
        "attempts",
        "count",
        "epoch",
        "follows",
        "number",
        "schemaVersion",
        "seq",
        "sizeBytes",
        "warned",
    ),
    "number": ("clockOffsetS",),
    "array": ("categories", "consented"),
    "object": (
        *("columns", "decision", "details", "erasedThrough", "extension", "identityQuestion", "parameters", "takenOut"),
        *("technical", "windows"),
    ),
}
"""Of the fields that are no text; what has another form from record to record is said to have none."""

_OF_ANY_FORM: Final = frozenset({"about", "days", "objected", "product", "properties", "storeOnly", "value"})

_TYPE_OF: Final = {name: kind for kind, names in _TYPES.items() for name in names}
_JSON_TYPES: Final = {"number": "number", "integer": "integer", "text": "string", "choice": "string", "flag": "boolean"}


def listing() -> dict[str, Any]:
    """Every schema with its address."""
    return {
        "document": "schemas",
        "schemas": [
            {"name": name, "address": f"{ADDRESS}/{name}", "about": schema["description"]}
            for name, schema in all_schemas().items()
        ],
    }


def schema(name: str) -> dict[str, Any]:
    """One schema by its name.

    Raises:
        Problem: record_schema_unknown.
    """
    if name not in all_schemas():
        raise Problem("record_schema_unknown")
    return all_schemas()[name]


def of_record(container: str, record: str) -> str:
    """The name of the schema of a record."""
    return f"{container}-{record}"


def of_readings(category: str) -> str:
    """The name of the schema of a row of readings of a category."""
    return f"readings-{category}"


@cache
def all_schemas() -> dict[str, dict[str, Any]]:
    """Every schema by its name."""
    found = {
        of_record(container, name): _record(of_record(container, name), record)
        for container, definition in CONTAINERS.items()
        for name, record in definition.records.items()
        if record.export is not None
    }
    found |= {of_readings(category.value): _readings(category) for category in TELEMETRY_CATEGORIES}
    found[STREAM_LINE] = _stream_line()
    return found


def _head(name: str, about: str) -> dict[str, Any]:
    return {"$schema": DIALECT, "$id": f"urn:blue:schema:{name}", "title": name, "description": about}


def _record(name: str, record: Record) -> dict[str, Any]:
    return _head(name, record.about) | {
        "type": "object",
        "x-category": record.category.value,
        "properties": {
            field_name: _field(field_name, field) for field_name, field in record.fields.items() if field.exported
        },
        "additionalProperties": False,
    }


def _stream_line() -> dict[str, Any]:
    """The models of the stream, and of each kind of reading its values with their units."""
    described: dict[str, Any] = TypeAdapter(StreamLine).json_schema(mode="serialization")
    described["$defs"]["StreamReading"]["allOf"] = [
        {
            "if": {"properties": {"kind": {"const": kind}}},
            "then": {
                "properties": {
                    "values": {"properties": {name: _value(field) for name, field in declared.fields.items()}}
                }
            },
        }
        for kind, declared in READINGS.items()
    ]
    return described | _head(STREAM_LINE, "One line of the stream of a device's readings.")


def _field(name: str, field: Field) -> dict[str, Any]:
    described: dict[str, Any] = {"description": field.about, "x-source": field.source.value}
    if field.unit is not None:
        described["unit"] = field.unit
    if name not in _OF_ANY_FORM:
        described["type"] = _TYPE_OF.get(name, "string")
    if field.unit == "UTC" and described.get("type") == "string":
        described["format"] = "date-time"
    return described


def _readings(category: Category) -> dict[str, Any]:
    """A row of readings: in the CSV file every column, in JSON Lines those that the reading has."""
    name = of_readings(category.value)
    kinds = [kind for kind, declared in READINGS.items() if declared.category is category]
    values = {field: value for kind in kinds for field, value in READINGS[kind].fields.items()}
    held = CONTAINERS["telemetry"].records[f"{category.value}Readings"].fields
    ends: dict[str, Any] = {field: _field(field, held[field]) for field in READING_TAIL}
    kind, observed = READING_HEAD
    properties = {
        kind: {"type": "string", "enum": kinds, "description": "Kind of the reading."},
        observed: {"type": "string", "description": "By the monitor's clock.", "unit": "UTC", "format": "date-time"},
        **{field: _value(value) for field, value in values.items()},
        **ends,
    }
    return _head(name, f"One reading of the category '{category.value}'.") | {
        "type": "object",
        "x-category": category.value,
        "x-columns": reading_columns(category.value),
        "required": [kind, observed],
        "properties": properties,
        "additionalProperties": False,
        "allOf": [
            {
                "if": {"properties": {kind: {"const": one}}},
                "then": {"required": [field for field, value in READINGS[one].fields.items() if value.required]},
            }
            for one in kinds
        ],
    }


def _value(field: ReadingField) -> dict[str, Any]:
    described: dict[str, Any] = {"type": _JSON_TYPES[field.type], "description": field.about}
    if field.unit is not None:
        described["unit"] = field.unit
    if field.minimum is not None:
        described["minimum"] = field.minimum
    if field.maximum is not None:
        described["maximum"] = field.maximum
    return described
