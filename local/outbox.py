"""Readings on their way: buffered, packed into messages, and kept until the service has acknowledged them."""

import gzip
import json
import uuid
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

GZIP_ABOVE_BYTES: Final = 1024
READINGS_A_MESSAGE: Final = 60
CAPACITY: Final = 10_000

type Reading = dict[str, Any]


def timestamp(moment: datetime | None = None) -> str:
    """ISO 8601 in UTC with milliseconds, as the service writes times."""
    return (moment or datetime.now(UTC)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass(frozen=True, slots=True)
class Message:
    """One message: its id and its bytes never change, however often it is sent."""

    message_id: str
    readings: tuple[Reading, ...]
    body: bytes
    encoding: str | None

    @classmethod
    def of(cls, readings: Iterable[Reading], *, sent_at: datetime | None = None) -> "Message":
        """Pack readings; above a size the body is compressed."""
        message_id, packed = str(uuid.uuid4()), tuple(readings)
        envelope: Mapping[str, Any] = {
            "schemaVersion": 1,
            "messageId": message_id,
            "sentAt": timestamp(sent_at),
            "readings": packed,
        }
        body = json.dumps(envelope, separators=(",", ":")).encode()
        if len(body) <= GZIP_ABOVE_BYTES:
            return cls(message_id, packed, body, None)
        return cls(message_id, packed, gzip.compress(body, compresslevel=6, mtime=0), "gzip")


class Outbox:
    """A bounded buffer: when it is full the oldest reading goes, and is counted."""

    def __init__(self, *, capacity: int = CAPACITY, readings_a_message: int = READINGS_A_MESSAGE) -> None:
        self.dropped = 0
        self._waiting: deque[Reading] = deque(maxlen=capacity)
        self._readings_a_message = readings_a_message
        self._current: Message | None = None

    def __len__(self) -> int:
        return len(self._waiting) + (len(self._current.readings) if self._current else 0)

    def add(self, reading: Reading) -> None:
        """Buffer one reading."""
        if len(self._waiting) == self._waiting.maxlen:
            self.dropped += 1
        self._waiting.append(reading)

    def current(self) -> Message | None:
        """The message to send now: the same one until it is settled; None when there is nothing to send."""
        if self._current is None and self._waiting:
            count = min(len(self._waiting), self._readings_a_message)
            self._current = Message.of([self._waiting.popleft() for _ in range(count)])
        return self._current

    def settle(self) -> None:
        """The current message needs no more sending."""
        self._current = None

    def clear(self) -> None:
        """Forget everything: it belongs to a former owner."""
        self._waiting.clear()
        self._current = None
