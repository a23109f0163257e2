"""Provisioned throughput: how many request units a second a container may use before it answers 429."""

import math
from http import HTTPStatus

from local.cosmos.containers import Container
from local.cosmos.failures import Failure


class Throttle:
    """One second's budget for each container with provisioned throughput, refilled as time goes on.

    As in the service a request is let in while anything is left, whatever it will cost; what it overdraws delays the
    next one.
    """

    def __init__(self) -> None:
        self._budgets: dict[int, tuple[float, float]] = {}

    def admit(self, container: Container, now: float) -> None:
        """Let a request in.

        Raises:
            Failure: 429, with the time after which the budget is above nothing again.
        """
        rate = container.autoscale or container.throughput
        if rate is None:
            return
        left = self._left(container, rate, now)
        if left <= 0:
            raise Failure(
                HTTPStatus.TOO_MANY_REQUESTS,
                "Request rate is large. More Request Units may be needed, so no changes were made.",
                substatus=3200,
                retry_after_ms=math.floor(-left / rate * 1000) + 1,
            )

    def spend(self, container: Container, charge: float, now: float) -> None:
        """Take what a request has used from the budget."""
        rate = container.autoscale or container.throughput
        if rate is not None:
            self._budgets[container.number] = (self._left(container, rate, now) - charge, now)

    def _left(self, container: Container, rate: int, now: float) -> float:
        left, since = self._budgets.get(container.number, (float(rate), now))
        return min(float(rate), left + max(0.0, now - since) * rate)
