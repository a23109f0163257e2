"""`python -m local fleet`: simulated monitors, each paired with its own resident, and the rates they reach."""

import argparse
import asyncio
import json
import random
import sys
import time
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import aiohttp
from rich.console import Console

from local import machine, state
from local.api import Api, Refused
from local.attestation import Make
from local.keys import ENROLMENT_GROUP
from local.monitor import Delivered, Monitor
from local.outbox import Outbox
from local.resident import Resident
from local.serving import EXIT_UNUSABLE
from local.simulation import monitor_data, usage_reading
from local.up import until_stopped

REPORT_SECONDS: Final = 5.0
LATENCIES_KEPT: Final = 100_000


@dataclass(slots=True)
class Tally:
    """What the whole fleet has done so far."""

    registered: int = 0
    delivered: Delivered = field(default_factory=Delivered)
    failures: dict[str, int] = field(default_factory=dict)
    latencies: deque[float] = field(default_factory=lambda: deque(maxlen=LATENCIES_KEPT))
    """Seconds from the first attempt to the acknowledgement, of the last flushes."""
    sending_since: float = 0.0

    def fail(self, error: Exception) -> None:
        """Count what a monitor could not do."""
        name = error.code if isinstance(error, Refused) else type(error).__name__
        self.failures[name] = self.failures.get(name, 0) + 1

    def line(self) -> str:
        """Totals, and rates since all were registered."""
        done = self.delivered
        seconds = time.perf_counter() - self.sending_since if self.sending_since else 1.0
        rates = f"{done.messages / seconds:,.0f} messages/s, {done.accepted / seconds:,.0f} readings/s"
        parts = [f"{self.registered} registered", f"{done.messages:,} messages", f"{done.accepted:,} readings", rates]
        if self.latencies:
            ordered = sorted(self.latencies)
            parts.append(f"p50 {_quantile(ordered, 0.5):.0f} ms, p95 {_quantile(ordered, 0.95):.0f} ms")
        parts += [f"{done.retries} retries"] if done.retries else []
        parts += [f"{done.duplicates} duplicates"] if done.duplicates else []
        parts += [f"rejected {dict(done.rejected)}"] if done.rejected else []
        parts += [f"failed {self.failures}"] if self.failures else []
        return "; ".join(parts)


def _quantile(ordered: list[float], part: float) -> float:
    return 1000 * ordered[min(len(ordered) - 1, int(part * len(ordered)))]


@dataclass(frozen=True, slots=True)
class Fleet:
    """How many monitors do what, and how many of them at once."""

    api: Api
    issuer: str
    group_key: str
    monitors: int
    messages: int
    readings: int
    interval: float
    concurrency: int
    first: int = 0
    this_machine: bool = False

    async def register(self, number: int, tally: Tally) -> Monitor | None:
        """Pair one monitor with a resident of its own; None and a count when that fails."""
        make = Make.manufactured(monitor_data(number), enrolment_group=ENROLMENT_GROUP, group_key=self.group_key)
        monitor = Monitor(self.api, make, outbox=Outbox(readings_a_message=max(1, self.readings)))
        resident = Resident(self.api, issuer=self.issuer, email=f"resident-{number}@example.org")
        try:
            await resident.sign_in()
            await monitor.register(str((await resident.claim())["claim"]))
        except (Refused, aiohttp.ClientError, TimeoutError) as error:
            tally.fail(error)
            return None
        tally.registered += 1
        return monitor

    async def live(self, monitor: Monitor, tally: Tally, gate: asyncio.Semaphore) -> None:
        """Send messages at the interval; the start is spread so that the fleet doesn't beat as one."""
        chance = random.Random(monitor.make.serial_number)  # noqa: S311  nothing is protected by it
        await asyncio.sleep(chance.uniform(0, self.interval))
        sent = 0
        while not self.messages or sent < self.messages:
            due = time.monotonic() + self.interval
            async with gate:
                await self._send_one(monitor, tally, chance)
            sent += 1
            await asyncio.sleep(max(0.0, due - time.monotonic()))

    async def _send_one(self, monitor: Monitor, tally: Tally, chance: random.Random) -> None:
        now = datetime.now(UTC)
        for age in reversed(range(self.readings)):  # no two at the same moment: they would count as one
            monitor.observe(usage_reading(chance, now - timedelta(milliseconds=age)))
        if self.this_machine and monitor.wants("system_health"):
            monitor.observe(await asyncio.to_thread(machine.system_health))
        begun = time.perf_counter()
        try:
            delivered = await monitor.flush()
        except (Refused, aiohttp.ClientError, TimeoutError) as error:
            tally.fail(error)  # the readings stay buffered, and go with the next message
        else:
            tally.delivered += delivered
            tally.latencies.append(time.perf_counter() - begun)

    async def run(self, tally: Tally) -> None:
        """Register all, then let all live; at most `concurrency` of them talk at once."""
        gate = asyncio.Semaphore(self.concurrency)

        async def registered(number: int) -> Monitor | None:
            async with gate:
                return await self.register(number, tally)

        numbers = range(self.first, self.first + self.monitors)
        paired = await asyncio.gather(*(registered(number) for number in numbers))
        tally.sending_since = time.perf_counter()
        async with asyncio.TaskGroup() as lives:
            for monitor in paired:
                if monitor is not None:
                    lives.create_task(self.live(monitor, tally, gate))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command line."""
    parser.description = (
        "Pair simulated monitors with a running local cloud, each with a resident of its own, let them send usage "
        "readings, and print the rates. Run it again and the same monitors register again."
    )
    parser.add_argument("--monitors", type=int, default=10, help="how many monitors (%(default)s)")
    parser.add_argument("--interval", type=float, default=5.0, metavar="S", help="seconds between messages (5)")
    parser.add_argument("--readings", type=int, default=10, metavar="N", help="readings in a message (%(default)s)")
    parser.add_argument("--messages", type=int, default=0, metavar="N", help="messages per monitor (until Ctrl-C)")
    parser.add_argument("--concurrency", type=int, default=64, metavar="N", help="requests at once (%(default)s)")
    parser.add_argument("--first", type=int, default=0, metavar="N", help="number of the first monitor (0)")
    parser.add_argument("--this-machine", action="store_true", help="add this machine's health where it is wanted")
    parser.add_argument("--base-url", default="http://127.0.0.1:7071", metavar="URL", help="the service (%(default)s)")
    parser.add_argument("--issuer", default="http://127.0.0.1:8090", metavar="URL", help="sign-in (%(default)s)")
    parser.add_argument("--data", type=Path, default=state.DEFAULT, help="the local cloud's directory, for its keys")


def fleet_from(args: argparse.Namespace, api: Api, group_key: str) -> Fleet:
    """The fleet that the command line describes."""
    return Fleet(
        api=api,
        issuer=args.issuer,
        group_key=group_key,
        monitors=args.monitors,
        messages=args.messages,
        readings=args.readings,
        interval=args.interval,
        concurrency=args.concurrency,
        first=args.first,
        this_machine=args.this_machine,
    )


async def run(args: argparse.Namespace) -> int:
    """Run the fleet; the exit code is 0 when every monitor registered and nothing failed or was rejected."""
    file = state.State(args.data).keys
    if not file.exists():
        print(f"{file} is missing: start the cloud first, `python -m local up`.", file=sys.stderr)
        return EXIT_UNUSABLE
    (group_key, *_) = json.loads(json.loads(file.read_text())["BLUE_ENROLMENT_GROUPS"])[ENROLMENT_GROUP]
    tally = Tally()

    async def work() -> int:
        api = Api.opened(args.base_url, connections=args.concurrency)
        async with api.session:
            reporting = asyncio.ensure_future(_report(tally))
            try:
                await fleet_from(args, api, group_key).run(tally)
            finally:
                reporting.cancel()
        return int(tally.registered < args.monitors or bool(tally.failures or tally.delivered.rejected))

    code = await until_stopped(work)
    print(tally.line())
    if not tally.registered and "ClientConnectorError" in tally.failures:
        print(f"Nothing answers at {args.base_url}: start the cloud first, `python -m local up`.", file=sys.stderr)
    return code


async def _report(tally: Tally) -> None:
    console = Console(highlight=False)
    while True:
        await asyncio.sleep(REPORT_SECONDS)
        console.print(tally.line(), markup=False, soft_wrap=True)
