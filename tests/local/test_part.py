"""Child processes: ready, ended, and never left behind."""

import asyncio
import contextlib
import os
import re
import sys
import textwrap
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest

from local.part import TETHER, Part, PartEnded
from local.prerequisites import ROOT

pytestmark = pytest.mark.wire

SERVES = "import time; print('ready echo http://127.0.0.1:1', flush=True); time.sleep(60)"


@pytest.fixture
async def part(tmp_path: Path) -> AsyncIterator[Part]:
    part = Part("echo", [sys.executable, "-c", SERVES], log=tmp_path / "logs" / "echo.log")
    yield part
    await part.stop()


async def gone(pid: int) -> None:
    """Return when the process has ended; the test's own timeout is the limit."""
    with contextlib.suppress(psutil.NoSuchProcess):
        await asyncio.to_thread(psutil.Process(pid).wait)


async def test_a_part_is_started_when_it_says_its_address(part: Part) -> None:
    """`start` answers with the address from the ready line, and the process is the command itself."""
    assert await part.start() == "http://127.0.0.1:1"
    assert psutil.Process(part.pid).cmdline() == part.command


async def test_a_started_part_is_not_started_twice(part: Part) -> None:
    """Starting what runs changes nothing."""
    await part.start()
    pid = part.pid
    await part.start()
    assert part.pid == pid


async def test_a_stopped_part_is_gone_and_can_start_again(part: Part) -> None:
    """Stop ends the process; a new start waits for the new ready line, not for the one in the old log."""
    await part.start()
    first = part.pid
    await part.stop()
    assert not psutil.pid_exists(first)
    part.command[-1] = "raise SystemExit(3)"
    with pytest.raises(PartEnded, match="exit code 3"):
        await part.start()


async def test_a_part_that_cannot_start_shows_its_last_lines(tmp_path: Path) -> None:
    """The message has the exit code and what the command said last."""
    part = Part("bad", [sys.executable, "-c", "raise SystemExit('no such hub')"], log=tmp_path / "bad.log")
    with pytest.raises(PartEnded, match=re.compile(r"bad ended by itself \(exit code 1\).*no such hub", re.DOTALL)):
        await part.start()
    assert not part.running


async def test_a_part_that_ignores_sigterm_is_ended_by_force(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is left behind by a command that does not listen."""
    monkeypatch.setattr("local.part.STOP_SECONDS", 0.1)
    deaf = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {SERVES}"
    part = Part("deaf", [sys.executable, "-c", deaf], log=tmp_path / "deaf.log")
    await part.start()
    pid = part.pid
    await part.stop()
    assert not psutil.pid_exists(pid)


@pytest.mark.parametrize("how", [[], ["--pipe"]], ids=["kernel", "pipe"])
async def test_a_command_dies_with_its_killed_parent(how: list[str]) -> None:
    """A parent killed with -9 ends its child, by the kernel or, where there is no such kernel, by a watched pipe."""
    parent = textwrap.dedent(f"""
        import os, subprocess, sys, time
        command = [sys.executable, {str(TETHER)!r}, *{how!r}, str(os.getpid()), "sleep", "60"]
        child = subprocess.Popen(command, stdin=subprocess.PIPE)
        while "sleep" not in open(f"/proc/{{child.pid}}/cmdline").read():
            time.sleep(0.01)
        print(child.pid, flush=True)
        time.sleep(60)
    """)
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", parent, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    child = int(await process.stdout.readline())
    assert psutil.pid_exists(child)
    process.kill()
    await process.communicate()
    await gone(child)


async def test_the_watcher_of_a_pipe_ends_with_its_command() -> None:
    """Where a pipe is watched, the watcher is gone when the parent has closed the pipe of a command that ended."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(TETHER), "--pipe", str(os.getpid()), "true"),
        stdin=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    group = process.pid
    await process.communicate()
    for other in psutil.process_iter():
        if other.pid != os.getpid() and _group(other.pid) == group:
            await gone(other.pid)


def _group(pid: int) -> int:
    try:
        return os.getpgid(pid)
    except ProcessLookupError:
        return -1


async def test_a_command_whose_parent_has_gone_already_does_not_start() -> None:
    """The race between the parent's end and the request to the kernel is closed."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(TETHER), "1", "sleep", "60"), stderr=asyncio.subprocess.PIPE, cwd=ROOT
    )
    _, said = await process.communicate()
    assert process.returncode == 1
    assert b"has ended" in said
