"""From accepted to readable: what an owner waits for, with hub, host and database as they are configured."""

import asyncio
import itertools
import json
import statistics
import time
from http import HTTPStatus
from uuid import uuid4

import aiohttp

from local.cloud import LocalCloud
from shared.cosmos import Database
from tests.bench.figures import figure, note
from tests.bench.gateway import device_keys, messages
from tests.bench.ingest import Fleet

MESSAGES = 200
EVERY_S = 0.1
POLL_EVERY_S = 0.02


async def latency(cloud: LocalCloud, fleet: Fleet) -> None:
    """Messages come one after the other, each of another monitor, and the owner asks for it until it is there."""
    ownerships = [uuid4().hex for _ in range(MESSAGES)]
    await fleet.begin(ownerships)
    note(
        f"latency: {1 / EVERY_S:.0f} messages a second; the trigger waits for 25 events, 2 s at most, as host.json says"
    )
    await cloud.start_host()
    try:
        async with aiohttp.ClientSession(cloud.host_url) as session:
            await _one(session, cloud, fleet, ownerships[0])  # the worker opens its clients, the host its partitions
            waits: list[asyncio.Task[float]] = []
            for ownership_id in ownerships[1:]:
                waits.append(asyncio.create_task(_one(session, cloud, fleet, ownership_id)))
                await asyncio.sleep(EVERY_S)
            seconds = await asyncio.gather(*waits)
    finally:
        await cloud.stop_host()
    percentiles = statistics.quantiles(seconds, n=100)
    for percent in (50, 95, 99):
        figure(f"end_to_end_latency_s_p{percent}", percentiles[percent - 1], "s")


async def _one(session: aiohttp.ClientSession, cloud: LocalCloud, fleet: Fleet, ownership_id: str) -> float:
    [(body, headers)] = itertools.islice(messages(fleet, device_keys(cloud), 1, ownership_id), 1)
    async with session.post("/api/telemetry", data=body, headers=headers) as answer:
        if answer.status != HTTPStatus.ACCEPTED:
            raise RuntimeError(await answer.text())
    accepted = time.perf_counter()
    await _readable(fleet.database, ownership_id, f"{json.loads(body)['messageId']}:performance")
    return time.perf_counter() - accepted


async def _readable(database: Database, ownership_id: str, item_id: str) -> None:
    while await database["telemetry"].read(ownership_id, item_id) is None:  # noqa: ASYNC110 - an owner asks again as well
        await asyncio.sleep(POLL_EVERY_S)
