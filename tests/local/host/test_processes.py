"""The host as a process: its command line, its end, and several of them on one hub."""

import asyncio
import contextlib
import os
import re
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from tests.local.host.conftest import ROOT, Hub, MakeApp

pytestmark = pytest.mark.wire

HANGING = """
import asyncio, logging, os, time, typing
import azure.functions as func

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)

@app.event_hub_message_trigger("events", connection="Hub", event_hub_name="%HUB%", cardinality="many",
                               data_type=func.DataType.BINARY)
async def ingest(events: typing.List[func.EventHubEvent]) -> None:
    partition = events[0].metadata["PartitionContext"]["PartitionId"]
    logging.info("partition %s: %s", partition, b" ".join(event.get_body() for event in events).decode())
    if os.environ.get("HANG"):
        await asyncio.sleep(3600)

@app.route("stuck")
def stuck(req: func.HttpRequest) -> str:
    logging.info("stuck")
    time.sleep(3600)
    return req.method
"""


class Host:
    """A host process."""

    def __init__(self, process: Process) -> None:
        self.process = process
        assert process.stdout
        assert process.stderr
        self._out, self._log = process.stdout, process.stderr

    async def output_until(self, text: str) -> str:
        """Standard output up to the line that has the text."""
        return await _until(self._out, text)

    async def log_until(self, text: str) -> str:
        """The log up to the line that matches."""
        return await _until(self._log, text)

    async def rest(self) -> tuple[int, str, str]:
        """Exit code and remaining output, when it has ended."""
        out, log = await self.process.communicate()
        return self.process.returncode or 0, out.decode(), log.decode()


async def _until(stream: asyncio.StreamReader, pattern: str) -> str:
    lines = ""
    while line := (await stream.readline()).decode():
        lines += line
        if re.search(pattern, line):
            return lines
    raise AssertionError(f"{pattern!r} was not among:\n{lines}")


@contextlib.asynccontextmanager
async def start_host(app: Path, *options: str, **settings: str) -> AsyncIterator[Host]:
    """A host process for a block of a test.

    It has a place for byte code, whatever the environment says: without one each process compiles the SDKs for seconds.
    """
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment |= {"PYTHONPYCACHEPREFIX": str(ROOT / ".local" / "pycache"), **settings}
    command = [sys.executable, "-m", "local", "host", "--app", str(app), "--port", "0", *options]
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, env=environment, stdout=PIPE, stderr=PIPE)
    try:
        yield Host(process)
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


async def test_start_and_end(make_app: MakeApp) -> None:
    """It lists its functions and their addresses, says that it is ready, serves, and ends on a signal with code 0.

    Meanwhile another on its port ends with code 2 and says what to do.
    """
    app = make_app("web")
    (app / "local.settings.json").write_text('{"Values": {"AzureWebJobs.wait.Disabled": true}}')
    async with start_host(app) as host:
        listed = await host.output_until("^ready host ")
        address = listed.split()[-1]
        assert f"\techo: [GET,POST] {address}/api/echo/{{name}}/{{number:int?}}\n" in listed
        assert f"\tanswer: {address}/api/answer\n" in listed
        assert "wait" not in listed
        async with aiohttp.ClientSession() as client, client.get(f"{address}/api/text?token=secret") as response:
            assert response.status == 200
        async with start_host(app, "--port", address.rpartition(":")[2]) as second:
            code, _, log = await second.rest()
        assert code == 2
        assert "is taken. End what listens there" in log
        host.process.send_signal(signal.SIGTERM)
        code, out, log = await host.rest()
    assert (code, out) == (0, "")
    assert re.search(
        r"\[INFO\] Host.Results: Executed 'Functions.text' \(Succeeded, Id=[-0-9a-f]+, Duration=\d+ms\)", log
    )
    assert "secret" not in log


async def test_levels(make_app: MakeApp) -> None:
    """What a function logs passes with the level that host.json has for it."""
    app = make_app(source=HANGING)
    content = (app / "host.json").read_text().rstrip("}")
    (app / "host.json").write_text(content + '}}, "logging": {"logLevel": {"Function.stuck": "Warning"}}}')
    async with start_host(app, "--grace", "0.1", "--no-triggers", HUB="h") as host:
        address = (await host.output_until("^ready host ")).split()[-1]
        async with aiohttp.ClientSession() as client:
            with contextlib.suppress(TimeoutError):
                await client.get(f"{address}/api/stuck", timeout=aiohttp.ClientTimeout(0.5))
        host.process.send_signal(signal.SIGINT)
        code, _, log = await host.rest()
    assert code == 0
    assert "its thread is left behind" in log
    assert "root: stuck" not in log


async def test_app_that_cannot_be_indexed(make_app: MakeApp) -> None:
    """An app that cannot be indexed ends the command with code 2 and the reason."""
    async with start_host(make_app(source="import no_such_module")) as host:
        code, out, log = await host.rest()
    assert (code, out) == (2, "")
    assert "ModuleNotFoundError: No module named 'no_such_module'" in log


async def test_two_hosts_share_a_hub(make_app: MakeApp, hub: Hub) -> None:
    """A second host takes over half of the partitions; each event is then handled by the host of its partition."""
    app = make_app(source=HANGING)
    async with start_host(app, **hub.settings) as first:
        for _ in range(2):
            await first.log_until("claimed")
        async with start_host(app, **hub.settings) as second:
            claimed = await second.log_until("claimed")
            theirs = claimed.split("partition ")[-1][0]
            await first.log_until(f"partition {theirs}: given up")
            ours = str(1 - int(theirs))
            hub.put("for-second", partition=theirs)
            hub.put("for-first", partition=ours)
            await second.log_until(f"partition {theirs}: for-second")
            await first.log_until(f"partition {ours}: for-first")


async def test_killed_host(make_app: MakeApp, hub: Hub) -> None:
    """When a host is killed in mid-batch, the batch is delivered again to the next, and its partition's order kept."""
    app = make_app(source=HANGING)
    hub.put("a", "b")
    async with start_host(app, **hub.settings, HANG="1") as first:
        await first.log_until("partition 0: a b")
        first.process.kill()
        assert (await first.rest())[0] == -signal.SIGKILL
    hub.put("c")
    async with start_host(app, **hub.settings) as second:
        await second.log_until("partition 0: a b c")
