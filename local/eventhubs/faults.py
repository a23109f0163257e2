"""What can go wrong with hubs on demand: `server.faults` in a process, the same names on the control port.

`times` counts what goes wrong (a send, a connection), `for_seconds` is real time; with neither a fault lasts until
`reset`. `hub` limits it to one hub. Requests to `$cbs` and `$management` fail only with their connection.
"""

from collections.abc import Callable, Collection, Iterable
from typing import Final, Protocol

from local.eventhubs.errors import AmqpError, Condition
from local.faults import Fault

_LONGEST_LATENCY: Final = 3600.0
_BUSY: Final = (
    "The request was terminated because the namespace is being throttled. Error code : 50002. "
    "Please wait 4 seconds and try again."
)


class Disturbed(Protocol):
    """A connection, as far as faults touch it."""

    def abort(self) -> None:
        """Drop it without a word."""

    def on_room(self) -> None:
        """What waited may go on."""


class HubFaults:
    """The faults of one endpoint: commands that arm them, and questions that links ask where something can go wrong.

    Args:
        hubs: names and numbers of partitions.
        connections: those that are open at any time.
    """

    def __init__(self, hubs: Iterable[tuple[str, int]], connections: Collection[Disturbed]) -> None:
        self._hubs = {name.lower(): partitions for name, partitions in hubs}
        self._connections = connections
        self._throttled = Fault()
        self._refused = Fault()
        self._slow_sends = Fault()
        self._slow_deliveries = Fault()
        self._lost = Fault()
        self._no_entry = Fault()
        self._refusal = "", ""
        self._send_latency = self._delivery_latency = 0.0
        self._stopped = set[tuple[str, str]]()
        self._withheld = self._dropped = 0

    @property
    def commands(self) -> tuple[Callable[..., object], ...]:
        """All that can be asked for."""
        return (
            self.throttle_sends,
            self.refuse_sends,
            self.delay_sends,
            self.delay_deliveries,
            self.lose_acknowledgements,
            self.stop_partition,
            self.resume_partition,
            self.drop_connections,
            self.refuse_connections,
            self.reset,
        )

    @property
    def counts(self) -> dict[str, int]:
        """How often each fault struck since the last reset."""
        return {
            "throttle-sends": self._throttled.struck,
            "refuse-sends": self._refused.struck,
            "delay-sends": self._slow_sends.struck,
            "delay-deliveries": self._slow_deliveries.struck,
            "lose-acknowledgements": self._lost.struck,
            "stop-partition": self._withheld,
            "drop-connections": self._dropped,
            "refuse-connections": self._no_entry.struck,
        }

    def throttle_sends(
        self, *, times: int | None = None, for_seconds: float | None = None, hub: str | None = None
    ) -> None:
        """Answer sends as the service does above its throughput units; nothing of them is stored."""
        self._throttled.arm(times=times, for_seconds=for_seconds, place=self._known(hub))

    def refuse_sends(
        self,
        condition: str,
        *,
        description: str = "The send was refused on demand.",
        times: int | None = None,
        for_seconds: float | None = None,
        hub: str | None = None,
    ) -> None:
        """Reject sends with any AMQP error condition, such as `amqp:not-found`; nothing of them is stored."""
        if not condition or not condition.isascii():
            raise ValueError("an error condition is a name in ASCII, such as amqp:not-found")
        self._refused.arm(times=times, for_seconds=for_seconds, place=self._known(hub))
        self._refusal = condition, description

    def delay_sends(
        self,
        latency_seconds: float,
        *,
        times: int | None = None,
        for_seconds: float | None = None,
        hub: str | None = None,
    ) -> None:
        """Store and acknowledge sends so much later; those whose connection ends meanwhile are never stored."""
        _check_latency(latency_seconds)
        self._slow_sends.arm(times=times, for_seconds=for_seconds, place=self._known(hub))
        self._send_latency = latency_seconds

    def delay_deliveries(
        self,
        latency_seconds: float,
        *,
        times: int | None = None,
        for_seconds: float | None = None,
        hub: str | None = None,
    ) -> None:
        """Let readers hear of new events so much later; what was there when they came they get at once."""
        _check_latency(latency_seconds)
        self._slow_deliveries.arm(times=times, for_seconds=for_seconds, place=self._known(hub))
        self._delivery_latency = latency_seconds

    def lose_acknowledgements(
        self, *, times: int | None = None, for_seconds: float | None = None, hub: str | None = None
    ) -> None:
        """Store sends, but drop the connection instead of saying so."""
        self._lost.arm(times=times, for_seconds=for_seconds, place=self._known(hub))

    def stop_partition(self, hub: str, partition: str) -> None:
        """Deliver nothing more from a partition; it still takes events, and its readers keep their places."""
        self._stopped.add(self._partition(hub, partition))

    def resume_partition(self, hub: str, partition: str) -> None:
        """Deliver from a partition again, first what was withheld."""
        self._stopped.discard(self._partition(hub, partition))
        self._wake()

    def drop_connections(self) -> None:
        """Drop all open connections without a word. Clients may come back at once."""
        connections = tuple(self._connections)
        self._dropped += len(connections)
        for connection in connections:
            connection.abort()

    def refuse_connections(self, *, times: int | None = None, for_seconds: float | None = None) -> None:
        """Drop new connections as soon as they are made; those that are open stay."""
        self._no_entry.arm(times=times, for_seconds=for_seconds)

    def reset(self) -> None:
        """End all faults, deliver what was withheld, and count from zero. What is late already stays late."""
        faults = self._throttled, self._refused, self._slow_sends, self._slow_deliveries, self._lost, self._no_entry
        for fault in faults:
            fault.reset()
        self._withheld = self._dropped = 0
        self._stopped.clear()
        self._wake()

    def _wake(self) -> None:
        for connection in tuple(self._connections):
            connection.on_room()

    def _known(self, hub: str | None) -> str | None:
        if hub is not None and hub.lower() not in self._hubs:
            raise ValueError(f"there is no hub {hub!r}")
        return None if hub is None else hub.lower()

    def _partition(self, hub: str, partition: str) -> tuple[str, str]:
        name = hub.lower()
        if partition not in map(str, range(self._hubs.get(name, 0))):
            raise ValueError(f"there is no partition {partition!r} of a hub {hub!r}")
        return name, partition

    # What links and the listener ask. They name hubs in lower case.

    def send_latency(self, hub: str) -> float:
        """Seconds by which a send is to be dealt with later."""
        return self._send_latency if self._slow_sends.strikes(hub) else 0

    def send_refusal(self, hub: str) -> AmqpError | None:
        """Why a send is to be rejected, if it is."""
        if self._throttled.strikes(hub):
            return AmqpError(Condition.SERVER_BUSY, _BUSY)
        if self._refused.strikes(hub):
            return AmqpError(*self._refusal)
        return None

    def loses_acknowledgement(self, hub: str) -> bool:
        """Whether a stored send is to go without its answer."""
        return self._lost.strikes(hub)

    def delivery_latency(self, hub: str) -> float:
        """Seconds by which a reader is to hear later of the newest events."""
        return self._delivery_latency if self._slow_deliveries.strikes(hub) else 0

    def withholds(self, hub: str, partition: str) -> bool:
        """Whether a reader is not to get what it could."""
        stopped = bool(self._stopped) and (hub, partition) in self._stopped
        self._withheld += stopped
        return stopped

    def refuses_connection(self) -> bool:
        """Whether a new connection is to be dropped."""
        return self._no_entry.strikes()


def _check_latency(seconds: float) -> None:
    if not 0 < seconds <= _LONGEST_LATENCY:
        raise ValueError(f"a latency is above 0 and at most {_LONGEST_LATENCY:.0f} seconds")
