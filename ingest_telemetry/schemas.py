"""The published JSON Schemas of the telemetry envelope, one per version, made from the models that check it."""

from functools import cache
from typing import Any, Final

from ingest_telemetry.contract import READINGS_LIMIT, SCHEMA_VERSION, Envelope, reading_model
from shared.data_map import READINGS
from shared.errors import Problem

VERSIONS: Final = (SCHEMA_VERSION,)
_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


def schema_of(version: str) -> dict[str, Any]:
    """The schema of one version.

    Raises:
        Problem: schema_unknown.
    """
    if version not in {str(known) for known in VERSIONS}:
        raise Problem("schema_unknown")
    return _schema()


@cache
def _schema() -> dict[str, Any]:
    envelope = Envelope.model_json_schema(mode="validation")
    readings: list[dict[str, Any]] = []
    definitions: dict[str, Any] = envelope.pop("$defs", {})
    for name, kind in READINGS.items():
        model = reading_model(name)
        if model is None:
            raise LookupError(name)
        described = model.model_json_schema(mode="validation", ref_template="#/$defs/{model}")
        definitions |= described.pop("$defs", {})
        definitions[name] = described | {"x-category": kind.category.value}
        readings.append({"$ref": f"#/$defs/{name}"})
    envelope["properties"]["readings"] = {
        "type": "array",
        "minItems": 1,
        "maxItems": READINGS_LIMIT,
        "items": {"oneOf": readings},
    }
    envelope["properties"]["schemaVersion"] = {"const": SCHEMA_VERSION}
    return {
        "$schema": _DIALECT,
        "$id": f"urn:blue:schema:telemetry:{SCHEMA_VERSION}",
        "description": (
            "A message of a monitor. Readings and fields that the schema does not name are dropped and counted; each "
            "reading gets a receipt of its own, so one that does not match does not sink the others."
        ),
        **{name: value for name, value in envelope.items() if name != "description"},
        "$defs": definitions,
    }
