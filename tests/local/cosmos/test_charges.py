"""The request unit model keeps to the figures that it is calibrated on."""

import pytest

from local.cosmos import charges


@pytest.mark.parametrize(("kilobytes", "units"), [(0.1, 1), (1, 1), (4, 1.3), (64, 10), (2.5, 1.15), (100, 15.22)])
def test_point_reads_follow_the_published_table(kilobytes: float, units: float) -> None:
    """1 KB 1, 4 KB 1.3, 64 KB 10; in between and beyond on straight lines."""
    assert charges.point_read(int(kilobytes * 1024)) == pytest.approx(units, abs=0.01)


@pytest.mark.parametrize(("kilobytes", "units"), [(1, 5), (4, 7), (64, 48), (34, 27.5)])
def test_the_size_of_a_write_follows_the_published_table(kilobytes: float, units: float) -> None:
    """1 KB 5, 4 KB 7, 64 KB 48, before indexing."""
    assert charges.WRITE_BY_KB(kilobytes) == pytest.approx(units)


@pytest.mark.parametrize(("terms", "units"), [(0, 6), (3, 8), (28, 19)])
def test_indexing_is_calibrated_on_an_item_of_one_kilobyte(terms: int, units: float) -> None:
    """6, 8 and 19 RU with no, three and all of 28 properties indexed; a replace is twice that."""
    assert charges.insert(1024, terms) == units
    assert charges.replace(1024, terms) == 2 * units


def test_a_scan_costs_by_what_it_reads() -> None:
    """2.5 to begin with, and one for each 4 KB."""
    assert charges.scan(0) == 2.5
    assert charges.scan(40 * 1024) == 12.5


def test_charges_are_sums_of_hundredths() -> None:
    """A batch's sum is exactly that of the charges it shows."""
    assert charges.insert(1234, 7) == round(charges.insert(1234, 7), 2)
