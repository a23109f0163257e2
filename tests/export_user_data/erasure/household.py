"""A household with everything that may be held of a person, and the erasure of it."""

import contextlib
import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from export_user_data.erasure import requests
from export_user_data.erasure.contract import Erasure, ErasurePlan, ErasureRequest
from export_user_data.erasure.steps import KIND, step
from export_user_data.erasure.tools import Tools
from register_device.contract.account import AppInstallation
from register_device.installations import register_installation
from register_device.support_cases import open_case
from shared import jobs
from shared.blobs import EXPORTS
from shared.callers import Resident
from shared.cosmos import Database, Item
from shared.data_map import CONTAINERS
from shared.jobs import Later, Lease, Stepped
from tests.doubles import RecordingHub
from tests.export_user_data.owned import Home
from tests.hosts import Hosts
from tests.people import IDENTITY_KEY
from tests.vaults import Killed

PAYLOADS = Path(__file__).parent.parent.parent / "payloads"


@dataclass
class Household:
    """A person with a monitor, a phone, guests, a support case, readings, an export; and one who stays."""

    hosts: Hosts
    tools: Tools
    homes: dict[str, Home] = field(default_factory=dict)

    @property
    def database(self) -> Database:
        return self.tools.database

    async def live(self, name: str, serial: str) -> Resident:
        """Somebody with everything."""
        house, clock = self.hosts.house, self.hosts.clock
        caller = await self.hosts.sign_in(name)
        body = json.loads((PAYLOADS / "apptoken_request_ios_2026.json").read_text())
        phone = AppInstallation.model_validate(body | {"token": f"{name}-{body['token']}"})
        await register_installation(caller.person_id, phone, database=self.database, key=IDENTITY_KEY, now=clock())
        home = await Home.paired(house, caller.person_id, serial)
        self.homes[name] = home
        await open_case(
            caller.person_id,
            home.access.device_id,
            7,
            log="ringing",
            database=self.database,
            journal=house.journal,
            now=clock(),
        )
        clock.forward(minutes=1)
        await home.store(await home.event(home.call(), home.health()))
        await home.store(await self._unreadable(home))
        await self._export(caller.person_id)
        return caller

    async def _unreadable(self, home: Home) -> Any:
        event = await home.event()
        return replace(event, body=b"not json", sequence_number=7)

    async def _export(self, person_id: str) -> None:
        """A copy that is ready to download."""
        item = await jobs.start_job(
            "export",
            person_id,
            {"scope": "access"},
            jobs=self.database["jobs"],
            hub=RecordingHub(),
            now=self.hosts.clock(),
        )
        name = f"{item['jobId']}/1.zip"

        async def content() -> Any:
            yield b"a copy of everything"

        await self.tools.blobs.upload(EXPORTS, name, content())
        stored = await self.database["jobs"].read(item["jobId"], item["jobId"])
        assert stored is not None
        await self.database["jobs"].replace(item | {"state": "done", "blobName": name}, stored["_etag"])

    async def planned(self, caller: Resident, **request: Any) -> ErasurePlan:
        """Ask what an erasure would do."""
        return await requests.plan_erasure(
            caller.person_id,
            ErasureRequest.model_validate_json(json.dumps(request)),
            database=self.database,
            keys=self.hosts.house.keys,
            now=self.hosts.clock(),
        )

    async def confirmed(self, caller: Resident, confirmation: str) -> Erasure:
        """Confirm it."""
        return await requests.confirm(
            caller.person_id,
            confirmation,
            database=self.database,
            keys=self.hosts.house.keys,
            identity_key=IDENTITY_KEY,
            hub=RecordingHub(),
            now=self.hosts.clock(),
        )

    async def asked(self, caller: Resident, **request: Any) -> Erasure:
        """Ask for an erasure and confirm it."""
        return await self.confirmed(caller, (await self.planned(caller, **request)).confirmation)

    async def run(self, erasure_id: str, tools: Tools | None = None) -> str:
        """Do its steps until it lets go; waits of seconds move the clock."""

        async def next_step(lease: Lease) -> Stepped:
            return await step(tools or self.tools, lease)

        async def sleep(seconds: float) -> None:
            self.hosts.clock.forward(seconds=seconds)

        return await jobs.run_job(
            erasure_id,
            {KIND: next_step},
            jobs=self.database["jobs"],
            hub=RecordingHub(),
            now=self.hosts.clock,
            sleep=sleep,
        )

    async def run_one(self, erasure_id: str) -> None:
        """Do one step."""
        stored = await self.database["jobs"].read(erasure_id, erasure_id)
        assert stored is not None
        lease = Lease(stored, jobs=self.database["jobs"], now=self.hosts.clock)
        stepped = await step(self.tools, lease)
        later = stepped if isinstance(stepped, Later) else Later(stepped or {}, self.hosts.clock())
        await lease.commit(until=later.at, cursor=later.cursor, state="running")

    async def until_erased(self, erasure_id: str) -> Item:
        """Run it, as nudges do, until nothing is left but to wait for other places."""
        for _ in range(100):
            item = await self.job(erasure_id)
            if item["cursor"].get("phase") == "complete":
                return item
            with contextlib.suppress(Killed):
                await self.run(erasure_id)
            assert (await self.job(erasure_id))["state"] != "parked"
            self.hosts.clock.forward(seconds=90)
        raise AssertionError(f"it is not erased: {item['cursor']}, {item.get('failure')}")

    async def erased(self, caller: Resident, **request: Any) -> Item:
        """Ask, confirm, and erase."""
        asked = await self.asked(caller, **request)
        return await self.until_erased(asked.erasure_id)

    async def job(self, erasure_id: str) -> Item:
        item = await self.database["jobs"].read(erasure_id, erasure_id)
        assert item is not None
        return item

    async def stored(self) -> dict[tuple[str, str], list[Item]]:
        """Everything in the database, by container and record."""
        found: dict[tuple[str, str], list[Item]] = {}
        for container in CONTAINERS:
            async for item in self.database[container].query("SELECT * FROM c"):
                found.setdefault((container, item["type"]), []).append(item)
        return found

    async def mentions(self, *words: str) -> set[str]:
        """Records of which an item holds one of these words anywhere, as `container/record`."""
        stored = await self.stored()
        return {
            f"{container}/{record}"
            for (container, record), items in stored.items()
            if any(word in json.dumps(item) for item in items for word in words)
        }
