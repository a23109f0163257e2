import pytest

from local.clock import SettableClock


def test_a_clock_goes_on_from_where_it_was_put() -> None:
    """Forward adds up; reset goes with the source again."""
    now = 1_000
    clock = SettableClock(lambda: now)
    clock.forward(60)
    clock.forward(0.5)
    now = 2_000
    assert clock() == 62_500
    assert clock.ahead_seconds == 60.5
    clock.reset()
    assert clock() == 2_000


def test_who_watches_a_clock_sees_it_moved() -> None:
    """With the new time, so that what expires by it can go at once."""
    clock, seen = SettableClock(lambda: 0), list[int]()
    clock.watch(lambda: seen.append(clock()))
    clock.forward(1)
    clock.reset()
    assert seen == [1_000, 0]


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf")])
def test_a_clock_is_not_put_back_and_not_beyond_reason(seconds: float) -> None:
    """What is stored has its times already."""
    clock = SettableClock(lambda: 0)
    with pytest.raises(ValueError, match="put forward"):
        clock.forward(seconds)
    assert clock() == 0
