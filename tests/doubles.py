"""Small stand-ins for what a use case only sends to."""

from typing import Any

from shared.errors import Problem
from shared.hubs import Hub


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
