"""What the erasure of a person costs, by how much is held; and that a monitor that keeps sending leaves nothing."""

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiohttp

from export_user_data.erasure.steps import KIND, step
from export_user_data.erasure.tools import Tools
from ingest_telemetry.storing import store_events
from local.azurite import blob_part, connection_string
from local.mail import MailSink
from local.provision import provision_blobs
from local.resources import Resources
from shared import jobs
from shared.blobs import Blobs
from shared.cosmos import Create, Item, declared
from shared.jobs import Lease, Stepped
from shared.journal import Journal
from shared.keys import KeySet
from shared.mail import Mailer
from shared.webhooks import Webhooks
from tests.bench.figures import Cost, Meter, figure, measured_house, note
from tests.doubles import RecordingHub
from tests.export_user_data.owned import Home
from tests.keys import signing_jwks
from tests.people import House
from tests.vaults import new_vault

SIZES = {"_at_1k": 1_000, "_at_100k": 100_000, "": 1_000_000}
READINGS_A_MESSAGE = 60
BATCH = 100
BATCHES_AT_ONCE = 4


@dataclass
class Erased:
    """One erasure, measured."""

    items: int
    cost: Cost
    worked_s: float
    waited_s: float


@asynccontextmanager
async def measured() -> AsyncIterator[tuple[House, Meter, Tools]]:
    """An empty service: database and blob storage in processes of their own."""
    folder = Path(tempfile.mkdtemp())
    azurite = blob_part(port=0, data=folder / "data", log=folder / "azurite.log")
    connection = connection_string(await azurite.start())
    try:
        await provision_blobs(connection, Resources.load())
        blobs = Blobs.open(connection=connection, account_url=None, credential=None)
        async with measured_house() as (house, meter), MailSink() as sink, aiohttp.ClientSession() as session:
            keys = KeySet(signing_jwks(), "ES256")
            yield (
                house,
                meter,
                Tools(
                    database=house.database,
                    blobs=blobs,
                    journal=Journal(blobs),
                    hub=RecordingHub(),
                    mailer=Mailer.of(sink.address, sender="no-reply@blue.example", password=None),
                    keys=keys,
                    vault=new_vault(house.database, blobs),
                    webhooks=Webhooks({}, keys, session),
                ),
            )
        await blobs.close()
    finally:
        await azurite.stop()


async def fill(home: Home, readings: int) -> int:
    """Store so many readings: copies of one message under ids of their own; return how many items that are."""
    telemetry = home.database["telemetry"]
    await home.store(await home.event(*(home.call(durationS=place) for place in range(READINGS_A_MESSAGE))))
    query = "SELECT * FROM c WHERE c.type = 'usageReadings'"
    [stored] = [item async for item in telemetry.query(query, partition=home.access.ownership_id)]
    count = max(1, readings // READINGS_A_MESSAGE) - 1

    def copy() -> Item:
        message_id = str(uuid4())
        return declared(stored) | {"id": stored["id"].replace(stored["messageId"], message_id), "messageId": message_id}

    limit = asyncio.Semaphore(BATCHES_AT_ONCE)

    async def create(size: int) -> None:
        async with limit:
            await telemetry.batch(home.access.ownership_id, [Create(copy()) for _ in range(size)])

    await asyncio.gather(*(create(min(BATCH, count - start)) for start in range(0, count, BATCH)))
    return count + 1


async def erase(home: Home, tools: Tools, meter: Meter, name: str) -> Erased:
    """Do the whole job; its waits move the clock, and are told apart."""
    queue = home.database["jobs"]
    item = await jobs.start_job(
        KIND, name, {"scope": "person", "through": ""}, jobs=queue, hub=RecordingHub(), now=home.clock()
    )
    waited = 0.0

    async def sleep(seconds: float) -> None:
        nonlocal waited
        waited += seconds
        home.clock.forward(seconds=seconds)

    async def next_step(lease: Lease) -> Stepped:
        return await step(tools, lease)

    async def run() -> None:
        while (await _job(home, item["jobId"]))["cursor"].get("phase") != "complete":
            end = await jobs.run_job(
                item["jobId"], {KIND: next_step}, jobs=queue, hub=RecordingHub(), now=home.clock, sleep=sleep
            )
            assert end in {"waiting", "to be continued"}, end

    began = time.perf_counter()
    cost = await meter.cost(run())
    worked = time.perf_counter() - began
    held = (await _job(home, item["jobId"]))["held"]
    return Erased(sum(held.values()), cost, worked, waited)


async def _job(home: Home, job_id: str) -> dict[str, Any]:
    item = await home.database["jobs"].read(job_id, job_id)
    assert item is not None
    return item


async def erasure() -> None:
    """Persons with more and more readings."""
    note(f"an erasure of everything a person has; {READINGS_A_MESSAGE} readings a message; times without its waits")
    async with measured() as (house, meter, tools):
        per_item: dict[str, float] = {}
        for number, (suffix, readings) in enumerate(SIZES.items()):
            name = f"{number:032x}"
            home = await Home.paired(house, name, f"VEO-ERASE-{number}")
            await fill(home, readings)
            done = await erase(home, tools, meter, name)
            per_item[suffix] = done.cost.cpu_s / done.items
            figure(f"erase_s{suffix}", done.worked_s, "s")
            figure(f"erase_wait_s{suffix}", done.waited_s, "s")
            figure(f"erase_items{suffix}", done.items, "items")
            figure(f"erase_requests_per_1000_items{suffix}", done.cost.requests * 1000 / done.items, "requests")
            figure(f"erase_modelled_ru{suffix}", done.cost.request_units, "RU")
            figure(f"erase_cpu_ms_per_item{suffix}", done.cost.cpu_s * 1000 / done.items, "ms")
        figure("erase_growth", per_item[""] / per_item["_at_100k"], "x")
        await under_load(house, meter, tools)


async def under_load(house: House, meter: Meter, tools: Tools) -> None:
    """The monitor sends all the time, under its last token, and the hub delivers all of it twice."""
    name = "f" * 32
    house.clock.now = datetime.now(UTC)
    home = await Home.paired(house, name, "VEO-ERASE-LOAD")
    await fill(home, SIZES["_at_1k"])
    policy, ending, sent = await home.policy(), asyncio.Event(), 0

    async def keep_sending() -> None:
        nonlocal sent
        while not ending.is_set():
            event = await home.event(home.call(durationS=sent), policy=policy)
            await store_events([event, event], database=home.database, now=home.clock)
            sent += 1
            await asyncio.sleep(0.01)

    sending = asyncio.create_task(keep_sending())
    await erase(home, tools, meter, name)
    ending.set()
    await sending
    left = home.database["telemetry"].query("SELECT c.id FROM c", partition=home.access.ownership_id)
    figure("erase_under_load_messages_sent", sent, "messages")
    figure("erase_under_load_rows_left", len([item async for item in left]) - 1, "rows")  # but the tombstone


if __name__ == "__main__":
    asyncio.run(erasure())
