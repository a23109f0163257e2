"""The whole cloud as one object: start it, ask where things are, stop and start the Functions host alone.

async with LocalCloud(data=tmp_path) as cloud:
    async with session.get(f"{cloud.host_url}/api/openapi.json") as answer: ...
    await cloud.kill_host()
    await cloud.start_host()
"""

import asyncio
import contextlib
import importlib
import sys
from collections.abc import Coroutine, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Final, NamedTuple, Self
from urllib.parse import urlsplit

from local import keys, settings, state
from local.azurite import blob_part
from local.part import Part, PartEnded
from local.prerequisites import ROOT, check_python
from local.resources import Resources
from local.serving import CannotStart, listening_socket

if TYPE_CHECKING:
    from local.cosmos.remote import RemoteCosmos


class Ports(NamedTuple):
    """Where each part listens on 127.0.0.1; 0 takes a free port."""

    blob: int = 10000
    eventhubs: int = 5672
    cosmos: int = 8081
    identity: int = 8090
    mail: int = 1025
    recipient: int = 8091
    host: int = 7071


ANY_PORTS: Final = Ports(0, 0, 0, 0, 0, 0, 0)


class LocalCloud:
    """Azurite, Event Hubs, Cosmos DB, sign-in, mail, a recipient, the Functions host: child processes that end with it.

    Args:
        data: the directory that keeps everything; one cloud at a time can use it.
        ports: where the parts listen; by default on any free ports, so that clouds can stand side by side.
        app: the function app.
        fresh: wipe what the directory keeps.
        with_host: start the Functions host too; `start_host` does it later.
        extra_settings: app settings that win over the local cloud's own.
        controlled: let Event Hubs and the recipient take commands: faults on demand, a clock. `control` says where.
    """

    def __init__(
        self,
        *,
        data: Path = state.DEFAULT,
        ports: Ports = ANY_PORTS,
        app: Path = ROOT,
        fresh: bool = False,
        with_host: bool = True,
        extra_settings: Mapping[str, str] | None = None,
        controlled: bool = False,
    ) -> None:
        self.state = state.State(data)
        self.settings: dict[str, str] = {}
        self._ports = ports
        self._app = app
        self._fresh = fresh
        self._with_host = with_host
        self._extra_settings = dict(extra_settings or {})
        self._control = ("--control-port", "0") if controlled else ()
        self._resources = Resources.load()
        self._parts: dict[str, Part] = {}
        self._held = contextlib.ExitStack()

    @property
    def host_url(self) -> str:
        """The Functions host, as `http://127.0.0.1:PORT`; stays the same when the host is started again."""
        return self._parts["host"].address

    @property
    def addresses(self) -> settings.Addresses:
        """Where the other parts listen."""
        return settings.Addresses(
            *(self._parts[name].address for name in ("azurite", "eventhubs", "cosmos", "identity", "mail", "recipient"))
        )

    def control(self, name: str) -> str:
        """Where a part takes commands, for `local.control.tell(cloud.control("eventhubs"), "throttle-sends", times=3)`.

        Raises:
            ValueError: it takes none.
        """
        address = self._parts[name].control
        if not address:
            raise ValueError(f"{name} takes no commands; make the cloud with controlled=True")
        return address

    @property
    def cosmos(self) -> "RemoteCosmos":
        """Faults on demand, snapshots and the clock of the Cosmos DB endpoint."""
        from local.cosmos.remote import RemoteCosmos  # noqa: PLC0415  for tests only: it loads an HTTP client

        return RemoteCosmos(self._parts["cosmos"].address)

    @property
    def parts(self) -> Mapping[str, Part]:
        """The child processes by name, in the order of their start."""
        return self._parts

    @property
    def pids(self) -> dict[str, int]:
        """Process ids of the parts that run."""
        return {name: part.pid for name, part in self._parts.items() if part.running}

    async def __aenter__(self) -> Self:
        """Start everything.

        Raises:
            CannotStart: with what to do.
        """
        check_python()
        try:
            self._held.enter_context(self.state.held(fresh=self._fresh))
            await self._start()
        except BaseException:
            await self._stop()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stop()

    async def _start(self) -> None:
        secrets = keys.kept(self.state.keys)
        blob = blob_part(port=self._ports.blob, data=self.state.blobs, log=self.state.logs / "azurite.log")
        self._refuse_taken_ports()
        self._parts = {
            "azurite": blob,
            "eventhubs": self._command(
                "eventhubs",
                *("--port", str(self._ports.eventhubs), "--data", str(self.state.hubs), *self._control),
                *(word for hub in self._resources.event_hubs for word in ("--hub", hub.argument)),
            ),
            "cosmos": self._command("cosmos", "--port", str(self._ports.cosmos), "--data", str(self.state.cosmos)),
            "identity": self._command(
                "identity", "--port", str(self._ports.identity), "--data", str(self.state.identity)
            ),
            "mail": self._command("mail", "--port", str(self._ports.mail), "--data", str(self.state.mail)),
            "recipient": self._command(
                "recipient",
                *("--port", str(self._ports.recipient), "--data", str(self.state.recipient), *self._control),
            ),
        }
        # The official clients take seconds to load: that happens while the parts start.
        loading = asyncio.to_thread(importlib.import_module, "local.provision")
        await _together(loading, *(part.start() for part in self._parts.values()))
        self.settings = settings.app_settings(self.addresses, secrets) | self._extra_settings
        # Nothing calls the app before this returns, so it may load while its containers are made.
        await self._unless_one_ends(_together(self._provision(), *([self.start_host()] if self._with_host else [])))

    async def _unless_one_ends(self, work: Coroutine[object, object, None]) -> None:
        """Do `work`; when a part ends meanwhile, that is the error, and not what follows from it."""
        working, ending = asyncio.ensure_future(work), asyncio.ensure_future(self.failure())
        try:
            await asyncio.wait({working, ending}, return_when=asyncio.FIRST_COMPLETED)
            if ending.done():
                raise ending.result()
            await working
        finally:
            for task in (working, ending):
                task.cancel()
            await asyncio.gather(working, ending, return_exceptions=True)

    async def _provision(self) -> None:
        from local.provision import provision  # noqa: PLC0415  loaded by now, and only when a cloud starts

        await provision(self.settings, self._resources)

    def _refuse_taken_ports(self) -> None:
        """Say which port is taken before anything is started, rather than from inside one part."""
        for name, port in self._ports._asdict().items():
            try:
                listening_socket(port, name=name).close()
            except CannotStart as error:
                raise CannotStart(
                    f"{name}: port {port} is taken. End what listens there, choose another with --{name}-port, "
                    "or take free ones for everything with --any-ports."
                ) from error

    def _command(self, name: str, *arguments: str, environment: Mapping[str, str] | None = None) -> Part:
        return Part(
            name,
            [sys.executable, "-m", "local", name, *arguments],
            log=self.state.logs / f"{name}.log",
            environment=environment,
        )

    async def start_host(self) -> str:
        """Start the Functions host, on the port it had before if it ran before; return its address."""
        host = self._parts.get("host")
        if host is None or not host.running:
            port = (urlsplit(host.address).port if host else None) or self._ports.host
            arguments = ("--app", str(self._app), "--port", str(port))
            host = self._parts["host"] = self._command("host", *arguments, environment=self.settings)
        return await host.start()

    async def stop_host(self) -> None:
        """End the Functions host in order; the rest goes on."""
        await self._parts["host"].stop()

    async def kill_host(self) -> None:
        """End the Functions host as a crash would; the rest goes on."""
        await self._parts["host"].kill()

    async def restart_host(self) -> str:
        """Stop and start the Functions host; return its address."""
        await self.stop_host()
        return await self.start_host()

    async def failure(self) -> PartEnded:
        """Wait until any part ends by itself, and say which and why."""
        waiting = {asyncio.ensure_future(part.wait()): part for part in self._parts.values() if part.running}
        try:
            done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waiting:
                task.cancel()
        return PartEnded(waiting[done.pop()].epitaph())

    async def _stop(self) -> None:
        """The host first: it closes its consumers while the hubs still answer."""
        if host := self._parts.get("host"):
            await host.stop()
        await asyncio.gather(*(part.stop() for part in self._parts.values()))
        self._held.close()


async def _together(*starts: Coroutine[object, object, object]) -> None:
    """Wait for all; the first failure cancels the others and is raised alone."""
    try:
        async with asyncio.TaskGroup() as group:
            for start in starts:
                group.create_task(start)
    except* CannotStart as failures:
        raise failures.exceptions[0] from None
