"""The rule of the data map on what a copy holds."""

import pytest

from shared.data_map import CATEGORIES, CONTAINERS, Category, Record, Source
from shared.data_map.copies import fields, fields_left_out, left_out

RECORDS = [(name, record) for container in CONTAINERS.values() for name, record in container.records.items()]


@pytest.mark.parametrize(("name", "record"), RECORDS, ids=[f"{one.container}/{name}" for name, one in RECORDS])
def test_what_is_not_handed_out_has_a_reason_and_an_article(name: str, record: Record) -> None:
    """Of every record that the map declares, under either scope."""
    for scope in ("access", "portability"):
        missing = left_out(scope, record, name)
        assert (missing is not None) or record.export is not None
        if missing is not None:
            assert missing.why
            assert missing.article
    if record.export is not None:
        assert left_out("access", record, name) is None
        parts = fields_left_out("access", record, name)
        assert {one for part in parts for one in part.fields} | set(fields("access", record)) == set(record.fields)


def test_portability_is_given_or_observed_on_contract_or_consent() -> None:
    """Nothing that was made here, nothing that rests on legitimate interest alone."""
    portable = {(record.container, name) for name, record in RECORDS if left_out("portability", record, name) is None}
    assert ("people", "person") in portable
    assert ("people", "appInstallation") in portable
    assert ("telemetry", "performanceReadings") in portable
    for name, record in RECORDS:
        if (record.container, name) in portable:
            assert set(CATEGORIES[record.category].rests_on) & {"contract", "consent"}
        held = [record.fields[one] for one in fields("portability", record)]
        assert not {one.source for one in held if not one.is_context} & {Source.SERVICE, Source.STAFF, Source.OTHERS}
        assert not held or any(not one.is_context for one in held)  # what goes along needs something to go with


@pytest.mark.parametrize(("country", "is_portable"), [("DE", True), ("ES", False), (None, False)])
def test_the_country_says_what_use_rests_on(country: str | None, is_portable: bool) -> None:
    """Where it is collected with consent only, it is the person's to take elsewhere."""
    of_use = [(name, record) for name, record in RECORDS if record.category == Category.USAGE and record.export]
    assert of_use
    for name, record in of_use:
        assert (left_out("portability", record, name, country) is None) == is_portable
