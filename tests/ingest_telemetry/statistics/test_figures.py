"""Formulas and cohorts, without a database: nothing is told of fewer monitors than a cohort, and nothing is lost."""

from collections import Counter
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest_telemetry.messages import LONGEST_WAIT
from ingest_telemetry.statistics.figures import (
    DEVICES,
    FORMULAS,
    OTHER,
    Cells,
    bounded,
    cell_of,
    count,
    formulas,
    merged,
    read,
    views,
    written,
)
from shared.data_map import HUBS, READINGS
from shared.statistics import COMPUTED_AFTER, due_age, is_closing

NAMES = st.sampled_from(["A", "B", "C", OTHER])
CELLS = st.dictionaries(
    st.tuples(NAMES, NAMES, NAMES),
    st.builds(
        lambda devices, calls: Counter({DEVICES: devices, "call.missed": calls}), st.integers(1, 30), st.integers(0, 99)
    ),
    max_size=30,
)


def total(cells: Cells) -> Counter[str]:
    return sum(cells.values(), Counter())


@given(cells=CELLS, cohort=st.integers(1, 40))
def test_no_stored_cell_is_smaller_than_the_cohort(cells: Cells, cohort: int) -> None:
    """And what is stored and what is left over add up to all."""
    kept, rest = merged(cells, cohort)
    assert all(counts[DEVICES] >= cohort for counts in kept.values())
    assert rest[DEVICES] < cohort
    assert total(kept) + rest == total(cells)


@given(cells=CELLS, cohort=st.integers(1, 40))
def test_what_is_large_enough_is_not_made_coarser(cells: Cells, cohort: int) -> None:
    """Each cell keeps what it can: it holds at least what it held, and is merged no further than its own size asks."""
    kept, _ = merged(cells, cohort)
    for cell, counts in cells.items():
        if counts[DEVICES] >= cohort:
            assert kept[cell][DEVICES] >= counts[DEVICES]


def test_a_small_cell_loses_region_then_firmware_then_model() -> None:
    """And what is still too few is not stored."""
    kept, rest = merged(
        {
            ("V", "1", "ES"): Counter({DEVICES: 6}),
            ("V", "1", "FR"): Counter({DEVICES: 5}),
            ("V", "1", "PT"): Counter({DEVICES: 10}),
            ("V", "2", "ES"): Counter({DEVICES: 9}),
            ("V", "3", "ES"): Counter({DEVICES: 1}),
            ("W", "1", "ES"): Counter({DEVICES: 4}),
            ("X", "1", "ES"): Counter({DEVICES: 5}),
        },
        10,
    )
    assert {cell: counts[DEVICES] for cell, counts in kept.items()} == {
        ("V", "1", "other"): 11,
        ("V", "1", "PT"): 10,
        ("V", "other", "other"): 10,
    }
    assert rest[DEVICES] == 9


@given(cells=CELLS)
def test_cells_that_are_too_many_for_an_item_are_merged(cells: Cells) -> None:
    """As far as it takes; nothing is left out."""
    smaller = bounded(cells, bytes_limit=200)
    assert total(smaller) == total(cells)
    assert len(str(written(smaller))) <= max(300, len(str(written(cells))) // 2) or len(smaller) <= 4
    assert bounded(cells) == cells


@given(cells=CELLS)
def test_what_is_stored_is_read_again(cells: Cells) -> None:
    """In a stable order."""
    assert read(written(cells)) == cells
    assert written(cells) == written(dict(reversed(cells.items())))


def test_each_figure_has_its_formula() -> None:
    """The answer has exactly the figures of the table."""
    counts = count(
        [
            ("call", {"outcome": "answered", "durationS": 10.0004}),
            ("call", {"outcome": "answered", "durationS": 5}),
            ("call", {"outcome": "missed"}),
            ("call", {"outcome": "auto_on", "durationS": 0}),
            ("door_opening", {"accessType": "ZERO"}),
            ("door_opening", {}),
            ("feature_use", {"feature": "f1"}),
            ("feature_use", {"feature": "f1", "count": 3}),
            ("anything_new", {}),
        ]
    )
    counts[DEVICES] = 1
    [cell] = views(written({cell_of({"model": "V"}): counts}))
    assert cell.model_dump(by_alias=True) == {
        "model": "V",
        "firmwareVersion": "unknown",
        "region": "unknown",
        "devices": 1,
        "calls": {"answered": 2, "auto_on": 1, "missed": 1},
        "answeredShare": 2 / 3,
        "meanDurationS": 5.0,
        "doorOpenings": {"ZERO": 1, "unspecified": 1},
        "featureUses": {"f1": 4},
    }
    assert [formula.figure for formula in formulas()] == [formula.figure for formula in FORMULAS]
    assert {formula.figure for formula in formulas()} == set(cell.model_dump(by_alias=True)) - {
        "model",
        "firmwareVersion",
        "region",
    }


def test_a_share_of_nothing_is_no_share() -> None:
    """Nor is there a mean of no calls."""
    [cell] = views(written({cell_of({}): Counter({DEVICES: 1})}))
    assert (cell.answered_share, cell.mean_duration_s, cell.calls, cell.door_openings) == (None, None, {}, {})


def test_the_formulas_speak_of_declared_readings() -> None:
    """A renamed field would be counted as absent."""
    assert {"answered", "missed", "auto_on"} == set(READINGS["call"].fields["outcome"].choices)
    assert {"durationS"} <= READINGS["call"].fields.keys()
    assert {"accessType"} <= READINGS["door_opening"].fields.keys()
    assert {"feature", "count"} <= READINGS["feature_use"].fields.keys()
    assert {kind for kind, of in READINGS.items() if of.category == "usage"} == {"call", "door_opening", "feature_use"}


@pytest.mark.parametrize(("age", "due"), [(0, 0), (1, 1), (2, 2), (3, 2), (6, 2), (7, 7), (34, 7), (35, 35), (400, 35)])
def test_a_day_is_computed_a_stated_number_of_times(age: int, due: int) -> None:
    """After one, two and seven days, and for good after thirty-five."""
    day = date(2026, 2, 28)
    assert due_age(day, day + timedelta(days=age)) == due
    assert is_closing(due) == (due == 35)


def test_a_day_is_closed_when_nothing_of_it_can_arrive_any_more() -> None:
    """Neither from a monitor that has waited, nor from the hub."""
    waits = LONGEST_WAIT + HUBS["telemetry"].lapse + timedelta(days=1)
    assert timedelta(days=COMPUTED_AFTER[-1]) >= waits
