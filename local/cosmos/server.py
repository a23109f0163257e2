"""The HTTP server."""

import asyncio
import contextlib
import time
import urllib.parse
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Final, Self

from aiohttp import StreamReader, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http_parser import RawRequestMessage
from aiohttp.web_protocol import RequestHandler

from local.cosmos.catalogue import Catalogue
from local.cosmos.dispatch import Dispatcher
from local.cosmos.exchange import Answer, Exchange, refusal
from local.cosmos.failures import Failure, too_large
from local.cosmos.signature import Signer
from local.cosmos.store import Store
from local.cosmos.sweep import sweep_for_ever
from local.cosmos.throughput import Throttle
from local.serving import LOOPBACK, listening_socket

EMULATOR_KEY: Final = "C2y6yDjf5/R+ob0N8A7Cgv30VRDJIWEHLM+4QDU5DE2nQ9nDuVTqobD4b8mGGyPMbIZnqyMsEcaGQy67XIw/Jw=="
"""The key that Microsoft publishes for its emulator: known to all, good for development only."""

USAGE_PATH: Final = "/_local/usage"
"""`GET` answers the totals of requests and request units as JSON, `DELETE` resets them. It needs no key."""

_MAX_BODY: Final = 8 * 1024 * 1024
_VERSION: Final = "2020-07-15"


class CosmosServer:
    """A Cosmos DB account on loopback, for as long as the `async with` block runs.

    Without a `file` the data lives as long as the server. `clock` gives the time, in seconds since 1970, that `_ts`,
    time to live and throttling go by.
    """

    def __init__(
        self,
        port: int = 0,
        file: Path | None = None,
        *,
        throttle: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.key = EMULATOR_KEY
        self._port = port
        self._file = file
        self._throttle = Throttle() if throttle else None
        self._clock = clock
        self._signer = Signer(self.key)
        self._exits = contextlib.AsyncExitStack()

    @property
    def endpoint(self) -> str:
        """The account's address, for `CosmosClient(endpoint, key)`."""
        return f"http://{LOOPBACK}:{self._port}/"

    async def __aenter__(self) -> Self:
        async with contextlib.AsyncExitStack() as exits:
            sock = listening_socket(self._port, name="cosmos")
            exits.callback(sock.close)
            self._port = sock.getsockname()[1]
            store = Store(self._file)
            exits.callback(store.close)
            self._dispatcher = Dispatcher(store, Catalogue(store, self._clock), self._throttle)
            await exits.enter_async_context(_running(sweep_for_ever(store, self._clock)))
            runner = web.ServerRunner(
                web.Server(self._handle, request_factory=_request, access_log=None), shutdown_timeout=1
            )
            await runner.setup()
            exits.push_async_callback(runner.cleanup)
            await web.SockSite(runner, sock).start()
            self._exits = exits.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._exits.aclose()

    async def _handle(self, request: web.BaseRequest) -> web.Response:
        path, _, _ = request.raw_path.partition("?")
        if path == USAGE_PATH:
            return self._usage(request.method)
        answer = await self._answer(request, path)
        headers = answer.headers
        headers["x-ms-activity-id"] = request.headers.get("x-ms-activity-id", "")
        headers["x-ms-version"] = _VERSION
        if answer.body:
            headers["content-type"] = "application/json"
        return web.Response(status=answer.status, body=answer.body or None, headers=headers)

    async def _answer(self, request: web.BaseRequest, path: str) -> Answer:
        segments = tuple(filter(None, path.split("/")))
        if "%" in path:
            segments = tuple(map(urllib.parse.unquote, segments))
        headers = request.headers
        try:
            body = await _body(request)
            self._signer.verify(
                request.method, segments, headers.get("x-ms-date", ""), headers.get("authorization", "")
            )
        except Failure as failure:
            return refusal("other", failure, 0.0)
        origin = f"http://{headers.get('host', '')}/"
        return await self._dispatcher.answer(Exchange(request.method, segments, headers, body, origin, self._clock()))

    def _usage(self, method: str) -> web.Response:
        if method == "DELETE":
            self._dispatcher.usage.reset()
        return web.json_response(self._dispatcher.usage.report())


@contextlib.asynccontextmanager
async def _running(work: Coroutine[None, None, None]) -> AsyncIterator[None]:
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def _body(request: web.BaseRequest) -> bytes:
    try:
        return await request.read()
    except web.HTTPRequestEntityTooLarge:
        raise too_large() from None


def _request(
    message: RawRequestMessage,
    payload: StreamReader,
    protocol: RequestHandler,
    writer: AbstractStreamWriter,
    task: "asyncio.Task[None]",
) -> web.BaseRequest:
    loop = asyncio.get_running_loop()
    return web.BaseRequest(message, payload, protocol, writer, task, loop, client_max_size=_MAX_BODY)
