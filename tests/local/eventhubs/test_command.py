import argparse
import asyncio
import contextlib
import signal
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from azure.eventhub import EventData

from local.control import tell
from local.eventhubs.command import add_arguments
from local.eventhubs.namespace import HubDefinition
from local.eventhubs.server import EventHubsServer
from tests.local.eventhubs.clients import HUB, Credential, azure_producer

ROOT = Path(__file__).parents[3]


@contextlib.asynccontextmanager
async def command(*arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "local", "eventhubs", *arguments),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.communicate()


def parsed(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return parser.parse_args(arguments)


def test_hubs_on_the_command_line() -> None:
    """A hub has a name, a number of partitions and consumer groups; what is left out has a default."""
    hubs = parsed("--hub", "telemetry:2", "--hub", "jobs:1:$Default,other", "--hub", "plain").hubs
    assert hubs == [
        HubDefinition("telemetry", 2),
        HubDefinition("jobs", 1, ("$Default", "other")),
        HubDefinition("plain", 4),
    ]


@pytest.mark.parametrize(
    "arguments",
    [
        ("--hub", "telemetry:0"),
        ("--hub", "telemetry:many"),
        ("--hub", "../telemetry:1"),
        ("--hub", ":1"),
        ("--retention-mb", "0"),
        ("--retention-hours", "-1"),
        ("--port", "none"),
    ],
)
def test_bad_arguments_are_named(arguments: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    """A value that cannot be is refused, and quoted."""
    with pytest.raises(SystemExit):
        parsed(*arguments)
    assert arguments[1] in capsys.readouterr().err


@pytest.mark.wire
async def test_it_says_when_it_is_ready_and_ends_on_a_signal(tmp_path: Path) -> None:
    """The command prints its address, serves, and ends with code 0 on SIGTERM, its connections closed."""
    async with command("--port", "0", "--hub", "telemetry:1", "--data", str(tmp_path)) as process:
        assert process.stdout is not None
        line = (await process.stdout.readline()).decode()
        assert line.startswith("ready eventhubs sb://127.0.0.1:")
        reader, writer = await asyncio.open_connection("127.0.0.1", int(line.rpartition(":")[2]))
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == 0
        assert await reader.read() == b""
        writer.close()
        await writer.wait_closed()
    assert (tmp_path / "telemetry" / "hub.json").exists()


@pytest.mark.wire
async def test_it_takes_commands_serves_tls_and_accepts_a_token(tmp_path: Path) -> None:
    """The ready line says where the commands go; they hold for the clients' next sends."""
    options = ("--tls", str(tmp_path), "--accept-token", "fake", "--hub", f"{HUB}:1")
    async with command("--port", "0", "--control-port", "0", *options) as process:
        assert process.stdout is not None
        words = (await process.stdout.readline()).decode().split()
        assert words[:2] + words[3:4] == ["ready", "eventhubs", "control"]
        address, control = words[2], words[4]
        await tell(control, "throttle-sends", times=1)
        await tell(control, "clock-forward", seconds=86400)
        before = datetime.now(UTC)
        async with azure_producer(address, tmp_path, Credential("fake")) as producer:
            await producer.send_event(EventData("sent twice"))
            last = (await producer.get_partition_properties("0"))["last_enqueued_time_utc"]
        assert last - before >= timedelta(days=1) - timedelta(milliseconds=1)
        state = await tell(control, "drop-connections")
        assert state["faults"]["throttle-sends"] == 1
        assert state["clock_ahead_seconds"] == 86400


@pytest.mark.wire
async def test_a_taken_port_says_what_to_do() -> None:
    """A second endpoint on the same port does not start, and its message helps."""
    async with (
        EventHubsServer([HubDefinition("telemetry", 1)]) as server,
        command("--port", str(server.port)) as process,
    ):
        _, error = await process.communicate()
    assert process.returncode == 2
    assert f"port {server.port} is taken" in error.decode()
