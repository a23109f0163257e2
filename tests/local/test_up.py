"""`python -m local up` as a process: how it ends, and that nothing is left."""

import argparse
import asyncio
import contextlib
import re
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Self

import psutil
import pytest

from local import up as command
from local.cloud import ANY_PORTS, LocalCloud, Ports
from local.part import TETHER, PartEnded
from local.prerequisites import ROOT
from local.serving import listening_socket

pytestmark = pytest.mark.wire

PARTS = 6


@contextlib.asynccontextmanager
async def up(data: Path, *options: str) -> AsyncIterator[Process]:
    """The command, without the Functions host; killed at the end if it still runs."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "local", "up", "--no-host", "--any-ports", "--data", str(data), *options),
        cwd=ROOT,
        stdout=PIPE,
        stderr=PIPE,
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.communicate()


async def said_until(process: Process, pattern: str) -> str:
    """What was printed up to the line that matches."""
    assert process.stdout is not None
    said = ""
    while line := (await process.stdout.readline()).decode():
        said += line
        if re.search(pattern, line):
            return said
    raise AssertionError(f"ended without {pattern!r}: {said}")


def names_in(directory: Path) -> set[str]:
    """What was written."""
    return {path.name for path in directory.iterdir()}


async def children(process: Process, count: int) -> list[psutil.Process]:
    """Its child processes, as soon as there are so many and they run their own commands."""
    while True:
        found = psutil.Process(process.pid).children(recursive=True)
        if len(found) == count and not any(str(TETHER) in child.cmdline() for child in found):
            return found
        await asyncio.sleep(0.01)


async def gone(processes: list[psutil.Process]) -> None:
    """Return when all have ended; the test's own timeout is the limit."""
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            await asyncio.to_thread(process.wait)


async def test_a_signal_ends_everything_in_order(tmp_path: Path) -> None:
    """It says what runs where; the signal ends it with code 0 and all parts with it, and it wrote nowhere else."""
    async with up(tmp_path) as process:
        said = await said_until(process, "Ctrl-C ends everything")
        parts = await children(process, PARTS)
        assert all(f" {part.pid} " in said for part in parts)
        assert len(re.findall(r"127\.0\.0\.1:\d+", said)) == PARTS
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == 0
        await gone(parts)
    assert names_in(tmp_path) == {
        *("azurite", "eventhubs", "cosmos", "mail", "recipient", "exports", "logs"),
        *("identity.json", "keys.json", "lock"),
    }


async def test_kill_9_leaves_no_process_behind(tmp_path: Path) -> None:
    """The kernel ends the parts with their parent, at any moment, Azurite's Node.js included."""
    async with up(tmp_path) as process:
        parts = await children(process, PARTS)
        assert any("node" in part.name() for part in parts)
        process.kill()
        await process.wait()
        await gone(parts)


async def test_ctrl_c_while_it_starts_ends_it_too(tmp_path: Path) -> None:
    """Impatience leaves nothing behind either."""
    async with up(tmp_path) as process:
        parts = await children(process, PARTS)
        process.send_signal(signal.SIGINT)
        assert await process.wait() == 0
        await gone(parts)


async def test_a_wrong_argument_is_refused_with_code_2(tmp_path: Path) -> None:
    """As every command-line tool does."""
    async with up(tmp_path, "--cosmos-port", "many") as process:
        _, errors = await process.communicate()
    assert process.returncode == 2
    assert b"--cosmos-port" in errors


class DyingCloud(LocalCloud):
    """A cloud of which one part has ended by itself as soon as it is up."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.settings["ended"] = "yes"

    async def failure(self) -> PartEnded:
        return PartEnded("cosmos ended by itself (exit code 1).")


def arguments(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    return parser.parse_args(words)


async def test_the_end_of_one_part_is_the_end_of_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With what that part said, and an exit code that is not 0."""
    cloud = DyingCloud(data=tmp_path)
    monkeypatch.setattr(command, "cloud_from", lambda _: cloud)
    assert await command.run(arguments()) == 1
    assert "cosmos ended by itself" in capsys.readouterr().err
    assert cloud.settings["ended"] == "yes"


async def test_what_cannot_start_says_what_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A sentence and code 2, no traceback."""
    with listening_socket(0, name="test") as taken:
        port = str(taken.getsockname()[1])
        assert await command.run(arguments("--any-ports", "--data", str(tmp_path), "--host-port", port)) == 2
    assert f"host: port {port} is taken" in capsys.readouterr().err


def test_every_port_can_be_chosen() -> None:
    """One by one, or all free ones."""
    assert command.cloud_from(arguments())._ports == Ports(10000, 5672, 8081, 8090, 1025, 8091, 7071)
    assert command.cloud_from(arguments("--cosmos-port", "9"))._ports == Ports()._replace(cosmos=9)
    assert command.cloud_from(arguments("--any-ports", "--host-port", "9"))._ports == ANY_PORTS._replace(host=9)
