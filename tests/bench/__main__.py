"""`make bench`: one figure a line, `name: value unit`. Request units are modelled; ratios compare within this run."""

import asyncio
import statistics
import subprocess
import sys
from collections.abc import Awaitable
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from ingest_telemetry.messages import HubEvent, Message, event_of
from ingest_telemetry.storing import store_events
from local.mail import MailSink
from register_device.contract.monitors import DeviceAccess, Renewal
from register_device.registration import renew_access
from shared.callers import AttestedMonitor, Resident
from shared.gate import load_policy
from shared.mail import Mailer
from shared.notifications import deliver, deliver_due, notify
from shared.people import own_record
from tests.bench.figures import Meter, figure, measured_house
from tests.people import IDENTITY_KEY, House

IMPORTS = 7
REGISTRATIONS = 300
SIZES = (1, 10, 60)


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
    """Requests and modelled request units of the main job's steps, and how many a second of CPU does."""
    async with measured_house() as (house, meter):
        await house.pair("somebody", "VEO-WARM-UP")  # the client reads each container's metadata once
        person = own_record(
            Resident("maria", "maria@resident.example", "key"), database=house.database, now=house.clock()
        )
        await meter.report("sign_up", person)
        await _notification(house, meter)
        claim = await house.claim("maria")
        await house.register(claim)
        await meter.report("registration_repeated", house.register(claim))
        await _registrations(house, meter)
        for size in SIZES:
            await _ingest(house, meter, size)


async def _registrations(house: House, meter: Meter) -> None:
    """New monitors, each with a claim of its own; then their renewals, with the last token and without."""
    claims = [await house.claim(f"owner-{number}") for number in range(REGISTRATIONS)]
    accesses: dict[int, DeviceAccess] = {}

    async def register(number: int) -> None:
        accesses[number], _ = await house.register(claims[number], f"VEO-{number:06}")

    async def renew(number: int, token: str | None) -> None:
        await renew_access(
            AttestedMonitor(f"VEO-{number:06}", "veo-wifi"),
            Renewal(token=token),
            database=house.database,
            keys=house.keys,
            identity_key=IDENTITY_KEY,
            journal=house.journal,
            now=house.clock(),
        )

    await meter.rate("registration", REGISTRATIONS, register)
    await meter.rate("token_renewal", REGISTRATIONS, lambda number: renew(number, accesses[number].token))
    await meter.rate("token_renewal_reference", REGISTRATIONS, lambda number: renew(number, None))


async def _notification(house: House, meter: Meter) -> None:
    """Telling somebody something, sending it, and a run of the timer with nothing to send."""
    people = house.database["people"]

    def tell() -> Awaitable[str]:
        moments = {"until": house.clock()}
        return notify("maria", "support_case_closed", "case", moments, people=people, now=house.clock())

    async with MailSink() as sink:
        mailer = Mailer.of(sink.address, sender="no-reply@blue.example", password=None)
        await deliver_due(people=people, mailer=mailer, now=house.clock)
        await meter.report("notification", tell())
        told = await tell()
        await meter.report("mail", deliver("maria", told, people=people, mailer=mailer, now=house.clock))
        await meter.report("mail_timer_idle", deliver_due(people=people, mailer=mailer, now=house.clock))


async def _ingest(house: House, meter: Meter, size: int, messages: int = 50) -> None:
    """Messages of as many monitors, the normal case of a fleet, in one batch of the hub."""
    events = [await _event(house, f"VEO-{size}-{number}", size) for number in range(messages)]
    cost = await meter.cost(store_events(events, database=house.database))
    suffix = "" if size == max(SIZES) else f"_at_{size}"
    readings = messages * size
    figure(f"ingest_cosmos_requests_per_1000_readings{suffix}", 1000 * cost.requests / readings, "requests")
    figure(f"ingest_modelled_ru_per_reading{suffix}", cost.request_units / readings, "RU")


async def _event(house: House, serial: str, size: int) -> HubEvent:
    access = await house.pair(f"owner-of-{serial}", serial)
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
