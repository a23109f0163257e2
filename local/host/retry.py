"""Function-level retry policies: how often a failed batch or timer runs again, and after how long."""

import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from local.host.protos import RpcRetryOptions

WITHOUT_END: Final = -1
_JITTER: Final = 0.2


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """`max_retries` -1 is without end; a fixed delay has equal bounds."""

    max_retries: int
    minimum: timedelta
    maximum: timedelta
    is_exponential: bool

    def delays(self) -> Iterator[float]:
        """Seconds to wait before each retry; ends when the retries are used up.

        Exponential as in the real host: the minimum plus a doubling multiple of it, with 20 % jitter, up to the
        maximum.
        """
        for retry in itertools.count() if self.max_retries == WITHOUT_END else range(self.max_retries):
            yield self._delay(retry)

    def _delay(self, retry: int) -> float:
        minimum, maximum = self.minimum.total_seconds(), self.maximum.total_seconds()
        if not self.is_exponential:
            return minimum
        jitter = random.uniform(1 - _JITTER, 1 + _JITTER)  # noqa: S311 - spreads load, guards nothing
        return float(min(maximum, minimum + jitter * minimum * 2.0 ** min(retry, 60)))


def retry_policy(options: RpcRetryOptions | None) -> RetryPolicy | None:
    """The policy that the worker indexed for a function."""
    if options is None:
        return None
    if options.retry_strategy == "fixed_delay":
        delay = options.delay_interval or timedelta()
        return RetryPolicy(options.max_retry_count, delay, delay, is_exponential=False)
    minimum, maximum = options.minimum_interval or timedelta(), options.maximum_interval or timedelta.max
    return RetryPolicy(options.max_retry_count, minimum, maximum, is_exponential=True)
