"""`make bench`: one figure a line, `name: value unit`. Request units are modelled; ratios compare within this run."""

import asyncio
import json
import statistics
import subprocess
import sys
import urllib.request
from collections.abc import Awaitable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from ingest_telemetry.messages import HubEvent, Message, event_of
from ingest_telemetry.storing import store_events
from local.cosmos.server import CosmosServer
from local.mail import MailSink
from local.provision import provision_cosmos
from local.resources import Resources
from register_device.contract.monitors import Renewal
from register_device.registration import renew_access
from shared.callers import AttestedMonitor, Resident
from shared.cosmos import Database
from shared.gate import load_policy
from shared.keys import KeySet
from shared.mail import Mailer
from shared.notifications import deliver, deliver_due, notify
from shared.people import own_record
from tests.conftest import SettableClock
from tests.keys import symmetric_jwks
from tests.people import IDENTITY_KEY, SERIAL, House

IMPORTS = 7
SIZES = (1, 10, 60)


def figure(name: str, value: float, unit: str) -> None:
    print(f"{name}: {value:.4g} {unit}", flush=True)


def import_seconds(module: str) -> float:
    """The median import in a new process; the first one, which may compile, is not counted."""
    code = f"import time; t = time.perf_counter(); import {module}; print(time.perf_counter() - t)"
    times = [
        float(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout)  # noqa: S603 - our own interpreter
        for _ in range(IMPORTS + 1)
    ]
    return statistics.median(times[1:])


def imports() -> None:
    """What a cold start waits for: the app against the library that every Python function app imports."""
    app, library = import_seconds("function_app"), import_seconds("azure.functions")
    figure("import_s", app, "s")
    figure("import_s_reference", library, "s")
    figure("import_ratio", app / library, "x")


class Meter:
    """Counts what a piece of work costs the database."""

    def __init__(self, server: CosmosServer) -> None:
        self._url = f"{server.endpoint}_local/usage"

    def _ask(self, method: str) -> dict[str, Any]:
        with urllib.request.urlopen(urllib.request.Request(self._url, method=method), timeout=10) as answer:  # noqa: S310 - loopback
            content = answer.read()
        return dict(json.loads(content)) if content else {}

    async def cost(self, work: Awaitable[object]) -> tuple[int, float]:
        """Requests and modelled request units of some work."""
        await asyncio.to_thread(self._ask, "DELETE")
        await work
        containers = (await asyncio.to_thread(self._ask, "GET"))["containers"]
        used = [container for name, container in containers.items() if name != "account"]
        return sum(one["requests"] for one in used), sum(one["requestUnits"] for one in used)


def reading(moment: datetime) -> dict[str, Any]:
    """A kind, a time and five numeric fields."""
    return {
        "kind": "system_health",
        "observedAt": moment.isoformat(),
        "cpuPercent": 12.5,
        "memoryUsedMb": 812.25,
        "temperatureC": 41.5,
        "uptimeS": 86400.0,
        "wifiRssiDbm": -61.0,
    }


async def database_costs() -> None:
    """Requests and modelled request units of the main job's steps."""
    async with CosmosServer() as server:
        resources = Resources.load()
        await provision_cosmos(server.endpoint, server.key, resources)
        database = await Database.open(server.endpoint, server.key, resources.database)
        try:
            await _steps(
                House(database, KeySet(symmetric_jwks(), "HS256"), SettableClock(datetime.now(UTC))), Meter(server)
            )
        finally:
            await database.close()


async def _steps(house: House, meter: Meter) -> None:
    await house.pair("somebody", "VEO-WARM-UP")  # the client reads each container's metadata once
    person = own_record(Resident("maria", "maria@resident.example", "key"), database=house.database, now=house.clock())
    await _report("sign_up", meter, person)
    claim = await house.claim("maria")
    await _report("registration", meter, house.register(claim))
    await _report("registration_repeated", meter, house.register(claim))
    renewal = renew_access(
        AttestedMonitor(SERIAL, "veo-wifi"),
        Renewal(),
        database=house.database,
        keys=house.keys,
        identity_key=IDENTITY_KEY,
        journal=house.journal,
        now=house.clock(),
    )
    await _report("token_renewal", meter, renewal)
    await _notification(house, meter)
    for size in SIZES:
        await _ingest(house, meter, size)


async def _notification(house: House, meter: Meter) -> None:
    """Telling somebody something, sending it, and a run of the timer with nothing to send."""
    people = house.database["people"]

    def tell() -> Awaitable[str]:
        moments = {"until": house.clock()}
        return notify("maria", "support_case_closed", "case", moments, people=people, now=house.clock())

    async with MailSink() as sink:
        mailer = Mailer.of(sink.address, sender="no-reply@blue.example", password=None)
        await deliver_due(people=people, mailer=mailer, now=house.clock)
        await _report("notification", meter, tell())
        told = await tell()
        await _report("mail", meter, deliver("maria", told, people=people, mailer=mailer, now=house.clock))
        await _report("mail_timer_idle", meter, deliver_due(people=people, mailer=mailer, now=house.clock))


async def _report(name: str, meter: Meter, work: Awaitable[object]) -> None:
    requests, units = await meter.cost(work)
    figure(f"{name}_cosmos_requests", requests, "requests")
    figure(f"{name}_modelled_ru", units, "RU")


async def _ingest(house: House, meter: Meter, size: int, messages: int = 50) -> None:
    """Messages of as many monitors, the normal case of a fleet, in one batch of the hub."""
    events = [await _event(house, f"VEO-{size}-{number}", size) for number in range(messages)]
    requests, units = await meter.cost(store_events(events, database=house.database))
    suffix = "" if size == max(SIZES) else f"_at_{size}"
    readings = messages * size
    figure(f"ingest_cosmos_requests_per_1000_readings{suffix}", 1000 * requests / readings, "requests")
    figure(f"ingest_modelled_ru_per_reading{suffix}", units / readings, "RU")


async def _event(house: House, serial: str, size: int) -> HubEvent:
    access = await house.pair(f"owner of {serial}", serial)
    policy = await load_policy(house.database["telemetry"], access.ownership_id)
    opened = policy.windows["usage"][0]
    now = house.clock() + timedelta(minutes=1)
    body, properties = event_of(
        Message(
            ownership_id=access.ownership_id,
            policy=policy.with_window("performance", opened),
            message_id=str(uuid4()),
            schema_version=1,
            sent_at=now,
            received_at=now,
            readings=[reading(now) for _ in range(size)],
        )
    )
    return HubEvent(body=body, properties=properties, partition="0", sequence_number=0, enqueued_at=now)


if __name__ == "__main__":
    imports()
    asyncio.run(database_costs())
