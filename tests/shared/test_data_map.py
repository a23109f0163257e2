"""The data map refuses what it does not declare, and is complete in itself."""

import json

import pytest

from shared import data_map, resources
from shared.data_map import CATEGORIES, CONTAINERS, READINGS, Category


def test_a_declared_item_passes() -> None:
    """What the map declares can be stored."""
    data_map.checked("identities", {"id": "a", "type": "identity", "key": "a", "personId": "p", "createdAt": "t"})


def test_an_undeclared_field_is_refused_by_name() -> None:
    """A new field must be declared before it can be stored."""
    with pytest.raises(data_map.Undeclared, match="nickname"):
        data_map.checked("identities", {"id": "a", "type": "identity", "key": "a", "nickname": "x"})


def test_an_undeclared_record_is_refused_by_name() -> None:
    """A new kind of item must be declared before it can be stored."""
    with pytest.raises(data_map.Undeclared, match="diary"):
        data_map.checked("people", {"id": "a", "type": "diary", "personId": "p"})


@pytest.mark.parametrize("name", CONTAINERS)
def test_every_container_is_partitioned_by_a_declared_field(name: str) -> None:
    """A record that lacks its container's partition key could not be found again."""
    container = CONTAINERS[name]
    for record in container.records.values():
        assert container.partition_key in record.fields


@pytest.mark.parametrize("name", CONTAINERS)
def test_every_record_names_its_own_container(name: str) -> None:
    """A record that names another container would be checked against the wrong one."""
    assert {record.container for record in CONTAINERS[name].records.values()} == {name}


def test_what_is_not_exported_says_why() -> None:
    """The manifest of an export lists what is left out with its reason."""
    silent = [
        name
        for container in CONTAINERS.values()
        for name, record in container.records.items()
        if record.export is None and not record.export_note
    ]
    assert silent == []


def test_what_expires_says_when() -> None:
    """A record that is kept for a time stores when it is destroyed."""
    silent = [
        name
        for container in CONTAINERS.values()
        for name, record in container.records.items()
        if record.retention is not None and "expiresAt" not in record.fields
    ]
    assert silent == []


def test_every_category_has_its_rule() -> None:
    """Purpose and legal basis are known for every category."""
    assert set(CATEGORIES) == set(Category)


def test_what_differs_from_its_category_says_why() -> None:
    """Whether a record is blocked or destroyed in the end is its category's rule, unless there is a reason."""
    records = [record for container in CONTAINERS.values() for record in container.records.values()]
    assert [record for record in records if (record.on_expiry is None) != (record.expiry_note == "")] == []


def test_what_is_blocked_says_why_and_how_long() -> None:
    """Residents are told both."""
    blocked = [rule for rule in CATEGORIES.values() if rule.on_expiry == "block"]
    assert blocked
    assert [rule for rule in blocked if rule.blocked_for is None or not rule.blocked_why] == []


def test_no_reading_field_has_two_meanings() -> None:
    """A column of an exported table has one unit, whichever kind of reading it comes from."""
    units: dict[str, set[str | None]] = {}
    for kind in READINGS.values():
        for name, field in kind.fields.items():
            units.setdefault(name, set()).add(field.unit)
    assert {name for name, seen in units.items() if len(seen) > 1} == set()


def test_the_resource_file_is_in_step() -> None:
    """`python -m shared.resources` was run after the last change of the map."""
    assert resources.RESOURCES.read_text(encoding="utf-8") == resources.written()


def test_nothing_is_indexed_but_what_queries_need() -> None:
    """Indexing is most of the price of a write."""
    for definition in json.loads(resources.written())["cosmosContainers"]:
        assert {"path": "/*"} in definition["indexingPolicy"]["excludedPaths"]
