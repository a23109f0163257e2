"""The JSON Schemas: valid, with units, and what is really stored and exported is as they say."""

import json
from datetime import datetime
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker, ValidationError

from export_user_data.documents import schemas
from export_user_data.documents.schemas import ADDRESS, all_schemas, listing, of_readings, of_record, schema
from export_user_data.walk import held_about, readings, shown
from shared.cosmos import Database
from shared.data_map import CONTAINERS, READINGS
from shared.data_map.vocabulary import TELEMETRY_CATEGORIES
from shared.errors import Problem
from shared.keys import KeySet
from tests.conftest import SettableClock
from tests.export_user_data.owned import Home
from tests.observed import misdescribed
from tests.people import House

FORMATS = FormatChecker(formats=[])


def is_moment(value: object) -> bool:
    return not isinstance(value, str) or datetime.fromisoformat(value).tzinfo is not None


FORMATS.checks("date-time", raises=ValueError)(is_moment)


def valid(item: Any, name: str) -> None:
    Draft202012Validator(schema(name), format_checker=FORMATS).validate(item)


@pytest.mark.parametrize("name", all_schemas())
def test_every_schema_is_one(name: str) -> None:
    """Of the 2020-12 dialect, with an id, in JSON."""
    Draft202012Validator.check_schema(schema(name))
    assert schema(name)["$schema"] == schemas.DIALECT
    assert json.loads(json.dumps(schema(name))) == schema(name)


def test_every_exported_record_and_field_has_its_schema() -> None:
    """And nothing that is not handed out."""
    for container, definition in CONTAINERS.items():
        for name, record in definition.records.items():
            described = all_schemas().get(of_record(container, name))
            assert (described is None) == (record.export is None)
            if described is not None:
                exported = {field for field, declared in record.fields.items() if declared.exported}
                assert described["properties"].keys() == exported


def test_every_unit_of_a_reading_is_in_its_schema() -> None:
    """Under the name `unit`, with the limits."""
    for kind in READINGS.values():
        properties = schema(of_readings(kind.category.value))["properties"]
        for name, field in kind.fields.items():
            told = (properties[name].get("unit"), properties[name].get("minimum"), properties[name].get("maximum"))
            assert told == (field.unit, field.minimum, field.maximum)


def test_a_reading_in_the_stream_has_the_units_of_its_kind() -> None:
    """And its limits: a value that no monitor could send is none."""
    written = json.dumps(schema(schemas.STREAM_LINE))
    assert all(f'"unit": "{unit}"' in written for unit in ("dBm", "Mbit/s", "%"))
    moment = "2026-11-22T10:00:00.000Z"
    line = {"line": "reading", "kind": "call", "observedAt": moment, "receivedAt": moment, "messageId": "1"}
    line |= {"timeQuality": "device"}
    valid(line | {"values": {"outcome": "missed", "durationS": 4}}, schemas.STREAM_LINE)
    with pytest.raises(ValidationError):
        valid(line | {"values": {"outcome": "missed", "durationS": -4}}, schemas.STREAM_LINE)


def test_every_schema_is_listed_with_its_address() -> None:
    """So that nobody has to guess names."""
    assert {one["address"] for one in listing()["schemas"]} == {f"{ADDRESS}/{name}" for name in all_schemas()}


def test_there_is_no_schema_of_what_is_not_handed_out() -> None:
    """Or of nothing."""
    for name in ("telemetry-marker", "nothing"):
        with pytest.raises(Problem) as refused:
            schema(name)
        assert refused.value.code == "record_schema_unknown"


def test_the_types_are_of_fields_that_there_are() -> None:
    """A field that was renamed would leave its type behind."""
    fields = {
        name for container in CONTAINERS.values() for record in container.records.values() for name in record.fields
    }
    assert sorted((schemas._TYPE_OF.keys() | schemas._OF_ANY_FORM) - fields) == []


def test_the_whole_run_finds_what_is_stored_in_another_form() -> None:
    """By the name of its field, without its value."""
    assert misdescribed("people", {"type": "ward", "personId": "maria", "id": "ward"}) == set()
    [found] = misdescribed("people", {"type": "ward", "personId": "maria", "acceptedAt": 1_790_000_000})
    assert "field 'acceptedAt' breaks the rule 'type'" in found
    assert "1790000000" not in found


@pytest.mark.parametrize("category", TELEMETRY_CATEGORIES)
def test_a_reading_that_lacks_what_it_must_have_is_none(category: str) -> None:
    """The schema tells good from bad."""
    kind = next(
        name
        for name, declared in READINGS.items()
        if declared.category == category and any(field.required for field in declared.fields.values())
    )
    with pytest.raises(ValidationError, match="required"):
        valid({"kind": kind, "observedAt": "2026-11-22T10:00:00.000Z"}, of_readings(category))


@pytest.mark.wire
async def test_what_is_stored_of_somebody_is_as_the_schemas_say(
    database: Database, device_keys: KeySet, clock: SettableClock
) -> None:
    """Every item and every reading of an export."""
    home = await Home.paired(House(database, device_keys, clock))
    await home.messages(2)
    seen = set()
    async for held in held_about("maria", database=database):
        if "columns" in held.item:
            for row in readings(held.item):
                valid(row, of_readings(held.item["category"]))
        name = of_record(held.record.container, held.record_name)
        valid(shown(held), name)
        seen.add(name)
    assert {"people-link", "devices-device", "telemetry-usageReadings", "ledger-ledgerEntry"} <= seen
