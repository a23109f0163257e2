"""Taking messages over HTTP, beside a function on the same host that only answers 202."""

import asyncio
import itertools
import json
import sys
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from uuid import uuid4

import aiohttp
import psutil

from local.cloud import LocalCloud
from local.part import Part
from shared import clock
from shared.keys import DeviceToken, KeySet, issue_device_token
from tests.bench.figures import figure, note
from tests.bench.ingest import LARGEST, PRODUCT, REFERENCE, ROOT, SIZES, Fleet, reading

ROUNDS = 6
REQUESTS = 300
AT_ONCE = 100
"""As many as host.json lets in."""

Request = tuple[bytes, dict[str, str]]


@asynccontextmanager
async def host(cloud: LocalCloud, app: Path, folder: Path) -> AsyncIterator[Part]:
    """An app's HTTP functions in a process of their own."""
    part = Part(
        "host",
        [sys.executable, "-m", "local", "host", "--app", app, "--port", "0", "--no-triggers"],
        log=folder / f"host-{uuid4().hex}.log",
        environment=cloud.settings,
    )
    await part.start()
    try:
        yield part
    finally:
        await part.stop()


def cpu_s(part: Part) -> float:
    """Processor time that a part has used so far."""
    times = psutil.Process(part.pid).cpu_times()
    return times.user + times.system


async def cpu_s_of(part: Part, path: str, requests: Iterable[Request]) -> float:
    """What a part takes for some requests, so many at a time."""
    left = iter(requests)

    async def send(session: aiohttp.ClientSession) -> None:
        for body, headers in left:
            async with session.post(path, data=body, headers=headers) as answer:
                text = await answer.read()
                if answer.status != HTTPStatus.ACCEPTED:
                    raise RuntimeError(text.decode())

    async with aiohttp.ClientSession(part.address) as session:
        began = cpu_s(part)
        await asyncio.gather(*(send(session) for _ in range(AT_ONCE)))
        return cpu_s(part) - began


def messages(fleet: Fleet, keys: KeySet, size: int, of: str | None = None) -> Iterator[Request]:
    """Each message from another monitor, unless they are all of one."""
    while True:
        ownership_id, now = of or uuid4().hex, datetime.now(UTC)
        token, _ = issue_device_token(
            DeviceToken(uuid4().hex, ownership_id, fleet.policy(ownership_id), "veo-wifi", "0" * 32, PRODUCT),
            keys=keys,
            now=now,
        )
        body = {
            "schemaVersion": 1,
            "messageId": str(uuid4()),
            "sentAt": clock.text(now),
            "readings": [reading(now, number) for number in range(size)],
        }
        yield (
            json.dumps(body).encode(),
            {"Content-Type": "application/json", "Authorization": f"Bearer {token}"},
        )


async def gateway(cloud: LocalCloud, fleet: Fleet, folder: Path) -> None:
    """How many messages a second of CPU takes, as a part of what the host and its runtime can do at all."""
    note(
        f"accept_telemetry: {ROUNDS} rounds of {REQUESTS} requests, {AT_ONCE} at a time, each of another monitor; "
        "the reference in turn with it, with messages of the largest size"
    )
    sent = {size: messages(fleet, device_keys(cloud), size) for size in SIZES}
    spent = dict.fromkeys((0, *SIZES), 0.0)
    async with host(cloud, REFERENCE, folder) as reference, host(cloud, ROOT, folder) as ours:
        for number in range(ROUNDS + 1):
            for size in spent:
                requests = list(itertools.islice(sent[size or LARGEST], REQUESTS))
                part, path = (ours, "/api/telemetry") if size else (reference, "/api/accepted")
                taken = await cpu_s_of(part, path, requests)
                spent[size] += taken if number else 0  # the first round warms up
    for size in SIZES:
        suffix = "" if size == LARGEST else f"_at_{size}"
        figure(f"gateway_messages_per_cpu_s{suffix}", ROUNDS * REQUESTS / spent[size], "1/s")
        figure(f"gateway_ratio{suffix}", spent[0] / spent[size], "x")
    figure("gateway_messages_per_cpu_s_reference", ROUNDS * REQUESTS / spent[0], "1/s")


def device_keys(cloud: LocalCloud) -> KeySet:
    """The keys that the app verifies device tokens with."""
    return KeySet(json.loads(cloud.settings["BLUE_DEVICE_TOKEN_KEYS"]), "HS256")
