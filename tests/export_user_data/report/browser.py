"""Debian's chromium without a window, by its DevTools protocol: how a page looks and behaves, not what it says."""

import asyncio
import base64
import shutil
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

import aiohttp

CHROMIUM: Final = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
PATIENCE_S: Final = 30
_OPTIONS: Final = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--remote-debugging-port=0",
)

Scheme = Literal["light", "dark"]


@dataclass(slots=True)
class Tab:
    """One page in the browser."""

    socket: aiohttp.ClientWebSocketResponse
    events: list[Mapping[str, Any]] = field(default_factory=list)
    _number: int = 0

    async def ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Say one command and wait for its answer; what happens meanwhile is kept."""
        self._number += 1
        await self.socket.send_json({"id": self._number, "method": method, "params": parameters})
        while True:
            said = await self.socket.receive_json(timeout=PATIENCE_S)
            if said.get("id") == self._number:
                assert "error" not in said, said["error"]
                return dict(said["result"])
            self.events.append(said)

    async def happened(self, method: str) -> None:
        """Wait for an event."""
        while not any(event["method"] == method for event in self.events):
            self.events.append(await self.socket.receive_json(timeout=PATIENCE_S))

    async def show(self, page: Path, *, width: int, scheme: Scheme = "light", height: int = 844) -> None:
        """Open a file as on a screen of this width."""
        for domain in ("Page", "Network", "Runtime", "Log"):
            await self.ask(f"{domain}.enable")
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        await self.ask("Emulation.setDeviceMetricsOverride", **metrics)
        await self.ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        self.events.clear()
        await self.ask("Page.navigate", url=page.as_uri())
        await self.happened("Page.loadEventFired")

    async def value(self, expression: str) -> Any:
        """What an expression gives on the page; its own script would not be let run, the debugger's is."""
        answer = await self.ask("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    async def picture(self, *, whole: bool = True) -> bytes:
        """A screenshot as PNG: of all of the page, or of what is seen first."""
        answer = await self.ask("Page.captureScreenshot", captureBeyondViewport=whole, format="png")
        return base64.b64decode(answer["data"])

    async def printed(self) -> bytes:
        """The page as PDF, on paper as its style asks for."""
        answer = await self.ask(
            "Page.printToPDF", preferCSSPageSize=True, printBackground=True, generateDocumentOutline=True
        )
        return base64.b64decode(answer["data"])

    def asked_for(self) -> list[str]:
        """The addresses that the page wanted."""
        sent = [event for event in self.events if event["method"] == "Network.requestWillBeSent"]
        return [event["params"]["request"]["url"] for event in sent]

    def complaints(self) -> list[str]:
        """What a developer would find in the console."""
        methods = {"Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded"}
        return [str(event["params"]) for event in self.events if event["method"] in methods]


@asynccontextmanager
async def browser() -> AsyncIterator[Tab]:
    """A fresh browser with one tab."""
    assert CHROMIUM is not None
    with tempfile.TemporaryDirectory(prefix="blue-chromium-", ignore_cleanup_errors=True) as profile:
        process = await asyncio.create_subprocess_exec(
            CHROMIUM,
            *_OPTIONS,
            f"--user-data-dir={profile}",
            "about:blank",
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            port = await _port(Path(profile) / "DevToolsActivePort")
            async with aiohttp.ClientSession(trust_env=False) as session:
                async with session.get(f"http://127.0.0.1:{port}/json/list") as answer:
                    [tab] = [one for one in await answer.json() if one["type"] == "page"]
                async with session.ws_connect(tab["webSocketDebuggerUrl"], max_msg_size=0) as socket:
                    yield Tab(socket)
        finally:
            with suppress(ProcessLookupError):
                process.terminate()
            await process.wait()


async def _port(written: Path) -> int:
    """The browser writes down where it listens."""
    async with asyncio.timeout(PATIENCE_S):
        while (port := _first_line(written)) is None:  # noqa: ASYNC110 - a file says nothing
            await asyncio.sleep(0.05)
    return int(port)


def _first_line(written: Path) -> str | None:
    lines = written.read_text(encoding="utf-8").splitlines() if written.exists() else []
    return lines[0] if len(lines) > 1 else None
