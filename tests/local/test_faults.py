from typing import Any

import pytest

from local.faults import Fault


def test_a_fault_strikes_as_often_as_asked_for() -> None:
    """It counts what it did, and goes on counting when it is armed again."""
    fault = Fault()
    assert not fault.strikes()
    fault.arm(times=2)
    assert [fault.strikes() for _ in range(3)] == [True, True, False]
    fault.arm()
    assert all(fault.strikes() for _ in range(5))
    assert fault.struck == 7


def test_a_fault_ends_when_its_time_is_over() -> None:
    """Also when it would have struck more often."""
    now = 0.0
    fault = Fault(lambda: now)
    fault.arm(times=9, for_seconds=2)
    now = 1.9
    assert fault.strikes()
    now = 2.0
    assert not fault.strikes()
    now = 1.0
    assert not fault.strikes()
    assert fault.struck == 1


def test_a_fault_can_have_a_place() -> None:
    """Elsewhere nothing goes wrong, and nothing is used up."""
    fault = Fault()
    fault.arm(times=1, place="here")
    assert not fault.strikes("there")
    assert not fault.strikes()
    assert fault.strikes("here")


def test_a_reset_fault_is_as_new() -> None:
    """Disarmed and uncounted."""
    fault = Fault()
    fault.arm()
    fault.strikes()
    fault.reset()
    assert not fault.strikes()
    assert fault.struck == 0


@pytest.mark.parametrize("limits", [{"times": 0}, {"for_seconds": 0}, {"for_seconds": float("nan")}])
def test_a_limit_that_allows_nothing_is_refused(limits: dict[str, Any]) -> None:
    """It would look like a fault that does not work."""
    with pytest.raises(ValueError, match="greater than 0"):
        Fault().arm(**limits)
