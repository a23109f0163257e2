"""The endpoint in a process: `async with EventHubsServer([HubDefinition("telemetry", 4)]) as server`."""

import asyncio
import contextlib
import ssl
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from local.clock import SettableClock, wall_clock
from local.eventhubs.access import KEY_NAME, KEY_VALUE, Grants
from local.eventhubs.addresses import LinkOpener
from local.eventhubs.connection import Connection, RefusedConnection
from local.eventhubs.errors import AmqpError, Condition
from local.eventhubs.faults import HubFaults
from local.eventhubs.log import Retention
from local.eventhubs.messages import StoredEvent
from local.eventhubs.namespace import Clock, HubDefinition, Namespace
from local.eventhubs.nodes import Desk
from local.eventhubs.storage import open_hubs
from local.serving import LOOPBACK, listening_socket

DEFAULT_RETENTION: Final = Retention(bytes=64 << 20, milliseconds=24 * 3600 * 1000)
_EXPIRE_EVERY_SECONDS: Final = 30
_GOODBYE_SECONDS: Final = 0.5


class EventHubsServer:
    """Serves hubs on a loopback port while its `async with` block runs.

    Args:
        hubs: what to serve.
        port: where to listen; 0 takes a free port.
        data: keeps events over restarts.
        retention: how much each partition keeps, and for how long.
        keys: names and values of the keys that sign tokens; by default the published one of the emulator.
        clock: where `server.clock` begins.
        tls: what to serve AMQPS with, as `local.tls.server_context` makes it; without it AMQP is plain.
        accepted_tokens: tokens of an identity provider that are accepted as they are. Others are refused.
    """

    def __init__(
        self,
        hubs: Iterable[HubDefinition],
        port: int = 0,
        data: Path | None = None,
        *,
        retention: Retention = DEFAULT_RETENTION,
        keys: Mapping[str, str] | None = None,
        clock: Clock = wall_clock,
        tls: ssl.SSLContext | None = None,
        accepted_tokens: Iterable[str] = (),
    ) -> None:
        self._definitions = tuple(hubs)
        self._port = port
        self._data = data
        self._retention = retention
        self._keys = {KEY_NAME: KEY_VALUE} if keys is None else keys
        self._accepted_tokens = frozenset(accepted_tokens)
        self._tls = tls
        self._connections: set[Connection] = set()
        self._stack = contextlib.AsyncExitStack()
        self._namespace = Namespace(())
        self.clock = SettableClock(clock)
        self.clock.watch(self._expire)
        self.faults = HubFaults([(hub.name, hub.partitions) for hub in self._definitions], self._connections)

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return self._port

    @property
    def address(self) -> str:
        """The endpoint as connection strings name it."""
        return f"sb://{LOOPBACK}:{self._port}"

    @property
    def connection_string(self) -> str:
        """What `from_connection_string` of the SDK's clients takes; the hub is named apart."""
        name, key = next(iter(self._keys.items()))
        plain = "" if self._tls else "UseDevelopmentEmulator=true;"
        return f"Endpoint={self.address};SharedAccessKeyName={name};SharedAccessKey={key};{plain}"

    @property
    def commands(self) -> tuple[Callable[..., object], ...]:
        """What a control port can offer: all faults, and the clock."""
        return (*self.faults.commands, self.clock_forward, self.clock_reset)

    def clock_forward(self, seconds: float) -> None:
        """Put the clock forward; what is too old then is gone."""
        self.clock.forward(seconds)

    def clock_reset(self) -> None:
        """Go with the real time again; later events are stamped as the newest is until it has passed."""
        self.clock.reset()

    def state(self) -> dict[str, Any]:
        """What a control port tells: how often each fault struck, and how far the clock is ahead."""
        return {"faults": self.faults.counts, "clock_ahead_seconds": self.clock.ahead_seconds}

    def events(self, hub: str) -> list[StoredEvent]:
        """All events that a hub keeps, partition by partition, each in order."""
        return [event for partition in self._namespace.hub(hub).partitions for event in partition.events()]

    async def __aenter__(self) -> Self:
        async with self._stack as stack:
            hubs = open_hubs(self._definitions, self._retention, self._data, self.clock)
            self._namespace = Namespace(stack.enter_context(hubs))
            sock = listening_socket(self._port, name="eventhubs")
            self._port = sock.getsockname()[1]
            listener = await asyncio.get_running_loop().create_server(self._connect, sock=sock, ssl=self._tls)
            stack.push_async_callback(self._end, listener)
            expiry = asyncio.create_task(self._keep_expiring())
            stack.callback(expiry.cancel)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def stop(self) -> None:
        """End early what the end of the block ends: connections are told, logs are closed."""
        await self._stack.aclose()

    def _connect(self) -> asyncio.Protocol:
        if self.faults.refuses_connection():
            return RefusedConnection()
        grants = Grants()
        desk = Desk(self._namespace, self._keys, self._accepted_tokens, grants)
        opener = LinkOpener(self._namespace, desk, grants, self.clock, self.faults)
        return Connection(opener.open, self._connections)

    async def _keep_expiring(self) -> None:
        while True:
            await asyncio.sleep(_EXPIRE_EVERY_SECONDS)
            self._expire()

    def _expire(self) -> None:
        self._namespace.expire()

    async def _end(self, listener: asyncio.Server) -> None:
        """Say goodbye, and wait only a moment for those who do not listen."""
        listener.close()
        for connection in tuple(self._connections):
            connection.close(AmqpError(Condition.CONNECTION_FORCED, "The endpoint is shutting down."))
        try:
            async with asyncio.timeout(_GOODBYE_SECONDS):
                await listener.wait_closed()
        except TimeoutError:
            listener.abort_clients()
            await listener.wait_closed()
