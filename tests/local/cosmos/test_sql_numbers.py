"""Numbers of the local Cosmos DB are doubles, as in the service."""

import math

import pytest

from local.cosmos.sql.evaluation import _BINARY


@pytest.mark.parametrize(
    ("left", "right"), [(99999999999999999, 7), (100000000000000000, 7), (5.5, 0.1), (-7, 3), (7, -3), (7.5, 2)]
)
def test_a_remainder_is_that_of_doubles(left: float, right: float) -> None:
    """It takes the sign of the dividend and loses nothing to an intermediate division."""
    computed = _BINARY["%"](left, right)
    assert computed == math.fmod(float(left), float(right))


def test_sums_beyond_exact_integers_are_rounded() -> None:
    """2^53 + 1 has no double of its own."""
    assert _BINARY["+"](9007199254740992, 1) == 9007199254740992
