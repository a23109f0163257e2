"""Bodies and their times."""

from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError

from shared.contract import Body, DeviceMoment, Moment, View


class Sent(Body):
    """What a device says."""

    at: DeviceMoment | None = None


class Told(View):
    """What we say."""

    at: Moment


MOMENT = datetime(2025, 4, 17, 9, 20, 47, 367000, tzinfo=UTC)


@pytest.mark.parametrize("written", ['"2025-04-17T09:20:47.367Z"', '"2025-04-17T11:20:47.367+02:00"', "1744881647367"])
def test_the_three_ways_of_writing_a_time_are_one_time(written: str) -> None:
    """Devices and apps write epoch milliseconds, ISO with an offset and ISO with Z."""
    assert Sent.model_validate_json(f'{{"at":{written}}}').at == MOMENT


@pytest.mark.parametrize(
    "written",
    [
        '"yesterday"',
        '"2025-04-17T09:20:47"',
        '"0001-01-01T00:00:00+14:00"',
        '"1744881647367"',
        '"600000"',
        "true",
        "false",
        "-1",
        "1e300",
        "1e13",
        "NaN",
        "Infinity",
        "1" + "0" * 400,
        "[]",
    ],
)
def test_what_is_no_time_with_an_offset_is_refused(written: str) -> None:
    """A time without an offset could be any of many."""
    with pytest.raises(ValidationError):
        Sent.model_validate_json(f'{{"at":{written}}}')


@pytest.mark.parametrize(("written", "seconds"), [("0", 0), ("600000", 600), ("600000.5", 600.0005), ("2e10", 2e7)])
def test_a_number_is_milliseconds_however_small(written: str, seconds: float) -> None:
    """A monitor that has just lost its clock thinks that it is 1970."""
    at = Sent.model_validate_json(f'{{"at":{written}}}').at
    assert at == datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)


def test_both_ways_of_writing_a_time_are_described() -> None:
    """Whoever reads the API description learns of the numbers."""
    ways = Sent.model_json_schema()["properties"]["at"]["anyOf"]
    assert [way["type"] for way in ways] == ["string", "number", "null"]


def test_null_is_absent() -> None:
    """Real devices send null for what they do not know."""
    assert Sent.model_validate_json('{"at":null}').at is None


def test_times_are_told_in_one_form() -> None:
    """UTC, milliseconds, Z."""
    assert Told(at=MOMENT).model_dump_json() == '{"at":"2025-04-17T09:20:47.367Z"}'
