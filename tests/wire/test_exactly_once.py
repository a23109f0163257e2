"""Whatever happens to the worker, what is stored is what was accepted: every reading, once, with its content.

The host is killed at named points and at random while monitors send, send again and out of order, and it comes back
with other batch sizes each time.
"""

import asyncio
import base64
import random
import shutil
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from local.cloud import LocalCloud
from local.part import PartEnded
from shared.cosmos import Database
from shared.injection import Point
from tests.observed import OBSERVED
from tests.wire.conftest import PATIENCE_S, QUICK_TAKEOVER, Household, ListeningApi
from tests.wire.sent import Sending, Stream, all_accepted, keep_on_poisoning, stored_messages

ROOT = Path(__file__).parent.parent.parent
STOP_AT = "TEST_STOP_AT"
STOPPED_HERE = "77"
"""How a host ends that was told where."""

HUBS = "AzureFunctionsJobHost__extensions__eventHubs__"
MONITORS = 4
STOPS: list[tuple[Point, int]] = [
    ("ingest.decided", 3),
    ("ingest.written", 1),
    ("ingest.conflicted", 2),
    ("quarantine.kept", 2),
]
BATCH_SIZES = ("3", "64", "1", "256")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def mortal(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[LocalCloud]:
    quick = QUICK_TAKEOVER | {
        f"{HUBS}loadBalancingUpdateInterval": "00:00:00.500",
        f"{HUBS}partitionOwnershipExpirationInterval": "00:00:02",
        f"{HUBS}minEventBatchSize": "1",
    }
    app = tmp_path_factory.mktemp("mortal_app")
    shutil.copy(ROOT / "host.json", app / "host.json")
    shutil.copy(Path(__file__).parent / "mortal_app.py", app / "function_app.py")
    async with LocalCloud(data=tmp_path_factory.mktemp("mortal"), app=app, extra_settings=quick) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def database(mortal: LocalCloud) -> AsyncIterator[Database]:
    settings = mortal.settings
    opened = await Database.open(
        settings["BLUE_COSMOS_ENDPOINT"], settings["BLUE_COSMOS_KEY"], settings["BLUE_COSMOS_DATABASE"]
    )
    yield opened
    await OBSERVED.database(opened)
    await opened.close()


async def restart(cloud: LocalCloud, *, batch_size: str, stop_at: str = "") -> None:
    """Kill the host, and start it with other batch boundaries, and perhaps a point at which it ends."""
    await cloud.kill_host()
    cloud.settings |= {f"{HUBS}maxEventBatchSize": batch_size, STOP_AT: stop_at}
    await cloud.start_host()


async def stopped_at(cloud: LocalCloud, point: Point, nth: int, *, batch_size: str) -> None:
    """Start the host, and wait until it has ended by itself at the point."""
    try:
        async with asyncio.timeout(PATIENCE_S * 2):
            await restart(cloud, batch_size=batch_size, stop_at=f"{point}:{nth}")
            ended = str(await cloud.parts["host"].wait())
    except PartEnded as early:  # before it said that it was ready
        ended = str(early).partition("exit code ")[2].partition(")")[0]
    assert ended == STOPPED_HERE


async def everything(database: Database) -> list[Any]:
    """All of what ingestion stores, with the ETags: a write that changes nothing would change those."""
    query = "SELECT * FROM c"
    telemetry = [item async for item in database["telemetry"].query(query)]
    return sorted(telemetry + [item async for item in database["quarantine"].query(query)], key=lambda item: item["id"])


@pytest.mark.timeout(300)  # eight starts of the host, on a machine that may be busy
async def test_a_worker_killed_anywhere_stores_each_reading_once(mortal: LocalCloud, database: Database) -> None:
    """And when the whole hub is read again from its start, nothing changes at all."""
    chance = random.Random(7)  # noqa: S311 - moments of a test, no secrets
    api = ListeningApi.opened(mortal.host_url)
    async with api.session, Stream.of(mortal) as stream:
        sending = [Sending(await Household(mortal, api).move_in()) for _ in range(MONITORS)]
        ending = asyncio.Event()
        async with asyncio.TaskGroup() as load:
            for one in sending:
                load.create_task(one.keep_on(ending))
            poisoning = load.create_task(keep_on_poisoning(mortal, ending))
            await asyncio.sleep(chance.uniform(0.5, 1.5))
            for (point, nth), batch_size in zip(STOPS, BATCH_SIZES, strict=True):
                await stopped_at(mortal, point, nth, batch_size=batch_size)
            await restart(mortal, batch_size="17")
            await asyncio.sleep(chance.uniform(5, 6))  # a host that begins anew opens its links for some seconds
            await restart(mortal, batch_size="50")
            await asyncio.sleep(chance.uniform(3, 4))
            ending.set()
        await stream.read_to_its_end()

        accepted = all_accepted(sending)
        assert len(accepted) > 20  # so that there is something to compare
        assert await stored_messages(database, {ownership_id for ownership_id, _ in accepted}) == accepted
        before = await everything(database)
        kept = Counter(base64.b64decode(item["body"]) for item in before if item["type"] == "malformed")
        assert kept == Counter(poisoning.result())
        assert not [item for item in before if item["type"] == "attributableMalformed"]

        await mortal.stop_host()
        await stream.forget_how_far()
        await restart(mortal, batch_size="23")
        await stream.read_to_its_end()
        assert await everything(database) == before
