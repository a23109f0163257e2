"""What is derived about a device when it is read."""

from datetime import date

import pytest

from register_device.devices import months_later, warranty

CONNECTED = date(2025, 6, 1)
MADE = date(2025, 4, 17)


def test_warranty_counts_from_the_first_connection() -> None:
    """36 months, and the basis is named."""
    found = warranty(first_connected=CONNECTED, manufactured=MADE, today=date(2026, 1, 1))
    assert (found.status, found.basis, found.ends_on) == ("in_warranty", "first_connected", date(2028, 6, 1))


def test_an_invoice_counts_before_everything_else() -> None:
    """The monitor lay in a shop first, or was bought before it was fitted."""
    invoiced = date(2025, 5, 1)
    found = warranty(invoiced=invoiced, first_connected=CONNECTED, manufactured=MADE, today=date(2026, 1, 1))
    assert (found.basis, found.starts_on, found.ends_on) == ("invoice", invoiced, date(2028, 5, 1))


def test_warranty_falls_back_to_the_manufacture_date() -> None:
    """A device that never connected has only that."""
    found = warranty(first_connected=None, manufactured=MADE, today=date(2030, 1, 1))
    assert (found.status, found.basis) == ("expired", "manufactured")


def test_the_last_day_is_outside() -> None:
    """On the day it ends a warranty is over."""
    assert warranty(first_connected=CONNECTED, manufactured=None, today=date(2028, 5, 31)).status == "in_warranty"
    assert warranty(first_connected=CONNECTED, manufactured=None, today=date(2028, 6, 1)).status == "expired"


def test_warranty_without_any_date_is_unknown() -> None:
    """Nothing is made up."""
    assert warranty(first_connected=None, manufactured=None, today=date(2026, 1, 1)).status == "unknown"


@pytest.mark.parametrize(
    ("day", "months", "expected"),
    [
        (date(2026, 1, 31), 1, date(2026, 2, 28)),
        (date(2028, 1, 31), 1, date(2028, 2, 29)),
        (date(2024, 2, 29), 36, date(2027, 2, 28)),
        (date(2026, 12, 15), 1, date(2027, 1, 15)),
        (date(2026, 3, 31), 12, date(2027, 3, 31)),
    ],
)
def test_months_are_calendar_months(day: date, months: int, expected: date) -> None:
    """The same day, or the last one of a shorter month."""
    assert months_later(day, months) == expected
