"""Storing readings: the worker in a process of its own, beside the samples' pattern on the same host and database."""

import asyncio
import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from azure.cosmos import PartitionKey
from azure.cosmos.aio import CosmosClient

from ingest_telemetry.messages import Message, event_of
from local.cloud import LocalCloud
from shared import clock
from shared.cosmos import Database
from shared.gate import change_policy, create_gate
from shared.policy import Policy, Window
from tests.bench.figures import figure, note
from tests.bench.worker import totals, usage
from tests.doubles import RecordingJournal

ROOT = Path(__file__).parents[2]
REFERENCE = Path(__file__).with_name("reference")

SIZES = (1, 10, 60)
LARGEST = SIZES[-1]
BATCH = 100
"""Events of one invocation; host.json lets it be 25 to 256."""

BATCHES = 20
BACKLOG_DEVICES = 2
"""Monitors whose backlogs lie in one batch: 50 messages each."""

CHANGED_EVERY = 100
"""One message of so many meets a policy that changed after it was accepted."""

FEW, MANY = 100, 100_000
GROWTH_BATCHES = 50
PRODUCT = {"model": "VEO-XS WIFI", "firmware": "3.2.1", "region": "ES"}
SEEDING_AT_ONCE = 32

Event = tuple[str, dict[str, str]]


def reading(moment: datetime, number: int = 0) -> dict[str, Any]:
    """A kind, a time and five numeric fields."""
    return {
        "kind": "system_health",
        "observedAt": clock.text(moment - timedelta(seconds=60 * number)),
        "cpuPercent": 12.5 + number,
        "memoryUsedMb": 812.25 + number,
        "temperatureC": 41.5,
        "uptimeS": 86400.0 - 60 * number,
        "wifiRssiDbm": -61.0,
    }


@dataclass(frozen=True, slots=True)
class Fleet:
    """Periods of ownership whose performance data are wanted, each with a policy of its own."""

    database: Database
    began: datetime

    @classmethod
    def of(cls, database: Database) -> "Fleet":
        """Nobody yet."""
        return cls(database, datetime.now(UTC) - timedelta(days=1))

    def policy(self, ownership_id: str) -> Policy:
        """It began at a moment of its own."""
        began = self.began - timedelta(seconds=int(ownership_id[:6], 16))
        return Policy(
            epoch=1, start=began, windows={category: (Window(began),) for category in ("usage", "performance")}
        )

    async def begin(self, ownerships: Iterable[str]) -> None:
        """Gate and marker of each."""
        left = iter(ownerships)

        async def some() -> None:
            for ownership_id in left:
                await create_gate(self.database["telemetry"], ownership_id, self.policy(ownership_id))

        await asyncio.gather(*(some() for _ in range(SEEDING_AT_ONCE)))

    async def change(self, ownerships: Iterable[str]) -> None:
        """One more window, as when a support case is opened."""
        for ownership_id in ownerships:
            await change_policy(
                self.database["telemetry"],
                ownership_id,
                lambda policy: policy.with_window("diagnosis", Window(self.began)),
                journal=RecordingJournal(),
                now=datetime.now(UTC),
            )

    def event(self, ownership_id: str, size: int) -> Event:
        """A message as the gateway hands it to the hub."""
        now = datetime.now(UTC)
        body, properties = event_of(
            Message(
                ownership_id=ownership_id,
                policy=self.policy(ownership_id),
                message_id=str(uuid4()),
                schema_version=1,
                sent_at=now,
                received_at=now,
                readings=[reading(now, number) for number in range(size)],
                product=PRODUCT,
            )
        )
        return body.decode(), properties


def reference_event(size: int = 1) -> Event:
    """A reading as the samples send it: by itself, with its device."""
    return json.dumps({"id": str(uuid4()), "deviceId": uuid4().hex, **reading(datetime.now(UTC), size)}), {}


def lines(phase: str, events: Sequence[Event]) -> Iterator[str]:
    """Batches as the measured process reads them."""
    for start in range(0, len(events), BATCH):
        yield json.dumps({"phase": phase, "events": events[start : start + BATCH]}) + "\n"


async def measured(cloud: LocalCloud, app: Path, function: str, file: Path) -> dict[str, dict[str, float]]:
    """What the phases of a file of batches took in a process of their own."""
    process = await asyncio.create_subprocess_exec(
        *(
            sys.executable,
            "-m",
            "tests.bench.worker",
            str(app),
            function,
            cloud.settings["BLUE_COSMOS_ENDPOINT"],
            str(file),
        ),
        cwd=ROOT,
        env={**os.environ, **cloud.settings},
        stdout=asyncio.subprocess.PIPE,
        stderr=(file.with_suffix(".log")).open("wb"),
    )
    said, _ = await process.communicate()
    if process.returncode:
        raise RuntimeError(file.with_suffix(".log").read_text()[-4000:])
    return dict(json.loads(said))


Phases = Mapping[str, Mapping[str, float]]


async def ingestion(cloud: LocalCloud, fleet: Fleet, folder: Path) -> None:
    """What storing takes, ours and the samples'."""
    note(
        f"store_telemetry: batches of {BATCH} events, each of another monitor; one policy of {CHANGED_EVERY} changed "
        f"meanwhile, counted with its change; backlog: {BATCH // BACKLOG_DEVICES} messages of {LARGEST} a monitor. "
        "A real monitor sends 1 to 10 usage readings a message, and 60 of performance, one a minute, every hour"
    )
    reference = await _reference(cloud, folder)
    ours = await _ours(cloud, fleet, folder)
    for size in SIZES:
        suffix = "" if size == LARGEST else f"_at_{size}"
        _compared(suffix, ours[f"at_{size}"], reference["readings"], size)
    backlog = ours["backlog"]
    figure("ingest_backlog_readings_per_cpu_s", LARGEST * backlog["events"] / backlog["cpu_s"], "1/s")
    figure(
        "ingest_backlog_cosmos_requests_per_1000_readings",
        1000 * backlog["requests"] / backlog["events"] / LARGEST,
        "requests",
    )
    figure("ingest_backlog_modelled_ru_per_reading", backlog["ru"] / backlog["events"] / LARGEST, "RU")


async def _reference(cloud: LocalCloud, folder: Path) -> Phases:
    async with CosmosClient(cloud.settings["BLUE_COSMOS_ENDPOINT"], cloud.settings["BLUE_COSMOS_KEY"]) as client:
        created = await client.create_database_if_not_exists("reference")
        await created.create_container_if_not_exists("readings", PartitionKey("/deviceId"))
    file = folder / "reference.jsonl"
    with file.open("w", encoding="utf-8") as written:
        for phase, batches in (("warm", 5), ("readings", BATCHES)):
            written.writelines(lines(phase, [reference_event() for _ in range(batches * BATCH)]))
    return await measured(cloud, REFERENCE, "store_reading", file)


async def _ours(cloud: LocalCloud, fleet: Fleet, folder: Path) -> dict[str, dict[str, float]]:
    count = BATCHES * BATCH
    ownerships = [uuid4().hex for _ in range(count)]
    await fleet.begin(ownerships)
    changed = ownerships[::CHANGED_EVERY]
    usage(cloud.settings["BLUE_COSMOS_ENDPOINT"], "DELETE")
    await fleet.change(changed)
    changes = totals(cloud.settings["BLUE_COSMOS_ENDPOINT"])
    figure("policy_change_cosmos_requests", changes["requests"] / len(changed), "requests")
    figure("policy_change_modelled_ru", changes["ru"] / len(changed), "RU")
    file = folder / "ours.jsonl"
    with file.open("w", encoding="utf-8") as written:
        written.writelines(lines("warm", [fleet.event(one, LARGEST) for one in ownerships[: 5 * BATCH]]))
        for size in SIZES:
            written.writelines(lines(f"at_{size}", [fleet.event(one, size) for one in ownerships]))
        delivering = [one for one in ownerships[:BACKLOG_DEVICES] for _ in range(BATCH // BACKLOG_DEVICES)]
        written.writelines(lines("backlog", [fleet.event(one, LARGEST) for _ in range(BATCHES) for one in delivering]))
    phases = await measured(cloud, ROOT, "store_telemetry", file)
    for (
        size
    ) in SIZES:  # each event of a monitor whose policy has changed was decided anew, and one change is added to it
        for name, spent in changes.items():
            phases[f"at_{size}"][name] += spent
    return phases


async def growth(cloud: LocalCloud, fleet: Fleet, folder: Path) -> None:
    """What a reading takes when the fleet is a thousand times as large, and the memory of the worker then."""
    note(
        f"growth: 1 reading a message; when {MANY} monitors have sent one, {GROWTH_BATCHES} batches of others "
        f"in turn with as many of the same {FEW}"
    )
    few, many = ([uuid4().hex for _ in range(count)] for count in (FEW, MANY))
    await fleet.begin([*few, *many])
    filling = len(many) - GROWTH_BATCHES * BATCH
    last = [many[start : start + BATCH] for start in range(filling, len(many), BATCH)]
    in_turn = [batch for pair in zip([few] * GROWTH_BATCHES, last, strict=True) for batch in pair]
    file = folder / "growth.jsonl"
    with file.open("w", encoding="utf-8") as written:
        for batch in [few] * 5:
            written.writelines(lines("warm", [fleet.event(one, 1) for one in batch]))
        for start in range(0, filling, BATCH):
            written.writelines(lines("filling", [fleet.event(one, 1) for one in many[start : start + BATCH]]))
        for number, batch in enumerate(in_turn):
            phase = "many" if number % 2 else "few"
            written.writelines(lines(phase, [fleet.event(one, 1) for one in batch]))
    phases = await measured(cloud, ROOT, "store_telemetry", file)
    figure("ingest_cost_growth", phases["many"]["cpu_s"] / phases["few"]["cpu_s"], "x")
    figure("ingest_worker_memory_mb_at_few", phases["warm"]["memory_mb"], "MB")
    figure("ingest_worker_memory_mb", phases["many"]["memory_mb"], "MB")


def _compared(suffix: str, ours: Mapping[str, float], reference: Mapping[str, float], size: int) -> None:
    readings = ours["events"] * size
    for name, key, unit, per in (
        ("ingest_cpu_s_per_1000_readings", "cpu_s", "s", 1000),
        ("ingest_cosmos_requests_per_1000_readings", "requests", "requests", 1000),
        ("ingest_modelled_ru_per_reading", "ru", "RU", 1),
    ):
        mine, theirs = per * ours[key] / readings, per * reference[key] / reference["events"]
        figure(f"{name}{suffix}", mine, unit)
        if not suffix:
            figure(f"{name}_reference", theirs, unit)
        figure(f"{name}_ratio{suffix}", theirs / mine, "x")
    figure(f"ingest_readings_per_cpu_s{suffix}", readings / ours["cpu_s"], "1/s")
