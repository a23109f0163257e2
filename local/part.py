"""One part of the local cloud: a child process that says when it is ready, and never outlives its parent."""

import asyncio
import contextlib
import os
import re
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from local.prerequisites import ROOT
from local.serving import CannotStart

READY: Final = re.compile(rb"^ready \S+ (\S+)(?: control (?P<control>\S+))?\n", re.MULTILINE)
"""The line that a command of `python -m local` prints when it listens; group 1 is the address, and `control` where it
takes commands, if it does."""

POLL_SECONDS: Final = 0.02
START_SECONDS: Final = 60.0
STOP_SECONDS: Final = 10.0
LAST_LINES: Final = 15
TETHER: Final = Path(__file__).with_name("tether.py")


class PartEnded(CannotStart):
    """A part ended by itself; the message has its exit code and its last lines."""


class Part:
    """A child process that writes straight to its log file: nothing has to be copied while it works."""

    def __init__(
        self,
        name: str,
        command: Sequence[str | Path],
        *,
        log: Path,
        ready: re.Pattern[bytes] = READY,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.command = [str(word) for word in command]
        self.log = log
        self.address = ""
        self.control = ""
        self._ready = ready
        self._environment = dict(environment or {})
        self._process: asyncio.subprocess.Process | None = None
        self._lifeline = -1

    @property
    def pid(self) -> int:
        """The process id of the command itself.

        Raises:
            RuntimeError: it does not run.
        """
        if self._process is None:
            raise RuntimeError(f"{self.name} does not run")
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._process is not None and self._process.returncode is None

    async def start(self) -> str:
        """Start the command; return its address when it has said that it is ready.

        Raises:
            PartEnded: it ended before that, or took too long.
        """
        if self.running:
            return self.address
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self.log.touch()
        start = self.log.stat().st_size
        self._process = await self._spawn()
        try:
            async with asyncio.timeout(START_SECONDS):
                found = await self._announced(self._process, start)
        except TimeoutError as error:
            await self.stop()
            raise PartEnded(f"{self.name} was not ready within {START_SECONDS:.0f} s.\n{self.last_lines()}") from error
        except BaseException:
            await self.stop()
            raise
        self.address, self.control = found[1].decode(), (found.groupdict().get("control") or b"").decode()
        return self.address

    async def _spawn(self) -> asyncio.subprocess.Process:
        watched, self._lifeline = os.pipe()
        try:
            with self.log.open("ab") as log:
                return await asyncio.create_subprocess_exec(
                    *(sys.executable, "-I", "-S", str(TETHER), str(os.getpid()), *self.command),
                    cwd=ROOT,
                    env={**os.environ, "PYTHONUNBUFFERED": "1", **self._environment},
                    stdin=watched,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,  # Ctrl-C in the terminal reaches the parent only, which ends all in order
                )
        except BaseException:
            self._close_lifeline()
            raise
        finally:
            os.close(watched)

    async def _announced(self, process: asyncio.subprocess.Process, start: int) -> re.Match[bytes]:
        ended = asyncio.ensure_future(process.wait())
        try:
            while True:
                done, _ = await asyncio.wait({ended}, timeout=POLL_SECONDS)
                with self.log.open("rb") as log:
                    log.seek(start)
                    found = self._ready.search(log.read())
                if found:
                    return found
                if done:
                    raise PartEnded(self.epitaph())
        finally:
            ended.cancel()

    async def wait(self) -> int:
        """The exit code, when it has ended."""
        if self._process is None:
            raise RuntimeError(f"{self.name} does not run")
        return await self._process.wait()

    async def stop(self) -> None:
        """End it in order (SIGTERM), or by force after a while. Nothing happens if it does not run."""
        await self._end(signal.SIGTERM)

    async def kill(self) -> None:
        """End it as a power cut would."""
        await self._end(signal.SIGKILL)

    async def _end(self, how: signal.Signals) -> None:
        process = self._process
        if process is None:
            return
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(how)
            try:
                async with asyncio.timeout(STOP_SECONDS):
                    await process.wait()
            except TimeoutError:
                process.kill()
                await process.wait()
        self._process = None
        self._close_lifeline()

    def _close_lifeline(self) -> None:
        if self._lifeline >= 0:
            os.close(self._lifeline)
            self._lifeline = -1

    def last_lines(self) -> str:
        """The end of its log, indented for a message."""
        lines = self.log.read_text(errors="replace").splitlines()[-LAST_LINES:]
        return "\n".join(f"    {line}" for line in lines)

    def epitaph(self) -> str:
        """Why it is gone, for a person."""
        code = None if self._process is None else self._process.returncode
        return f"{self.name} ended by itself (exit code {code}). Its last lines, from {self.log}:\n{self.last_lines()}"
