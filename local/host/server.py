"""The host: an app's worker, its HTTP edge and its triggers, started and ended together."""

import asyncio
import contextlib
import logging
import socket
import threading
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Self

import azure_functions_runtime as runtime
from aiohttp import web
from azure.eventhub import EventData

from local.host import eventdata, eventhubs
from local.host.edge import Edge, body_limit
from local.host.hostjson import HostJson, read_host_json
from local.host.invocations import Invocations, Outcome
from local.host.manifest import EventHubTrigger, Function, TimerTrigger, functions_of, http_routes
from local.host.routes import RouteTable
from local.host.settings import connection_string, effective_settings, read_local_settings
from local.host.timers import Timer
from local.host.worker import running_worker
from local.serving import LOOPBACK, listening_socket

DEFAULT_GRACE: Final = 10.0
"""Seconds that running invocations get to end when the host stops."""

_CLOSING: Final = 10.0
"""Seconds more for what closes connections afterwards."""

_log: Final = logging.getLogger("Host.General")


class FunctionsHost:
    """A function app, running: `async with FunctionsHost("app") as host:`.

    A process can have one host at a time, since Microsoft's library keeps its state in module globals; another may
    start when it has stopped. Modules of the app other than its script file stay imported in between.
    """

    host_json: HostJson
    functions: tuple[Function, ...]
    address: str

    def __init__(
        self,
        app_directory: str | Path,
        *,
        settings: Mapping[str, str] | None = None,
        port: int = 0,
        triggers: bool = True,
        grace: float = DEFAULT_GRACE,
    ) -> None:
        """Name the app.

        Args:
            app_directory: where function_app.py and host.json are.
            settings: application settings that win over the environment and local.settings.json.
            port: port of the HTTP edge; 0 takes any free one.
            triggers: whether Event Hubs and timer triggers run; if not, functions run by HTTP and by hand only.
            grace: seconds that running invocations get to end when the host stops.
        """
        self._app_directory = app_path(app_directory)
        self._given = dict(settings or {})
        self._port = port
        self._triggers = triggers
        self._grace = grace
        self._stack = contextlib.AsyncExitStack()
        self._stopping = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self.running: dict[str, Function] = {}
        self.has_stuck_threads = False

    async def __aenter__(self) -> Self:
        async with contextlib.AsyncExitStack() as stack:
            await self._start(stack)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def _start(self, stack: contextlib.AsyncExitStack) -> None:
        sock = listening_socket(self._port, name="host")
        stack.callback(sock.close)
        self.address = f"http://{LOOPBACK}:{sock.getsockname()[1]}"
        settings = effective_settings(read_local_settings(self._app_directory).values, self._given)
        self.host_json = read_host_json(self._app_directory, settings)
        worker = stack.enter_context(running_worker(self._app_directory, settings))
        stack.push_async_callback(self._end_threads)
        self.functions = functions_of(await worker.index(), settings)
        self._invocations = Invocations(worker, self.host_json.function_timeout, self.running)
        edge = self._edge(settings)
        self._timers = {
            function.name: Timer(function, function.trigger, self._invocations)
            for function in self.functions
            if isinstance(function.trigger, TimerTrigger)
        }
        await stack.enter_async_context(_serving(edge.server(), sock, self._grace))
        stack.push_async_callback(self._end_tasks)
        if self._triggers:
            await self._start_listeners(settings)
            for timer in self._timers.values():
                self._start_task(timer.run(self._stopping))

    def _edge(self, settings: Mapping[str, str]) -> Edge:
        http = self.host_json.extensions.http
        return Edge(
            RouteTable(http_routes(self.functions, http.route_prefix)),
            self._invocations,
            http,
            body_limit=body_limit(settings),
            run_by_hand=self._run_by_hand,
        )

    async def _start_listeners(self, settings: Mapping[str, str]) -> None:
        options = self.host_json.extensions.event_hubs
        listeners = [
            eventhubs.Listener(function, function.trigger, options, self._invocations)
            for function in self.functions
            if isinstance(function.trigger, EventHubTrigger)
        ]
        if not listeners:
            return
        storage = connection_string(settings, eventhubs.STORAGE, where="Event Hubs triggers")
        await eventhubs.create_checkpoint_container(storage)
        for listener in listeners:
            store = eventhubs.checkpoint_store(storage)
            client = listener.client(settings, store)
            self._start_task(listener.run(client, store, self._stopping, self._grace))

    def _start_task(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._task_ended)

    def _task_ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.critical("a part of the host has failed", exc_info=error)

    def function(self, name: str) -> Function:
        """The function of that name; letter case does not matter.

        Raises:
            LookupError: there is none.
        """
        for function in self.functions:
            if function.name.lower() == name.lower():
                return function
        raise LookupError(f"there is no function {name!r}; there are {', '.join(f.name for f in self.functions)}")

    async def invoke(self, name: str, events: Sequence[EventData] = (), *, partition: str = "0") -> Outcome:
        """Run a timer function, or an Event Hubs function on these events, once, now, without retries.

        Raises:
            LookupError: there is no such function.
            ValueError: it is an HTTP function, which is sent a request; or the events do not fit the function.
        """
        function = self.function(name)
        trigger = function.trigger
        if isinstance(trigger, TimerTrigger) and not events:
            return await self._timers[function.name].fire_once()
        if isinstance(trigger, EventHubTrigger) and len(events) > 0 and (trigger.is_batch or len(events) == 1):
            source = eventdata.Source(LOOPBACK, trigger.event_hub, trigger.consumer_group, partition)
            eventdata.stamp(events)
            return await eventhubs.run_on_events(function, trigger, self._invocations, events, source)
        raise ValueError(f"{name!r} is not run by hand on {len(events)} events")

    def _run_by_hand(self, name: str) -> web.Response:
        try:
            timer = self._timers[self.function(name).name]
        except LookupError as error:
            if isinstance(error, KeyError):
                return web.Response(status=400, text=f"{name} is no timer function; only those are run by hand here")
            return web.Response(status=404)
        self._start_task(timer.fire(self._stopping))
        return web.Response(status=202)

    async def _end_tasks(self) -> None:
        self._stopping.set()
        if self._tasks:
            await asyncio.wait(set(self._tasks), timeout=self._grace + _CLOSING)
        for task in set(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _end_threads(self) -> None:
        """End the worker's threads; one that is stuck in a function cannot be ended, and is left behind."""
        ended = asyncio.Event()
        loop = asyncio.get_running_loop()

        def end() -> None:
            runtime.stop_threadpool_executor()
            with contextlib.suppress(RuntimeError):  # the loop may be closed by then
                loop.call_soon_threadsafe(ended.set)

        threading.Thread(target=end, daemon=True).start()
        try:
            await asyncio.wait_for(ended.wait(), self._grace)
        except TimeoutError:
            self.has_stuck_threads = True
            _log.warning("a function without async did not end within %s s; its thread is left behind", self._grace)


def app_path(app_directory: str | Path) -> Path:
    """The app's directory, absolute: the current directory will be another."""
    return Path(app_directory).resolve()


@contextlib.asynccontextmanager
async def _serving(server: web.Server, sock: socket.socket, grace: float) -> AsyncIterator[None]:
    runner = web.ServerRunner(server, shutdown_timeout=grace)
    await runner.setup()
    try:
        await web.SockSite(runner, sock).start()
        yield
    finally:
        await runner.cleanup()


async def index_app(app_directory: str | Path, *, settings: Mapping[str, str] | None = None) -> tuple[Function, ...]:
    """The functions of an app, without running any; its routes are checked as at a start.

    Raises:
        CannotIndex: the reason for which the app would not start.
    """
    directory = app_path(app_directory)
    merged = effective_settings(read_local_settings(directory).values, settings or {})
    host_json = read_host_json(directory, merged)
    with running_worker(directory, merged) as worker:
        functions = functions_of(await worker.index(), merged)
        runtime.stop_threadpool_executor()
    http_routes(functions, host_json.extensions.http.route_prefix)
    return functions
