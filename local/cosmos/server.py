"""The HTTP server."""

import asyncio
import contextlib
import ssl
import time
import urllib.parse
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from pathlib import Path
from typing import Final, Self

from aiohttp import StreamReader, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http_parser import RawRequestMessage
from aiohttp.web_protocol import RequestHandler

from local.clock import SettableClock
from local.cosmos.access import Access
from local.cosmos.catalogue import Catalogue
from local.cosmos.controls import PREFIX as CONTROLS
from local.cosmos.controls import Controls
from local.cosmos.dispatch import Dispatcher
from local.cosmos.exchange import Answer, Exchange, refusal
from local.cosmos.failures import Failure, too_large
from local.cosmos.faults import Faults
from local.cosmos.holds import BatchHold, Holds
from local.cosmos.items import Items
from local.cosmos.resources import Resources
from local.cosmos.signature import Signer
from local.cosmos.store import Store
from local.cosmos.sweep import sweep_for_ever
from local.cosmos.throughput import Throttle
from local.cosmos.usage import Usage
from local.serving import LOOPBACK, listening_socket

EMULATOR_KEY: Final = "C2y6yDjf5/R+ob0N8A7Cgv30VRDJIWEHLM+4QDU5DE2nQ9nDuVTqobD4b8mGGyPMbIZnqyMsEcaGQy67XIw/Jw=="
"""The key that Microsoft publishes for its emulator: known to all, good for development only."""

_MAX_BODY: Final = 8 * 1024 * 1024
_VERSION: Final = "2020-07-15"


class CosmosServer:
    """A Cosmos DB account on loopback, for as long as the `async with` block runs.

    Args:
        port: where to listen; 0 takes a free port.
        file: keeps the data; without one it lives as long as the server.
        snapshot: what the data begins with; what the file had is lost.
        throttle: whether containers are held to the throughput they were created with.
        clock: seconds since 1970: where `server.clock` begins, which `_ts`, time to live and throttling go by.
        tls: what to serve HTTPS with, as `local.tls.server_context` makes it; without it HTTP is plain.
        accepted_tokens: tokens of an identity provider that are accepted as they are. Others are refused.
    """

    def __init__(
        self,
        port: int = 0,
        file: Path | None = None,
        *,
        snapshot: Path | None = None,
        throttle: bool = False,
        clock: Callable[[], float] = time.time,
        tls: ssl.SSLContext | None = None,
        accepted_tokens: Iterable[str] = (),
    ) -> None:
        self.key = EMULATOR_KEY
        self.clock = SettableClock(lambda: int(clock() * 1000))
        self.faults = Faults()
        self._holds = Holds()
        self._port = port
        self._file = file
        self._snapshot = snapshot
        self._throttle = Throttle() if throttle else None
        self._tls = tls
        self._access = Access(Signer(self.key), accepted_tokens)
        self._controls = Controls(self)
        self._exits = contextlib.AsyncExitStack()

    @property
    def endpoint(self) -> str:
        """The account's address, for `CosmosClient(endpoint, key)`."""
        return f"{self._scheme}://{LOOPBACK}:{self._port}/"

    @property
    def _scheme(self) -> str:
        return "https" if self._tls else "http"

    def _now(self) -> float:
        return self.clock() / 1000

    async def __aenter__(self) -> Self:
        async with contextlib.AsyncExitStack() as exits:
            sock = listening_socket(self._port, name="cosmos")
            exits.callback(sock.close)
            self._port = sock.getsockname()[1]
            self._store = Store(self._file)
            exits.callback(self._store.close)
            if self._snapshot is not None:
                self._store.restore(self._snapshot)
            self._dispatcher = self._dispatching()
            await exits.enter_async_context(_running(sweep_for_ever(self._store, self._now)))
            runner = web.ServerRunner(
                web.Server(self._handle, request_factory=_request, access_log=None), shutdown_timeout=1
            )
            await runner.setup()
            exits.push_async_callback(runner.cleanup)
            exits.callback(self._let_go)
            await web.SockSite(runner, sock, ssl_context=self._tls).start()
            self._exits = exits.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._exits.aclose()

    def _dispatching(self) -> Dispatcher:
        self._catalogue = Catalogue(self._store, self._now)
        items = Items(self._store, self._catalogue, self._holds, self._now)
        return Dispatcher(Resources(self._catalogue), items, self._throttle, self.faults)

    def _let_go(self) -> None:
        """Nothing that a test holds up may hold up the end."""
        self.faults.reset()
        self._holds.abandon()

    @property
    def usage(self) -> Usage:
        """The running totals of requests and modelled request units."""
        return self._dispatcher.usage

    def hold_batches(self, container: str | None = None, partition: object = None) -> BatchHold:
        """Stop the next batch between its reads and its commit.

        It is for the container with this id and for this partition key (a list where the key is hierarchical); None
        stands for any. Batches that come while one is held pass.
        """
        key = partition if partition is None or isinstance(partition, list) else [partition]
        return self._holds.hold(container, key)

    def snapshot(self, file: Path) -> None:
        """Write everything as it is between two requests to a new file.

        Raises:
            UnusableSnapshot: the file is there already or cannot be written.
        """
        self._store.copy_to(file)

    def restore(self, file: Path) -> None:
        """Put what a snapshot has in the place of everything, as a restore to a point in time would leave it.

        Databases, containers, items, ETags and sequence numbers are those of then; the time is not. Batches that are
        held fail. A reader of a change feed has to begin anew: numbers that it has seen are given again.

        Raises:
            UnusableSnapshot: the file is no snapshot; nothing has changed.
        """
        self._store.restore(file)
        self._holds.abandon()
        self._catalogue.load()

    async def _handle(self, request: web.BaseRequest) -> web.Response:
        path, _, _ = request.raw_path.partition("?")
        if path.startswith(CONTROLS):
            return await self._controls.answer(request, path)
        answer = await self._answer(request, path)
        if answer is None:
            return _dropped(request)
        headers = answer.headers
        headers["x-ms-activity-id"] = request.headers.get("x-ms-activity-id", "")
        headers["x-ms-version"] = _VERSION
        if answer.body:
            headers["content-type"] = "application/json"
        return web.Response(status=answer.status, body=answer.body or None, headers=headers)

    async def _answer(self, request: web.BaseRequest, path: str) -> Answer | None:
        segments = tuple(filter(None, path.split("/")))
        if "%" in path:
            segments = tuple(map(urllib.parse.unquote, segments))
        headers = request.headers
        try:
            body = await _body(request)
            self._access.check(request.method, segments, headers)
        except Failure as failure:
            return refusal("other", failure, 0.0)
        origin = f"{self._scheme}://{headers.get('host', '')}/"
        return await self._dispatcher.answer(Exchange(request.method, segments, headers, body, origin, self._now()))


def _dropped(request: web.BaseRequest) -> web.Response:
    """Close the connection; what is returned is written to nobody."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


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
