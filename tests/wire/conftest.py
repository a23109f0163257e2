"""The whole local cloud, once for all tests of this folder: every process and protocol is the real one."""

import asyncio
import inspect
import json
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from local.api import Answer, Api, Refused
from local.attestation import Make
from local.cloud import LocalCloud
from local.keys import ENROLMENT_GROUP
from local.monitor import Monitor
from local.outbox import timestamp
from local.resident import Resident
from shared.cosmos import Database
from shared.data_map import CONTAINERS
from tests.observed import OBSERVED

PATIENCE_S = 30

_HUBS = "AzureFunctionsJobHost__extensions__eventHubs__"
QUICK_TAKEOVER = {
    f"{_HUBS}loadBalancingUpdateInterval": "00:00:01",
    f"{_HUBS}partitionOwnershipExpirationInterval": "00:00:05",
    f"{_HUBS}maxWaitTime": "00:00:00.500",
    "BLUE_MONITOR_MESSAGES_PER_MINUTE": "6000",
}
"""A killed host's partitions are taken over in seconds instead of a minute, and small batches do not wait long; a few
monitors may send what a fleet sends."""


def pytest_collection_modifyitems(items: Iterable[pytest.Item]) -> None:
    """Everything here shares one cloud, and so one event loop, and talks real protocols."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.wire)
            if inspect.iscoroutinefunction(getattr(item, "function", None)):
                item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest.fixture(scope="session")
def cloud_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cloud")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def cloud(cloud_folder: Path) -> AsyncIterator[LocalCloud]:
    async with LocalCloud(data=cloud_folder, extra_settings=QUICK_TAKEOVER, controlled=True) as running:
        yield running


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def api(cloud: LocalCloud) -> AsyncIterator[Api]:
    opened = ListeningApi.opened(cloud.host_url)
    async with opened.session:
        yield opened


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def stored(cloud: LocalCloud) -> AsyncIterator["Stored"]:
    database = await Database.open(
        cloud.settings["BLUE_COSMOS_ENDPOINT"],
        cloud.settings["BLUE_COSMOS_KEY"],
        cloud.settings["BLUE_COSMOS_DATABASE"],
    )
    yield Stored(database)
    await database.close()


class Stored:
    """What lies in the database, as tests ask for it."""

    def __init__(self, database: Database) -> None:
        self.database = database

    async def items(self, container: str, item_type: str) -> list[dict[str, Any]]:
        query = "SELECT * FROM c WHERE c.type = @type"
        return [item async for item in self.database[container].query(query, {"type": item_type})]

    async def everything(self) -> dict[str, int]:
        """How many items each container holds."""
        return {
            name: len([item async for item in self.database[name].query("SELECT c.id FROM c")]) for name in CONTAINERS
        }


PERSONAL: set[str] = {"<FCM_TOKEN>", "<APNS_TOKEN_HEX>"}
"""Every personal value, token and claim that a test of this folder used."""


@dataclass(slots=True)
class Answers:
    """What was asked and what was refused, as text."""

    paths: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


ANSWERS = Answers()


class ListeningApi(Api):
    """Keeps the paths that were asked and the problem documents that came back."""

    async def send(self, method: str, path: str, body: bytes | None, **kwargs: Any) -> Answer:
        """Ask as usual, and keep what was said."""
        ANSWERS.paths.append(path)
        PERSONAL.update(part for part in (kwargs.get("authorization") or "").split(" ")[1:] if len(part) > 8)
        try:
            answer = await super().send(method, path, body, **kwargs)
        except Refused as refused:
            ANSWERS.problems.append(json.dumps(dict(refused.problem)))
            OBSERVED.codes.add(refused.code)
            raise
        OBSERVED.codes.update(receipt["code"] for receipt in answer.body.get("receipts", ()) if "code" in receipt)
        return answer

    async def lines(self, path: str, *, authorization: str | None = None) -> list[dict[str, Any]]:
        """Ask as usual, and keep what was asked."""
        ANSWERS.paths.append(path)
        return await super().lines(path, authorization=authorization)


class Household:
    """A resident, their phone and their monitor."""

    _number = 0

    def __init__(self, cloud: LocalCloud, api: Api) -> None:
        Household._number += 1
        number = Household._number
        self.api = api
        self.email = f"resident.{number}@personal.example"
        self.issuer = cloud.addresses.identity
        self.resident = Resident(api, issuer=self.issuer, email=self.email)
        self.data = {
            "serialNumber": f"VEO-PERSONAL-{number:06}",
            "macAddress": f"0A:1B:2C:3D:4E:{number % 256:02X}",
            "model": "VEO-XS WIFI",
            "firmwareVersion": "3.2.1",
        }
        group_key = json.loads(cloud.settings["BLUE_ENROLMENT_GROUPS"])[ENROLMENT_GROUP][0]
        PERSONAL.update({self.email, self.data["serialNumber"], self.data["macAddress"]})
        self.make = Make.manufactured(self.data, enrolment_group=ENROLMENT_GROUP, group_key=group_key)
        self.monitor = Monitor(api, self.make)

    async def move_in(self) -> "Household":
        """Sign in and pair the monitor."""
        await self.resident.sign_in()
        claim = (await self.resident.claim())["claim"]
        PERSONAL.add(claim.partition(".")[2])
        await self.monitor.register(claim)
        return self

    @property
    def ownership_id(self) -> str:
        assert self.monitor.access is not None
        return self.monitor.access.ownership_id

    async def token(self, **changes: Any) -> str:
        """A token of this resident, as the test wants it to be."""
        provider = Api(self.issuer, self.api.session)  # not the service: what it is asked holds the address
        return str((await provider.post("/token", {"email": self.email, **changes}))["access_token"])

    async def attestation(self) -> str:
        """A proof of make by this household's monitor, good for once."""
        serial_number = self.make.serial_number
        challenge = await self.api.post("/api/devices/challenge", {"serialNumber": serial_number})
        return self.make.authorization(challenge["challenge"], challenge["expires"])

    async def refused(self, method: str, path: str, body: bytes | None, **kwargs: Any) -> Refused:
        """The problem that a request is refused with."""
        with pytest.raises(Refused) as caught:
            await self.api.send(method, path, body, **kwargs)
        return caught.value


@pytest_asyncio.fixture(loop_scope="session")
async def household(cloud: LocalCloud, api: Api) -> Household:
    return await Household(cloud, api).move_in()


@pytest_asyncio.fixture(loop_scope="session")
async def neighbours(cloud: LocalCloud, api: Api) -> Household:
    return await Household(cloud, api).move_in()


def call(outcome: str = "answered", **fields: Any) -> dict[str, Any]:
    """A usage reading of now."""
    return {"kind": "call", "observedAt": timestamp(), "outcome": outcome, **fields}


def envelope(*readings: dict[str, Any], **changes: Any) -> bytes:
    """A message as bytes."""
    body = {"schemaVersion": 1, "messageId": str(uuid.uuid4()), "sentAt": timestamp(), "readings": list(readings)}
    return json.dumps(body | changes).encode()


async def eventually(holds: Callable[[], Awaitable[bool]], what: str) -> None:
    """Wait until something holds, for a bounded time."""
    deadline = time.monotonic() + PATIENCE_S
    while not await holds():
        assert time.monotonic() < deadline, f"waited {PATIENCE_S} s in vain: {what}"
        await asyncio.sleep(0.1)
