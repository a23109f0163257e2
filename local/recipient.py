"""A recipient of data for development: it keeps every notice that the service sends it, and does nothing about it.

It checks no signature. In tests:

    async with RecipientSink() as sink:
        sink.answer_next("refuse", times=2)     # the next two are answered 503
        ...                                     # send to sink.address
        sink.notices[0].content["event"]
"""

import argparse
import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Literal, Self, get_args

from aiohttp import web

from local.serving import LOOPBACK, listening_socket, serve

type Manner = Literal["acknowledge", "take", "refuse", "garbage", "silence", "redirect", "flood", "drop"]
"""How a notice is answered: done (200), taken to be acknowledged later (202), 503, an answer that says nothing, no
answer at all, an address elsewhere, an answer without end, a connection that ends."""

PATH: Final = "/notices"
SIZE_LIMIT_BYTES: Final = 1 << 20
_PIECE: Final = b" " * 65536


@dataclass(frozen=True, slots=True)
class Notice:
    """One notice as it came."""

    body: bytes
    headers: Mapping[str, str]
    manner: Manner
    """How it was answered."""

    @property
    def content(self) -> dict[str, Any]:
        """What it says."""
        said: dict[str, Any] = json.loads(self.body)
        return said


class RecipientSink:
    """The server. Every notice is acknowledged, unless the next ones are to be answered otherwise."""

    def __init__(self, port: int = 0, data: Path | None = None) -> None:
        self.notices: list[Notice] = []
        self.strayed = 0
        """Requests that came where a redirection pointed to."""
        self.address = ""
        self._port = port
        self._data = data
        self._manners: list[Manner] = []
        self._ending = asyncio.Event()

    def answer_next(self, manner: Manner, times: int = 1) -> None:
        """Answer the next notices in this manner.

        Raises:
            ValueError: there is no such manner.
        """
        if manner not in get_args(Manner.__value__):
            raise ValueError(f"there is no manner {manner!r}; there are {', '.join(get_args(Manner.__value__))}")
        self._manners += [manner] * times

    def reset(self) -> None:
        """Acknowledge everything again."""
        self._manners.clear()

    def state(self) -> dict[str, Any]:
        """How many notices came, and how the next ones are answered."""
        return {"received": len(self.notices), "next": list(self._manners)}

    async def __aenter__(self) -> Self:
        """Listen.

        Raises:
            CannotStart: the port is taken.
        """
        if self._data is not None:
            self._data.mkdir(parents=True, exist_ok=True)
        sock = listening_socket(self._port, name="recipient")
        app = web.Application(client_max_size=SIZE_LIMIT_BYTES)
        app.router.add_post(PATH, self._take)
        app.router.add_route("*", "/elsewhere", self._stray)
        # No access log: a notice could be somebody's.
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await self._runner.setup()
        await web.SockSite(self._runner, sock).start()
        self.address = f"http://{LOOPBACK}:{sock.getsockname()[1]}{PATH}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ending.set()
        await self._runner.cleanup()

    async def _stray(self, _: web.Request) -> web.Response:
        self.strayed += 1
        return web.json_response({"acknowledged": True})

    async def _take(self, request: web.Request) -> web.StreamResponse:
        manner = self._manners.pop(0) if self._manners else "acknowledge"
        notice = Notice(await request.read(), dict(request.headers), manner)
        self.notices.append(notice)
        self._keep(notice)
        match manner:
            case "acknowledge":
                return web.json_response({"acknowledged": True})
            case "take":
                return web.json_response({}, status=202)
            case "refuse":
                return web.json_response({"error": "refused on demand"}, status=503)
            case "garbage":
                return web.Response(text="<html>Welcome!</html>", content_type="text/html")
            case "redirect":
                return web.Response(status=307, headers={"Location": "/elsewhere"})
            case "silence":
                await self._ending.wait()
            case "flood":
                await self._flood(request)
            case "drop" if request.transport is not None:
                request.transport.abort()
        return web.Response(status=500)

    async def _flood(self, request: web.Request) -> None:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b'{"acknowledged": true')
        with contextlib.suppress(ConnectionError):
            while not self._ending.is_set():
                await response.write(_PIECE)

    def _keep(self, notice: Notice) -> None:
        if self._data is not None:
            number = sum(1 for _ in self._data.glob("*.json"))
            (self._data / f"{number:06}.json").write_bytes(notice.body)


def kept_in(data: Path) -> list[dict[str, Any]]:
    """The notices in a recipient's directory, in the order of their arrival."""
    return [json.loads(file.read_bytes()) for file in sorted(data.glob("*.json"))]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command line."""
    parser.description = (
        "Take every notice for a recipient of data on 127.0.0.1, acknowledge it, and keep it as a file."
    )
    parser.add_argument("--port", type=int, default=8091, help="port on 127.0.0.1, 0 for any free one (%(default)s)")
    parser.add_argument("--data", type=Path, metavar="DIR", help="directory for the files; without it none are kept")
    parser.add_argument(
        "--control-port",
        type=int,
        metavar="PORT",
        help="take commands there by HTTP: answer-next, reset; 0 for any free port (default: none)",
    )


async def run(args: argparse.Namespace) -> int:
    """Serve until a signal."""
    return await serve("recipient", _serving(args))


@contextlib.asynccontextmanager
async def _serving(args: argparse.Namespace) -> AsyncIterator[str]:
    """A running recipient; yields what its ready line says."""
    async with RecipientSink(args.port, args.data) as sink:
        if args.control_port is None:
            yield sink.address
            return
        from local.control import commands, control  # noqa: PLC0415 - for tests only

        known = commands(sink.answer_next, sink.reset)
        async with control(args.control_port, known, sink.state, name="recipient") as address:
            yield f"{sink.address} control {address}"
