"""Small stand-ins for what a use case only sends to."""

from collections import Counter
from datetime import UTC, datetime
from typing import Any

from shared.callers import Resident
from shared.cosmos import Container
from shared.counters import Counted, Counters
from shared.errors import Problem
from shared.gate import Change, change_policy
from shared.hubs import Hub
from shared.policy import Policy


class RecordingHub(Hub):
    """Keeps what it is sent; or is away."""

    def __init__(self, *, is_away: bool = False) -> None:
        """Nothing sent yet."""
        self.sent: list[tuple[bytes, str, dict[str, Any]]] = []
        self._is_away = is_away

    async def send(self, body: bytes, *, key: str, properties: Any = None) -> None:
        """Keep one event."""
        if self._is_away:
            raise Problem("hub_unavailable", retry_after_s=5)
        self.sent.append((body, key, dict(properties or {})))


class RecordingJournal:
    """Keeps the narrowing changes that it is told of."""

    def __init__(self) -> None:
        """Nothing narrowed yet."""
        self.entries: list[tuple[str, str, Policy]] = []

    async def narrowed(self, container: str, partition: str, policy: Policy) -> None:
        """Keep one change."""
        self.entries.append((container, partition, policy))


class RecordingCounters(Counters):
    """Counts, and writes nothing."""

    def __init__(self) -> None:
        """Nothing counted yet."""
        self.counted: Counter[str] = Counter()

    def add(self, name: Counted, count: int = 1) -> None:
        """Keep one count."""
        self.counted[name] += count


async def changed(container: Container, partition: str, change: Change) -> Policy:
    """Change a policy, as the kernel does it, where a test is about something else than the journal."""
    return await change_policy(container, partition, change, journal=RecordingJournal(), now=datetime.now(UTC))


def resident_of(person_id: str) -> Resident:
    """A signed-in person of this id."""
    return Resident(person_id, f"{person_id}@resident.example", "identity key")
