"""What monitors sent and the service accepted, to be held against what is stored: by content, each reading once."""

import asyncio
import json
from collections import Counter
from collections.abc import Iterable
from typing import Any, Self

import aiohttp
from azure.eventhub import EventData
from azure.eventhub.aio import EventHubProducerClient

from export_user_data.walk import READING_TAIL, readings
from ingest_telemetry.watch import checkpoints_of
from local.api import Refused
from local.cloud import LocalCloud
from shared.blobs import CHECKPOINTS, Blobs
from shared.cosmos import Database
from shared.hubs import TELEMETRY_HUB, Hubs
from tests.wire.conftest import Household, call, envelope, eventually

Messages = dict[tuple[str, str], list[str]]
"""Per ownership and message its readings as text, in their order."""

PAUSE_S = 0.1


class Sending:
    """A household's monitor that keeps sending: what is not acknowledged is sent again as it is, some of it anyway."""

    def __init__(self, household: Household) -> None:
        """Nothing sent yet."""
        assert household.monitor.access is not None
        self._api = household.api
        self._authorization = f"Bearer {household.monitor.access.token}"
        self._ownership_id = household.ownership_id
        self._bodies: list[bytes] = []
        self._number = 0
        self.accepted: Messages = {}
        self.refusals: Counter[str] = Counter()

    def make(self) -> bytes:
        """A message of three readings like no other."""
        self._number += 1
        taken = [call("answered", durationS=self._number * 10 + part / 4) for part in range(3)]
        return envelope(*taken)

    async def send(self, body: bytes) -> None:
        """Send until it is acknowledged, and keep what was accepted."""
        while True:
            try:
                answer = await self._api.send("POST", "/api/telemetry", body, authorization=self._authorization)
            except Refused as refused:
                if not refused.temporary and refused.status < 500:
                    raise
                self.refusals[refused.code] += 1
            except (aiohttp.ClientError, TimeoutError):
                self.refusals["no answer"] += 1
            else:
                break
            await asyncio.sleep(PAUSE_S)
        message = json.loads(body)
        taken = [
            message["readings"][receipt["index"]] for receipt in answer["receipts"] if receipt["status"] == "accepted"
        ]
        self.accepted[self._ownership_id, message["messageId"]] = [_text(reading) for reading in taken]
        self._bodies.append(body)

    async def keep_on(self, ending: asyncio.Event) -> None:
        """Send until told to end: in pairs of which the later comes first, and old ones again."""
        while not ending.is_set():
            first, second = self.make(), self.make()
            await self.send(second)
            await self.send(first)
            await self.send(self._bodies[len(self._bodies) // 3])
            await asyncio.sleep(PAUSE_S / 2)


async def keep_on_poisoning(cloud: LocalCloud, ending: asyncio.Event) -> list[bytes]:
    """Put events that nobody can read into the hub, around the gateway; return them."""
    sent: list[bytes] = []
    producer = EventHubProducerClient.from_connection_string(cloud.settings["EventHubs"], eventhub_name=TELEMETRY_HUB)
    async with producer:
        while not ending.is_set():
            body = f"poison {len(sent)}".encode()
            batch = await producer.create_batch(partition_key=str(len(sent) % 7))
            batch.add(EventData(body))
            await producer.send_batch(batch)
            sent.append(body)
            await asyncio.sleep(PAUSE_S * 2)
    return sent


def all_accepted(sending: Iterable[Sending]) -> Messages:
    """What all of them were told is accepted."""
    return {name: taken for one in sending for name, taken in one.accepted.items()}


async def stored_messages(database: Database, ownerships: Iterable[str]) -> Messages:
    """What is stored of them; a message that is stored twice has its readings twice."""
    found: Messages = {}
    query = "SELECT * FROM c WHERE c.type = 'usageReadings'"
    for ownership_id in ownerships:
        async for item in database["telemetry"].query(query, partition=ownership_id):
            rows = [{name: row[name] for name in row.keys() - set(READING_TAIL)} for row in readings(item)]
            found.setdefault((ownership_id, item["messageId"]), []).extend(_text(row) for row in rows)
    return found


def _text(reading: dict[str, Any]) -> str:
    """One written form of it: a duration is a fraction, however it was written."""
    return json.dumps(reading | {"durationS": float(reading["durationS"])}, sort_keys=True)


class Stream:
    """The telemetry hub and how far it was read."""

    def __init__(self, hubs: Hubs, blobs: Blobs) -> None:
        """Take what is opened."""
        self.hubs = hubs
        self.blobs = blobs

    @classmethod
    def of(cls, cloud: LocalCloud) -> Self:
        """The stream of a cloud."""
        return cls(
            Hubs.open(connection=cloud.settings["EventHubs"], namespace=None, credential=None),
            Blobs.open(connection=cloud.settings["AzureWebJobsStorage"], account_url=None, credential=None),
        )

    async def __aenter__(self) -> Self:
        """Nothing is opened before it is asked."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close both."""
        await self.hubs.close()
        await self.blobs.close()

    async def is_read(self) -> bool:
        """Whether every event was done with."""
        done = await checkpoints_of(TELEMETRY_HUB, host_blobs=self.blobs)
        return all(
            end.is_empty or (end.partition in done and done[end.partition].sequence_number == end.last_sequence_number)
            for end in await self.hubs.telemetry.ends()
        )

    async def read_to_its_end(self) -> None:
        """Wait until every event was done with."""
        await eventually(self.is_read, "the hub was read to its end")

    async def forget_how_far(self) -> None:
        """Let the host begin at the start of the hub."""
        names = [name async for name, _, _ in self.blobs.marks(CHECKPOINTS) if f"/{TELEMETRY_HUB}/" in name]
        for name in names:
            await self.blobs.delete(CHECKPOINTS, name)
