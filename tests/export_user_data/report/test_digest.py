"""The digest: the same figures as the readings one by one, bounded however many there are, and kept through JSON."""

import json
import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from export_user_data.report.digest import MONITORS_LIMIT, Digest
from export_user_data.report.observed import SAMPLED
from export_user_data.report.records import ROWS_LIMIT, SHOWN
from export_user_data.report.series import SPAN_LIMIT, Grain, Series, span, start_of
from export_user_data.walk import Held
from shared import clock, data_map
from shared.readings import rows
from tests.export_user_data.report.sample import HALL, KITCHEN, NOW, ago, entry, held, household, readings_of

BEGIN = datetime(2026, 3, 1, 23, 30, tzinfo=UTC)


def digested(items: list[Held]) -> Digest:
    digest = Digest()
    for one in items:
        digest.add(one)
    return digest


def test_a_digest_goes_on_where_its_written_state_ended() -> None:
    """In the middle of the walk, through JSON, it becomes the digest that it would have been."""
    items = list(household())
    half = digested(items[: len(items) // 2])
    resumed = Digest.of(json.loads(json.dumps(half.state())))
    for one in items[len(items) // 2 :]:
        resumed.add(one)
    assert resumed.state() == digested(items).state()


def test_the_order_in_which_items_come_does_not_matter() -> None:
    """A page of the store's has no order that is promised."""
    items = [one for one in household() if "columns" in one.item]
    shuffled = random.Random(3).sample(items, len(items))  # noqa: S311 - any order
    one, other = digested(items), digested(shuffled)
    for topic, series in one.observed[KITCHEN].topics.items():
        there = other.observed[KITCHEN].topics[topic]
        assert (series.grain, series.starts(), series.first, series.last) == (
            there.grain,
            there.starts(),
            there.first,
            there.last,
        )
        for start, cells in series.buckets.items():
            for name, cell in cells.items():
                assert there.buckets[start][name] == pytest.approx(cell)


def test_the_figures_are_those_of_the_readings_one_by_one() -> None:
    """Calls by outcome, and of each sampled field how many, lowest, highest and sum."""
    items = [one for one in household() if "columns" in one.item and one.device_id == KITCHEN]
    observed = digested(items).observed[KITCHEN]
    one_by_one = [(kind, values) for one in items for kind, values in rows(one.item)]
    outcomes = Counter(values["outcome"] for kind, values in one_by_one if kind == "call")
    assert {name: observed.topics["calls"].total(name) for name in outcomes} == outcomes
    for field, topic in SAMPLED.items():
        values = [values[field] for _, values in one_by_one if field in values]
        cells = [cell for of_start in observed.topics[topic].buckets.values() for cell in of_start.values()]
        assert sum(cell[0] for cell in cells) == len(values)
        assert sum(cell[1] for cell in cells) == pytest.approx(sum(values))
        assert (min(cell[2] for cell in cells), max(cell[3] for cell in cells)) == (min(values), max(values))
    assert observed.topics["faults"].total("failures") == 4
    assert observed.topics["faults"].total("restarts") == 2


def test_a_message_over_midnight_counts_for_both_of_its_days_by_our_clock() -> None:
    """Each reading on the day that it was observed, with what the monitor's clock was off."""
    written = [clock.text(BEGIN + timedelta(minutes=step)) for step in (0, 16, 20)]
    columns: dict[str, Any] = {"call": {"observedAt": written, "outcome": ["missed", "missed", "answered"]}}
    one = readings_of(HALL, "usage", BEGIN, columns)
    late = {**one.item, "clockOffsetS": 15 * 60.0, "observedTo": clock.text(BEGIN + timedelta(minutes=35))}
    calls = digested([Held(one.record_name, one.record, late, HALL)]).observed[HALL].topics["calls"]
    assert calls.buckets == {"2026-03-01": {"missed": [1]}, "2026-03-02": {"missed": [1], "answered": [1]}}
    in_step = {**one.item, "observedTo": "2026-03-02T00:30:00.000Z"}
    calls = digested([Held(one.record_name, one.record, in_step, HALL)]).observed[HALL].topics["calls"]
    assert calls.buckets == {"2026-03-01": {"missed": [2], "answered": [1]}}


@pytest.mark.parametrize(("days", "grain"), [(60, "day"), (61, "week"), (414, "week"), (430, "month"), (4000, "year")])
def test_buckets_widen_with_the_span(days: int, grain: Grain) -> None:
    """A plot never has more than sixty of them, until they are years, and nothing is lost when they widen."""
    series = Series()
    for past in range(days):
        series.count((NOW - timedelta(days=past)).date().isoformat(), "calls", 1)
    assert series.grain == grain
    assert len(series.starts()) == len(series.buckets) <= SPAN_LIMIT
    assert series.total("calls") == days


@pytest.mark.parametrize(
    ("grain", "start"),
    [("day", "2026-11-22"), ("week", "2026-11-16"), ("month", "2026-11-01"), ("year", "2026-01-01")],
)
def test_a_bucket_begins_as_calendars_do(grain: Grain, start: str) -> None:
    """Weeks on Monday; and from a bucket to itself it is one."""
    assert start_of("2026-11-22", grain) == start
    assert span(start, start, grain) == 1


def test_the_state_stays_small_however_much_there_is() -> None:
    """Ten years of readings, a thousand entries and many monitors are some kilobytes more than a month of one."""
    items = [
        readings_of(f"{number:032x}", "usage", at, {"call": {"observedAt": [clock.text(at)], "outcome": ["missed"]}})
        for number in range(MONITORS_LIMIT + 5)
        for at in (NOW - timedelta(days=30 * step) for step in range(120))
    ]
    items += [entry("device_looked_up", "staff:support", number / 9, purpose="complaint") for number in range(1000)]
    digest = digested(items)
    assert len(json.dumps(digest.state())) < 100_000
    assert digest.readings["usage"] == (MONITORS_LIMIT + 5) * 120
    kept = digest.kept["ledgerEntry"]
    newest = kept.newest(SHOWN["ledgerEntry"])
    assert (kept.total, len(newest), newest[0]["at"]) == (1000, ROWS_LIMIT, ago(days=0))


def test_only_what_others_did_is_kept_of_the_ledger() -> None:
    """What the person did themself is no answer to who saw it."""
    digest = digested(
        [
            entry("export_requested", "person", 1, exportId="0", scope="access"),
            entry("support_data_viewed", "staff:support", 2, purpose="repair"),
            entry("recipients_told", "service", 3, event="rectification", recipients=1),
        ]
    )
    assert [row["action"] for row in digest.kept["ledgerEntry"].rows] == ["support_data_viewed", "recipients_told"]


@pytest.mark.parametrize("name", SHOWN)
def test_only_declared_fields_that_an_export_shows_are_kept(name: str) -> None:
    """A column of the page that the data map lacks or hides would show nothing, or too much."""
    [record] = [place.records[name] for place in data_map.CONTAINERS.values() if name in place.records]
    for column in SHOWN[name].columns:
        assert record.fields[column.name.partition(".")[0]].exported
    assert SHOWN[name].dated_by


def test_a_long_text_is_kept_short() -> None:
    """Whoever wrote it: a page is no place for it, and the files have it whole."""
    digest = digested([held("devices", "device", HALL, deviceId=HALL, model="x" * 5000)])
    assert len(digest.kept["device"].rows[0]["model"]) < 200
