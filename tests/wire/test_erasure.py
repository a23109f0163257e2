"""An erasure in the running system, while everything that could bring things back is tried."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from azure.eventhub import EventData
from azure.eventhub.aio import EventHubProducerClient

from local.api import Answer, Refused
from local.cloud import LocalCloud
from shared.cosmos import Database
from shared.data_map import CONTAINERS
from shared.gate import load_policy
from tests.observed import OBSERVED
from tests.poison import stamp
from tests.wire.conftest import PERSONAL, QUICK_TAKEOVER, Household, ListeningApi, eventually
from tests.wire.sent import Sending, Stream
from tests.wire.test_fleet import Engineer

ROOT = Path(__file__).parents[2]
ERASED_WITHIN_S = 180
MAY_NAME = {"people/gate", "telemetry/gate", "claims/claim", "ledger/ledgerEntry", "ledger/ledgerStep"}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def own_cloud(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[LocalCloud]:
    folder = tmp_path_factory.mktemp("erasing")
    async with LocalCloud(data=folder, extra_settings=QUICK_TAKEOVER, controlled=True) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def database(own_cloud: LocalCloud) -> AsyncIterator[Database]:
    settings = own_cloud.settings
    opened = await Database.open(
        settings["BLUE_COSMOS_ENDPOINT"], settings["BLUE_COSMOS_KEY"], settings["BLUE_COSMOS_DATABASE"]
    )
    yield opened
    await OBSERVED.database(opened)
    await opened.close()


async def mentions(database: Database, *names: str) -> set[str]:
    """Records of which an item holds one of these names anywhere."""
    return {
        f"{container}/{item['type']}"
        for container in CONTAINERS
        async for item in database[container].query("SELECT * FROM c")
        if any(name in json.dumps(item) for name in names)
    }


class Leaver:
    """A resident who asks to be erased, over HTTP."""

    def __init__(self, household: Household) -> None:
        self.household = household
        self.api = household.api
        self.asked: dict[str, Any] = {}

    async def _post(self, path: str, body: dict[str, Any]) -> Answer:
        return await self.api.post(path, body, authorization=f"Bearer {await self.household.token()}")

    async def ask(self) -> None:
        plan = await self._post("/api/me/erasures", {"scope": "person"})
        assert {one["category"]: one["becomes"] for one in plan["fate"]}["usage"] == "destroy"
        PERSONAL.add(plan["confirmation"])
        confirmed = await self._post("/api/me/erasures/confirm", {"confirmation": plan["confirmation"]})
        self.asked = {"erasureId": confirmed["erasureId"], "receiptCode": confirmed["receiptCode"]}
        PERSONAL.add(confirmed["receiptCode"])

    async def state(self) -> str:
        return str((await self.api.post("/api/erasures/receipt", self.asked))["state"])

    async def erased(self) -> None:
        for _ in range(ERASED_WITHIN_S):
            if await self.state() == "erased":
                return
            await asyncio.sleep(1)
        raise AssertionError(f"it is still {await self.state()}")


async def poisoned(cloud: LocalCloud, household: Household, database: Database) -> None:
    """An event of the household that nobody can read, set aside, and tried again by staff."""
    policy = await load_policy(database["telemetry"], household.ownership_id)
    producer = EventHubProducerClient.from_connection_string(cloud.settings["EventHubs"], eventhub_name="telemetry")
    event = EventData(b"not json")
    event.properties.update(stamp(household.ownership_id, policy))
    async with producer:
        batch = await producer.create_batch(partition_key=household.ownership_id)
        batch.add(event)
        await producer.send_batch(batch)
    engineer = await Engineer.signed_in(household, "fleet")
    mine = {"serialNumber": household.data["serialNumber"], "purpose": "repair"}
    listed: list[dict[str, Any]] = []

    async def set_aside() -> bool:
        listed[:] = (await engineer.post("/api/staff/quarantine/list", mine))["events"]
        return bool(listed)

    await eventually(set_aside, "the event was set aside")
    await engineer.post("/api/staff/quarantine/replay", {**mine, "eventId": listed[0]["eventId"]})


@pytest.mark.timeout(400)  # the waits of an erasure, and three starts of the host
async def test_nothing_comes_back(own_cloud: LocalCloud, database: Database, tmp_path: Path) -> None:
    """With a monitor that keeps sending, quarantine and hub replayed, an old snapshot, and herself again."""
    api = ListeningApi.opened(own_cloud.host_url)
    async with api.session, Stream.of(own_cloud) as stream:
        household = await Household(own_cloud, api).move_in()
        person = str((await household.resident.me())["personId"])
        names = (person, household.ownership_id, household.email)
        leaver, sending, ending = Leaver(household), Sending(household), asyncio.Event()
        async with asyncio.TaskGroup() as load:
            load.create_task(sending.keep_on(ending))
            await poisoned(own_cloud, household, database)
            await asyncio.sleep(2)  # the replayed event comes again
            await own_cloud.cosmos.snapshot(tmp_path / "before")
            assert {"telemetry/usageReadings", "telemetry/attributableMalformed"} <= await mentions(database, *names)
            await leaver.ask()
            await leaver.erased()
            await asyncio.sleep(2)
            ending.set()
        assert len(sending.accepted) > 50
        await stream.read_to_its_end()

        async def is_gone() -> bool:
            return await mentions(database, *names) <= MAY_NAME

        await eventually(is_gone, "every recipient has acknowledged it")

        # The hub from its start: everything that was ever accepted or replayed comes once more.
        await own_cloud.kill_host()
        await stream.forget_how_far()
        await own_cloud.start_host()
        await stream.read_to_its_end()
        assert await mentions(database, *names) <= MAY_NAME

        # Herself, with the same sign-in and the same monitor: a new person, who has nothing of before.
        await household.move_in()
        again = str((await household.resident.me())["personId"])
        assert again != person
        assert household.ownership_id not in names
        [device] = await household.resident.devices()
        assert device["since"] > "2026"

        # A backup of before: nothing is answered until the erasure was done again.
        await own_cloud.kill_host()
        await own_cloud.cosmos.restore(tmp_path / "before")
        assert "telemetry/usageReadings" in await mentions(database, *names)
        await own_cloud.start_host()
        with pytest.raises(Refused, match="database_restored"):
            await household.resident.me()
        await replayed(own_cloud)
        await own_cloud.restart_host()
        assert await mentions(database, person, names[1]) <= MAY_NAME
        assert (await household.resident.me())["personId"] not in {person, again}


async def replayed(cloud: LocalCloud) -> None:
    """What an operator does after a restore."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "export_user_data",
        "replay-erasures",
        cwd=ROOT,
        env={**os.environ, **cloud.settings, "AZURE_FUNCTIONS_ENVIRONMENT": "Development"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await asyncio.wait_for(process.communicate(), timeout=60)
    assert process.returncode == 0, said.decode()
    assert b"may serve again" in said
