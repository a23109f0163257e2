"""How figures are taken: one a line, CPU of this process alone, requests and modelled request units of the database."""

import asyncio
import json
import sys
import tempfile
import time
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from local.cosmos import EMULATOR_KEY
from local.part import Part
from local.provision import provision_cosmos
from local.resources import Resources
from shared.cosmos import Database
from shared.keys import KeySet
from tests.conftest import SettableClock
from tests.keys import symmetric_jwks
from tests.people import House


def figure(name: str, value: float, unit: str) -> None:
    """Print one figure."""
    print(f"{name}: {value:.4g} {unit}", flush=True)


def note(text: str) -> None:
    """Print what is to be known of the figures that follow."""
    print(f"# {text}", flush=True)


@dataclass(frozen=True, slots=True)
class Cost:
    """What a piece of work took."""

    cpu_s: float
    """Processor time of this process, user and system."""
    requests: int
    request_units: float


class Meter:
    """Counts what a piece of work costs, with the database in a process of its own."""

    def __init__(self, endpoint: str) -> None:
        """Measure at a local Cosmos DB endpoint."""
        self.endpoint = endpoint
        self._url = f"{endpoint}_local/usage"

    def _ask(self, method: str) -> dict[str, Any]:
        with urllib.request.urlopen(urllib.request.Request(self._url, method=method), timeout=10) as answer:  # noqa: S310 - loopback
            content = answer.read()
        return dict(json.loads(content)) if content else {}

    async def cost(self, work: Awaitable[object]) -> Cost:
        """The cost of some work."""
        await asyncio.to_thread(self._ask, "DELETE")
        began = time.process_time()
        await work
        cpu_s = time.process_time() - began
        containers = (await asyncio.to_thread(self._ask, "GET"))["containers"]
        used = [container for name, container in containers.items() if name != "account"]
        return Cost(cpu_s, sum(one["requests"] for one in used), sum(one["requestUnits"] for one in used))

    async def report(self, name: str, work: Awaitable[object]) -> None:
        """Requests and request units of one thing."""
        cost = await self.cost(work)
        figure(f"{name}_cosmos_requests", cost.requests, "requests")
        figure(f"{name}_modelled_ru", cost.request_units, "RU")

    async def rate(self, name: str, count: int, one: Callable[[int], Awaitable[object]], *, at_once: int = 8) -> None:
        """How many things a second of this process's CPU does, and what each costs the database."""
        limit = asyncio.Semaphore(at_once)

        async def limited(number: int) -> None:
            async with limit:
                await one(number)

        async def all_of_them() -> None:
            await asyncio.gather(*(limited(number) for number in range(count)))

        cost = await self.cost(all_of_them())
        figure(f"{name}_per_cpu_s", count / cost.cpu_s, "1/s")
        figure(f"{name}_cosmos_requests", cost.requests / count, "requests")
        figure(f"{name}_modelled_ru", cost.request_units / count, "RU")


@asynccontextmanager
async def measured_house() -> AsyncIterator[tuple[House, Meter]]:
    """An empty database in a process of its own, and what stands on it here."""
    log = Path(tempfile.mkdtemp()) / "cosmos.log"
    server = Part("cosmos", [sys.executable, "-m", "local", "cosmos", "--port", "0"], log=log)
    endpoint = f"{(await server.start()).rstrip('/')}/"
    try:
        resources = Resources.load()
        await provision_cosmos(endpoint, EMULATOR_KEY, resources)
        database = await Database.open(endpoint, EMULATOR_KEY, resources.database)
        try:
            keys = KeySet(symmetric_jwks(), "HS256")
            yield House(database, keys, SettableClock(datetime.now(UTC))), Meter(endpoint)
        finally:
            await database.close()
    finally:
        await server.stop()
