"""Timers, by the clock of this machine."""

import sys
from datetime import datetime
from typing import Any

import aiohttp
import pytest
from azure.functions.timer import TimerRequest

from local.host import FunctionsHost
from tests.local.host.conftest import MakeApp

pytestmark = pytest.mark.wire

NEVER = {"SCHEDULE": "0 0 0 29 2 *"}


def script() -> Any:
    """The module of the app that runs in this process."""
    return sys.modules["function_app"]


async def next_run() -> Any:
    return await script().runs.get()


@pytest.mark.parametrize("schedule", ["* * * * * *", "00:00:00.2"])
async def test_schedule(make_app: MakeApp, schedule: str) -> None:
    """A timer runs when it is due, again and again, and is told when it ran last and is due next."""
    async with FunctionsHost(make_app("clock"), settings={"SCHEDULE": schedule}):
        first, second = await next_run(), await next_run()
    assert isinstance(first, TimerRequest)
    assert first.schedule_status["Last"].startswith("0001-01-01")
    last, due = (datetime.fromisoformat(second.schedule_status[key]) for key in ("Last", "Next"))
    assert last < due
    assert not second.past_due


async def test_run_on_startup(make_app: MakeApp) -> None:
    """A timer may run when the host starts; a failure is retried by its policy, and told so."""
    async with FunctionsHost(make_app("clock"), settings=NEVER):
        assert [await script().started.get() for _ in range(2)] == [0, 1]


async def test_run_by_hand(make_app: MakeApp) -> None:
    """A timer runs by the request of Core Tools, and in a process by name, with or without triggers."""
    async with (
        FunctionsHost(make_app("clock"), settings=NEVER, triggers=False) as host,
        aiohttp.ClientSession() as client,
        client.post(f"{host.address}/admin/functions/Tick", json={}) as response,
    ):
        assert response.status == 202
        assert not (await next_run()).past_due
        assert (await host.invoke("tick")).has_succeeded
        outcome = await host.invoke("at_start")
        assert not outcome.has_succeeded
        assert "RuntimeError: not yet" in outcome.error
        assert script().runs.qsize() == 1


async def test_without_triggers(make_app: MakeApp) -> None:
    """With triggers off, no timer runs by itself, not even at the start."""
    async with FunctionsHost(make_app("clock"), settings=NEVER, triggers=False) as host:
        assert (await host.invoke("tick")).has_succeeded
        assert script().started.empty()
