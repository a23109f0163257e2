"""`make bench`: one figure a line, `name: value unit`. Request units are modelled; ratios compare within this run."""

import asyncio
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Awaitable
from pathlib import Path

from local.cloud import LocalCloud
from local.mail import MailSink
from register_device.contract.monitors import DeviceAccess, Renewal
from register_device.registration import renew_access
from shared.callers import AttestedMonitor, Resident
from shared.cosmos import Database
from shared.mail import Mailer
from shared.notifications import deliver, deliver_due, notify
from shared.people import own_record
from tests.bench.erasure import erasure
from tests.bench.export import export
from tests.bench.figures import Meter, figure, measured_house
from tests.bench.gateway import gateway
from tests.bench.ingest import Fleet, growth, ingestion
from tests.bench.latency import latency
from tests.people import IDENTITY_KEY, House

UNBOUNDED = {"BLUE_MONITOR_MESSAGES_PER_MINUTE": "1000000"}
"""A few monitors send what a fleet sends: quotas are not what is measured."""

IMPORTS = 7
REGISTRATIONS = 300


def import_seconds(module: str) -> float:
    """One import in a new process."""
    code = f"import time; t = time.perf_counter(); import {module}; print(time.perf_counter() - t)"
    return float(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout)  # noqa: S603 - our own interpreter


def imports() -> None:
    """What a cold start waits for: the app against the library that every Python function app imports.

    Medians of imports in turn; the first of each, which may compile, is not counted.
    """
    pairs = [(import_seconds("function_app"), import_seconds("azure.functions")) for _ in range(IMPORTS + 1)]
    app, library = (statistics.median(times) for times in zip(*pairs[1:], strict=True))
    figure("import_s", app, "s")
    figure("import_s_reference", library, "s")
    figure("import_ratio", app / library, "x")


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


async def on_the_whole_cloud() -> None:
    """Ingestion, with hub, database and consumer in processes of their own."""
    with tempfile.TemporaryDirectory() as directory:
        folder = Path(directory)
        async with LocalCloud(data=folder / "cloud", with_host=False, extra_settings=UNBOUNDED) as cloud:
            settings = cloud.settings
            database = await Database.open(
                settings["BLUE_COSMOS_ENDPOINT"], settings["BLUE_COSMOS_KEY"], settings["BLUE_COSMOS_DATABASE"]
            )
            try:
                fleet = Fleet.of(database)
                await ingestion(cloud, fleet, folder)
                await gateway(cloud, fleet, folder)
                await latency(cloud, fleet)
                await growth(cloud, fleet, folder)
            finally:
                await database.close()


if __name__ == "__main__":
    imports()
    asyncio.run(database_costs())
    asyncio.run(erasure())
    asyncio.run(export())
    asyncio.run(on_the_whole_cloud())
