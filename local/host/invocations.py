"""Runs functions: one invocation after the other or at once, each within the time limit, each with one log line."""

import asyncio
import logging
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from azure_functions_runtime import invocation_id_cv

from local.host import protos
from local.host.manifest import Function
from local.host.worker import Worker

RESULTS: Final = logging.getLogger("Host.Results")
"""One line per invocation; never a body, a query string or a parameter."""

FIRST_ATTEMPT: Final = protos.RetryContext()
_NO_METADATA: Final[Mapping[str, protos.TypedData]] = {}


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an invocation ended. `error` and `traceback` are the function's own, and empty after success."""

    invocation_id: str
    has_succeeded: bool
    value: protos.TypedData | None = None
    error: str = ""
    traceback: str = ""


class Invocations:
    """Runs the functions of one worker; `running` has those that run, by invocation id."""

    def __init__(self, worker: Worker, time_limit: timedelta | None, running: dict[str, Function]) -> None:
        self._worker = worker
        self._time_limit = None if time_limit is None else time_limit.total_seconds()
        self._running = running

    async def run(
        self,
        function: Function,
        data: protos.TypedData,
        metadata: Mapping[str, protos.TypedData] = _NO_METADATA,
        *,
        retry: protos.RetryContext = FIRST_ATTEMPT,
        trace_parent: str = "",
    ) -> Outcome:
        """Run a function once. It never raises for what the function does; a run over the time limit has failed.

        In Azure a timeout also ends the worker process, and with it whatever else runs there; here it does not. An
        `async` function is cancelled; the thread of another cannot be ended and runs on.
        """
        invocation_id = str(uuid.uuid4())
        request = protos.InvocationRequest(
            invocation_id=invocation_id,
            function_id=function.function_id,
            input_data=[protos.ParameterBinding(function.trigger.parameter, data)],
            trigger_metadata=dict(metadata),
            trace_context=protos.RpcTraceContext(trace_parent),
            retry_context=retry,
        )
        self._running[invocation_id] = function
        token = invocation_id_cv.set(invocation_id)
        started = time.perf_counter()
        try:
            async with asyncio.timeout(self._time_limit):
                outcome = _outcome(await self._worker.invoke(request))
        except TimeoutError:
            outcome = self._timed_out(function, invocation_id)
        except asyncio.CancelledError:
            RESULTS.warning("Executed 'Functions.%s' (Cancelled, Id=%s): cut off", function.name, invocation_id)
            raise
        finally:
            invocation_id_cv.reset(token)
            del self._running[invocation_id]
        _log(function, outcome, time.perf_counter() - started)
        return outcome

    def refuse(self, function: Function, reason: str) -> Outcome:
        """An invocation that failed before it began, because the host could not make the function's input."""
        outcome = Outcome(str(uuid.uuid4()), has_succeeded=False, error=reason)
        _log(function, outcome, 0)
        return outcome

    def _timed_out(self, function: Function, invocation_id: str) -> Outcome:
        limit = timedelta(seconds=self._time_limit or 0)
        error = f"Timeout value of {limit} exceeded by function 'Functions.{function.name}' (Id={invocation_id})"
        return Outcome(invocation_id, has_succeeded=False, error=error)


async def run_with_retries(
    function: Function, attempt: Callable[[protos.RetryContext], Awaitable[Outcome]], *, stopping: asyncio.Event
) -> Outcome:
    """Attempt an invocation until it succeeds or the retry policy is used up; `stopping` ends the wait for a retry."""
    outcome = await attempt(FIRST_ATTEMPT)
    if function.retry is None:
        return outcome
    for count, delay in enumerate(function.retry.delays(), start=1):
        if outcome.has_succeeded or await is_set_within(stopping, delay):
            break
        raised = protos.RpcException(outcome.error, outcome.traceback)
        outcome = await attempt(protos.RetryContext(count, function.retry.max_retries, raised))
    return outcome


async def is_set_within(event: asyncio.Event, seconds: float) -> bool:
    """Wait until the event is set, for some seconds at most; whether it is."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    return True


def _outcome(response: protos.InvocationResponse) -> Outcome:
    if response.result.status == protos.StatusResult.Success:
        return Outcome(response.invocation_id, has_succeeded=True, value=response.return_value)
    raised = response.result.exception
    return Outcome(response.invocation_id, has_succeeded=False, error=raised.message, traceback=raised.stack_trace)


def _log(function: Function, outcome: Outcome, seconds: float) -> None:
    if outcome.has_succeeded:
        RESULTS.info(
            "Executed 'Functions.%s' (Succeeded, Id=%s, Duration=%dms)",
            function.name,
            outcome.invocation_id,
            seconds * 1000,
        )
        return
    RESULTS.error(
        "Executed 'Functions.%s' (Failed, Id=%s, Duration=%dms)\n%s",
        function.name,
        outcome.invocation_id,
        seconds * 1000,
        outcome.traceback or outcome.error,
    )
