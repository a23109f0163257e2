"""Retry policies, and the loop that keeps to them."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

from local.host.invocations import Outcome, run_with_retries
from local.host.manifest import Function, HttpTrigger
from local.host.protos import RetryContext
from local.host.retry import RetryPolicy

AT_ONCE = timedelta()


def function(policy: RetryPolicy | None) -> Function:
    return Function("f", "1", "httpTrigger", HttpTrigger("req", "f", frozenset(), "anonymous"), (), policy)


def failing(times: int, seen: list[RetryContext]) -> Callable[[RetryContext], Awaitable[Outcome]]:
    """An attempt that fails some times, and then succeeds."""

    async def attempt(retry: RetryContext) -> Outcome:
        seen.append(retry)
        return Outcome("1", has_succeeded=len(seen) > times, error=f"failure {len(seen)}")

    return attempt


def test_fixed_delays_end() -> None:
    """A policy of three retries waits three times."""
    policy = RetryPolicy(3, timedelta(seconds=2), timedelta(seconds=2), is_exponential=False)
    assert list(policy.delays()) == [2, 2, 2]


def test_exponential_delays_grow_to_their_maximum() -> None:
    """Without an end, the delays double with some jitter and stay at the maximum."""
    policy = RetryPolicy(-1, timedelta(seconds=1), timedelta(seconds=30), is_exponential=True)
    delays = [delay for delay, _ in zip(policy.delays(), range(2000), strict=False)]
    assert all(1 + 0.8 * 2**n <= delay <= 1 + 1.2 * 2**n for n, delay in enumerate(delays[:4]))
    assert set(delays[6:]) == {30}


async def test_retries_end_with_the_first_success() -> None:
    """An unbounded policy retries until the function succeeds, and tells it the count and the last failure."""
    seen: list[RetryContext] = []
    policy = RetryPolicy(-1, AT_ONCE, AT_ONCE, is_exponential=False)
    outcome = await run_with_retries(function(policy), failing(4, seen), stopping=asyncio.Event())
    assert outcome.has_succeeded
    assert [(retry.retry_count, retry.max_retry_count) for retry in seen] == [
        (0, 0),
        (1, -1),
        (2, -1),
        (3, -1),
        (4, -1),
    ]
    assert seen[-1].exception.message == "failure 4"


async def test_retries_are_used_up() -> None:
    """After the last retry the failure stands."""
    seen: list[RetryContext] = []
    policy = RetryPolicy(2, AT_ONCE, AT_ONCE, is_exponential=False)
    outcome = await run_with_retries(function(policy), failing(9, seen), stopping=asyncio.Event())
    assert (outcome.has_succeeded, len(seen)) == (False, 3)


async def test_no_policy() -> None:
    """Without a policy there is one attempt."""
    seen: list[RetryContext] = []
    await run_with_retries(function(None), failing(9, seen), stopping=asyncio.Event())
    assert len(seen) == 1


async def test_a_stop_ends_the_wait_for_a_retry() -> None:
    """A host that stops does not wait out a delay of an hour."""
    seen: list[RetryContext] = []
    stopping, hour = asyncio.Event(), timedelta(hours=1)
    policy = RetryPolicy(-1, hour, hour, is_exponential=False)
    running = asyncio.create_task(run_with_retries(function(policy), failing(9, seen), stopping=stopping))
    asyncio.get_running_loop().call_soon(stopping.set)
    assert not (await running).has_succeeded
    assert len(seen) == 1
