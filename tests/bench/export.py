"""What a copy of everything held about a person costs, by how much is held. The exporting process alone is measured.

Each copy is made by a process of its own, so that the peak of its memory is that of one copy.
"""

import asyncio
import json
import resource
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from export_user_data import exports
from export_user_data.copying.steps import Tools, step
from export_user_data.verify import verify
from local.azurite import blob_part, connection_string
from local.cosmos import EMULATOR_KEY
from local.provision import provision_blobs
from local.resources import Resources
from shared import jobs
from shared.blobs import EXPORTS, Blobs
from shared.cosmos import Database
from shared.jobs import Lease, Stepped
from shared.keys import KeySet
from tests.bench.erasure import READINGS_A_MESSAGE, fill
from tests.bench.figures import Cost, Meter, figure, measured_house, note
from tests.doubles import RecordingHub
from tests.export_user_data.owned import Home
from tests.keys import signing_jwks

SIZES = {"_at_1k": 1_000, "_at_100k": 100_000, "": 1_000_000}


@asynccontextmanager
async def blob_storage() -> AsyncIterator[str]:
    """Azurite in a process of its own."""
    folder = Path(tempfile.mkdtemp())
    azurite = blob_part(port=0, data=folder / "data", log=folder / "azurite.log")
    connection = connection_string(await azurite.start())
    try:
        await provision_blobs(connection, Resources.load())
        yield connection
    finally:
        await azurite.stop()


async def export(sizes: dict[str, int] = SIZES) -> None:
    """Persons with more and more readings."""
    note(f"an export of everything a person has; {READINGS_A_MESSAGE} readings a message; a process of its own each")
    per_reading: dict[str, float] = {}
    async with blob_storage() as connection, measured_house() as (house, meter):
        for number, (suffix, readings) in enumerate(sizes.items()):
            person = f"{number:032x}"
            home = await Home.paired(house, person, f"VEO-EXPORT-{number}")
            stored = await fill(home, readings) * READINGS_A_MESSAGE
            done, cost = await _apart(meter, connection, person)
            assert done["readings"] == stored, done
            per_reading[suffix] = done["cpu_s"] / stored
            figure(f"export_readings_per_cpu_s{suffix}", stored / done["cpu_s"], "1/s")
            figure(f"export_s{suffix}", done["took_s"], "s")
            figure(f"export_peak_rss_mb{suffix}", done["peak_rss_mb"], "MB")
            figure(f"export_modelled_ru_per_1000_readings{suffix}", cost.request_units * 1000 / stored, "RU")
            figure(f"export_requests_per_1000_readings{suffix}", cost.requests * 1000 / stored, "requests")
            figure(f"export_mb{suffix}", done["bytes"] / 2**20, "MB")
            figure(f"export_steps{suffix}", done["steps"], "steps")
            figure(f"export_longest_step_s{suffix}", done["longest_step_s"], "s")
    if {"", "_at_100k"} <= per_reading.keys():
        figure("export_growth", per_reading[""] / per_reading["_at_100k"], "x")


async def _apart(meter: Meter, connection: str, person: str) -> tuple[dict[str, Any], Cost]:
    """What another process took for it, and what the database modelled."""
    told: dict[str, Any] = {}

    async def other() -> None:
        endpoint = meter.endpoint
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.bench.export", endpoint, connection, person, stdout=asyncio.subprocess.PIPE
        )
        output, _ = await process.communicate()
        assert process.returncode == 0
        told.update(json.loads(output.splitlines()[-1]))

    cost = await meter.cost(other())
    return told, cost


async def _make(endpoint: str, connection: str, person: str) -> dict[str, Any]:
    """Make one copy, verify it, and tell what it took."""
    resources, keys = Resources.load(), KeySet(signing_jwks(), "ES256")
    database = await Database.open(endpoint, EMULATOR_KEY, resources.database)
    blobs = Blobs.open(connection=connection, account_url=None, credential=None)
    tools = Tools(database=database, blobs=blobs, keys=keys)
    longest = 0.0

    async def next_step(lease: Lease) -> Stepped:
        nonlocal longest
        began = time.perf_counter()
        stepped = await step(tools, lease)
        longest = max(longest, time.perf_counter() - began)
        return stepped

    def now() -> datetime:
        return datetime.now(UTC)

    hub = RecordingHub()
    cpu, began = time.process_time(), time.perf_counter()
    asked = await exports.request_export(person, "access", database=database, hub=hub, now=now())
    while await jobs.run_job(
        asked.export_id, {exports.KIND: next_step}, jobs=database["jobs"], hub=hub, now=now
    ) != "done":  # fmt: skip
        pass
    done: dict[str, Any] = {
        "cpu_s": time.process_time() - cpu,
        "took_s": time.perf_counter() - began,
        "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "longest_step_s": longest,
    }
    item = await database["jobs"].read(asked.export_id, asked.export_id)
    assert item is not None
    content = await blobs.read(EXPORTS, item["blobName"])
    assert content is not None
    with tempfile.NamedTemporaryFile() as file:
        file.write(content)
        file.flush()
        manifest = verify(Path(file.name), keys.public())
    assert manifest["reconciliation"]["complete"]
    rows = sum(one["rowsWritten"] for one in manifest["reconciliation"]["places"] if "Readings" in one["record"])
    await blobs.close()
    await database.close()
    return done | {"readings": rows, "bytes": item["bytes"], "steps": item["stepsDone"]}


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(asyncio.run(_make(*sys.argv[1:]))))
    else:
        asyncio.run(export())
