"""Faults on demand: what a client meets on a bad day, for the requests that a test names."""

import asyncio
import contextlib
import time
from collections.abc import Callable
from typing import Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

type ItemOperation = Literal[
    "create", "upsert", "read", "replace", "delete", "patch", "batch", "query", "read_all", "change_feed",
    "delete_partition",
]  # fmt: skip

OTHER: Final = "other"
"""Requests about anything but items: the account, databases, containers, partition ranges, offers."""


class Fault(BaseModel):
    """What happens to which requests. In JSON the names are in camelCase.

    Without `times` and `for_seconds` it lasts until the reset.
    """

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True)

    status: Literal[408, 410, 429, 449, 500, 503] | None = None
    """The answer instead of doing the work."""
    substatus: int = Field(default=0, ge=0)
    retry_after_ms: int | None = Field(default=None, ge=0)
    drop: Literal["before", "after"] | None = None
    """The connection is closed instead of an answer: before the work, which is then not done, or after it."""
    latency_ms: int = Field(default=0, ge=0)
    """How long the answer waits, in real time; what the request asks for is done before."""

    container: str | None = Field(default=None, min_length=1)
    """The container's id; None meets those of all."""
    operation: ItemOperation | Literal["other"] | None = None
    """None meets every operation on items. The others must be named: clients send them in the background."""
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] | None = None

    times: int | None = Field(default=None, ge=1)
    """How many requests it meets."""
    for_seconds: float | None = Field(default=None, gt=0)
    """How long it lasts, in real time: the clients wait in real time too."""

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if self.status is None and self.drop is None and not self.latency_ms:
            raise ValueError("a fault needs a status, a drop or a latency")
        if self.status is not None and self.drop is not None:
            raise ValueError("a status and a drop exclude each other")
        if self.status is None and (self.substatus or self.retry_after_ms is not None):
            raise ValueError("a substatus and a time to retry after belong to a status")
        return self


class Injected:
    """A fault in force, or one that was."""

    def __init__(self, fault: Fault, now: float) -> None:
        self.fault = fault
        self.met = 0
        """How many requests have met it."""
        self._until = None if fault.for_seconds is None else now + fault.for_seconds

    def in_force(self, now: float) -> bool:
        """Whether it is not used up and its time has not run out."""
        used_up = self.fault.times is not None and self.met >= self.fault.times
        return not used_up and (self._until is None or now < self._until)

    def meets(self, container: str | None, operation: str, method: str) -> bool:
        """Whether a request is one of those it is for."""
        fault = self.fault
        wanted = operation == fault.operation if fault.operation else operation != OTHER
        return wanted and fault.container in (None, container) and fault.method in (None, method)


class Faults:
    """The faults of one server. A request meets one fault: the first in force that is for it."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._injected: list[Injected] = []
        self._reset = asyncio.Event()

    @property
    def armed(self) -> bool:
        """Whether there has been any since the reset."""
        return bool(self._injected)

    def inject(self, fault: Fault) -> Injected:
        """Put a fault in force; what it answers counts the requests that meet it."""
        injected = Injected(fault, self._now())
        self._injected.append(injected)
        return injected

    def meet(self, container: str | None, operation: str, method: str) -> Injected | None:
        """The fault for a request, which counts it."""
        now = self._now()
        for injected in self._injected:
            if injected.in_force(now) and injected.meets(container, operation, method):
                injected.met += 1
                return injected
        return None

    async def delay(self, injected: Injected) -> None:
        """Let the answer wait for a fault's latency, or until the reset."""
        if injected.fault.latency_ms:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(injected.fault.latency_ms / 1000):
                    await self._reset.wait()

    def reset(self) -> None:
        """Forget all faults; answers that wait for a latency go out."""
        self._injected.clear()
        self._reset.set()
        self._reset = asyncio.Event()

    def report(self) -> list[dict[str, Any]]:
        """All faults since the reset, with what they met."""
        now = self._now()
        return [
            injected.fault.model_dump(by_alias=True, exclude_defaults=True)
            | {"met": injected.met, "inForce": injected.in_force(now)}
            for injected in self._injected
        ]
