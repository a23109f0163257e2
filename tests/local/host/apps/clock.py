"""Timer functions that report each run."""

import asyncio

import azure.functions as func

app = func.FunctionApp()
runs = asyncio.Queue[func.TimerRequest]()
started = asyncio.Queue[int]()


@app.timer_trigger("timer", "%SCHEDULE%")
async def tick(timer: func.TimerRequest) -> None:
    """Run on the schedule of a setting."""
    runs.put_nowait(timer)


@app.timer_trigger("timer", "0 0 0 1 1 *", run_on_startup=True)
@app.retry(
    strategy="exponential_backoff", max_retry_count="1", minimum_interval="00:00:00", maximum_interval="00:00:01"
)
async def at_start(timer: func.TimerRequest, context: func.Context) -> None:
    """Run when the host starts, and fail at first."""
    started.put_nowait(context.retry_context.retry_count)
    if context.retry_context.retry_count == 0:
        raise RuntimeError(f"not yet, past due: {timer.past_due}")
