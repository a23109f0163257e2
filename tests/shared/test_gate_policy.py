"""What a policy admits: the rules alone."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared import clock
from shared.policy import WINDOWS_KEPT, Policy, Window

START = datetime(2026, 3, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


def policy(**changes: Any) -> Policy:
    return replace(Policy(epoch=1, start=START, windows={"usage": (Window(START),)}), **changes)


def test_a_reading_in_an_open_window_is_admitted() -> None:
    """Inside the ownership and a window of its category nothing refuses."""
    assert policy().refusal("usage", START + HOUR, START + HOUR) is None


def test_a_reading_from_before_the_ownership_is_refused() -> None:
    """A monitor that was somebody else's must not bring their readings along."""
    assert policy().refusal("usage", START - HOUR, START + HOUR) == "outside_ownership"


def test_a_category_without_a_window_is_refused() -> None:
    """Performance is off until a support case opens it."""
    assert policy().refusal("performance", START + HOUR, START + HOUR) == "category_not_open"


def test_what_was_observed_and_received_before_the_end_is_still_admitted() -> None:
    """Messages that lie in the hub while an ownership ends are stored."""
    ended = policy(end=START + 2 * HOUR)
    assert ended.refusal("usage", START + HOUR, START + HOUR) is None


@pytest.mark.parametrize("observed_h", [1, 2, 3])
def test_what_was_received_after_the_end_is_refused(observed_h: int) -> None:
    """The monitor belongs to somebody else by then, whatever time it claims."""
    ended = policy(end=START + 2 * HOUR)
    assert ended.refusal("usage", START + observed_h * HOUR, START + 2 * HOUR) == "outside_ownership"


@pytest.mark.parametrize(("ahead_min", "refused"), [(5, None), (6, "observed_in_future")])
def test_what_was_observed_after_it_was_received_is_refused(ahead_min: int, refused: str | None) -> None:
    """A time that has not come yet must not wait for a window that will; clocks may be off by a little."""
    observed_at = START + HOUR + timedelta(minutes=ahead_min)
    assert policy().refusal("usage", observed_at, START + HOUR) == refused


def test_a_tombstone_refuses_everything() -> None:
    """What was erased does not come back."""
    assert policy(tombstone=True).refusal("usage", START + HOUR, START + HOUR) == "outside_ownership"


def test_the_end_of_a_window_is_outside() -> None:
    """Windows are half-open, so two that meet do not overlap."""
    window = Window(START, START + HOUR)
    assert window.holds(START)
    assert not window.holds(START + HOUR)


def test_a_withdrawn_window_refuses_what_was_observed_in_it() -> None:
    """After a case is closed nothing is collected under it, also not what was measured while it was open."""
    opened = policy().with_window("performance", Window(START, START + 5 * HOUR))
    withdrawn = opened.without_window("performance", Window(START, START + 5 * HOUR))
    assert opened.refusal("performance", START + HOUR, START + 2 * HOUR) is None
    assert withdrawn.refusal("performance", START + HOUR, START + 2 * HOUR) == "category_not_open"


def test_a_window_is_withdrawn_alone() -> None:
    """Another one that begun at the same time stays."""
    other = Window(START, START + 4 * HOUR)
    opened = policy().with_window("performance", Window(START, START + 5 * HOUR)).with_window("performance", other)
    assert opened.without_window("performance", Window(START, START + 5 * HOUR)).windows["performance"] == (other,)


def test_a_policy_stays_small() -> None:
    """It travels in a token: the oldest windows are let go."""
    grown = policy()
    for hour in range(WINDOWS_KEPT + 3):
        grown = grown.with_window("performance", Window(START + hour * HOUR, START + (hour + 1) * HOUR))
    assert len(grown.windows["performance"]) == WINDOWS_KEPT
    assert grown.windows["performance"][-1].start == START + (WINDOWS_KEPT + 2) * HOUR


def test_the_window_that_ends_first_is_let_go() -> None:
    """A long case is not ended by short ones that were opened after it."""
    grown = policy().with_window("performance", Window(START, START + 1000 * HOUR))
    for hour in range(1, WINDOWS_KEPT + 1):
        grown = grown.with_window("performance", Window(START + hour * HOUR, START + (hour + 1) * HOUR))
    assert [window.start for window in grown.windows["performance"]] == [
        START,
        *(START + hour * HOUR for hour in range(2, WINDOWS_KEPT + 1)),
    ]


@pytest.mark.parametrize(
    ("changes", "narrower"),
    [
        ({"store_only": frozenset({"usage"})}, True),
        ({"erased_through": {"usage": START}}, True),
        ({"end": START + HOUR}, True),
        ({"tombstone": True}, True),
        ({"windows": {}}, True),
        ({"objected": frozenset({"usage"})}, True),
        ({"follows": 7}, False),
        ({}, False),
    ],
)
def test_a_change_that_narrows_is_told_from_one_that_does_not(changes: dict[str, Any], narrower: bool) -> None:
    """What narrows goes into the journal, so that no backup widens it again."""
    assert policy(**changes).is_narrower_than(policy()) is narrower
    assert not policy().is_narrower_than(policy(**changes))


def test_withdrawing_a_consent_narrows() -> None:
    """And giving it does not."""
    given = policy(consented=frozenset({"usage_statistics"}))
    assert policy().is_narrower_than(given)
    assert not given.is_narrower_than(policy())


def test_what_a_person_chose_is_in_the_gate_and_in_no_token() -> None:
    """A monitor and the hub have nothing to do with it."""
    chosen = policy(objected=frozenset({"usage"}), consented=frozenset({"interactions"}), follows=3)
    assert Policy.from_claims(chosen.stored()) == chosen
    assert Policy.from_claims(chosen.claims()) == policy()


def test_a_policy_survives_being_written() -> None:
    """Token, event and stored gate say the same."""
    full = policy(
        end=START + HOUR, tombstone=True, erased_through={"usage": START}, store_only=frozenset({"performance"})
    ).with_window("performance", Window(START, START + HOUR))
    assert Policy.from_claims(full.claims()) == full


def test_stored_times_sort_as_text() -> None:
    """Queries order by the written form."""
    moments = [START + timedelta(milliseconds=step * 7919) for step in range(50)]
    assert sorted(map(clock.text, moments)) == [clock.text(one) for one in moments]
