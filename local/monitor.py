"""The reference monitor: what the firmware of a Wi-Fi monitor has to do to use this service, and how it behaves.

It answers a challenge, proves its make, registers with the claim from the QR code, keeps its access token fresh,
buffers readings and sends them. It sends performance readings only while its token says that they are wanted.
"""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from typing import Any, Final, Self

import aiohttp

from local.api import Answer, Api, Refused
from local.attestation import Make
from local.outbox import Message, Outbox, Reading, timestamp

CATEGORY_OF: Final = {
    "call": "usage",
    "door_opening": "usage",
    "system_health": "performance",
    "system_failure": "performance",
    "event_log": "performance",
}
RENEW_AFTER: Final = 0.8
"""The part of a token's life after which it is renewed."""

FIRST_PAUSE_SECONDS: Final = 0.5
LONGEST_PAUSE_SECONDS: Final = 60.0
ATTEMPTS: Final = 8


class NotRegistered(Exception):
    """The monitor has no access: it must be registered first."""


@dataclass(frozen=True, slots=True)
class Access:
    """The monitor's right to send, for a while."""

    device_id: str
    ownership_id: str
    token: str
    categories: frozenset[str]
    renew_at: float
    """On the monotonic clock: a monitor whose calendar is wrong renews in time all the same."""

    @classmethod
    def granted(cls, answer: Answer, now: float) -> Self:
        """From the answer to a registration or a renewal."""
        life = datetime.fromisoformat(answer["tokenExpiresAt"]) - datetime.fromisoformat(answer["serverTime"])
        return cls(
            device_id=answer["deviceId"],
            ownership_id=answer["ownershipId"],
            token=answer["token"],
            categories=frozenset(answer["categories"]),
            renew_at=now + RENEW_AFTER * life.total_seconds(),
        )


@dataclass(slots=True)
class Delivered:
    """What became of the readings that were sent."""

    messages: int = 0
    accepted: int = 0
    duplicates: int = 0
    """Readings that the same message had already."""
    rejected: Counter[str] = field(default_factory=Counter)
    """By the code of the reason."""
    retries: int = 0
    received_at: str = ""
    """When the service took the last message, by its own clock."""

    def __add__(self, other: "Delivered") -> "Delivered":
        return Delivered(
            self.messages + other.messages,
            self.accepted + other.accepted,
            self.duplicates + other.duplicates,
            self.rejected + other.rejected,
            self.retries + other.retries,
            max(self.received_at, other.received_at),
        )


class Monitor:
    """One monitor. `pause` and `now` are for tests, which don't wait."""

    def __init__(
        self,
        api: Api,
        make: Make,
        *,
        outbox: Outbox | None = None,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.make = make
        self.outbox = Outbox() if outbox is None else outbox
        self.access: Access | None = None
        self.registered_anew = False
        self._api = api
        self._pause = pause
        self._now = now

    async def register(self, claim: str) -> Access:
        """Pair with the account behind `claim`; the same claim may be sent again if the answer was lost."""
        answer = await self._attested("/api/devices/register", {"claim": claim, "device": dict(self.make.data)})
        self.registered_anew = answer.status == HTTPStatus.CREATED
        return self._take(answer)

    async def renew(self) -> Access:
        """Get a new token; it tells which readings are wanted now."""
        last = {"token": self.access.token} if self.access is not None else {}
        return self._take(await self._attested("/api/devices/token", {**last, "device": dict(self.make.data)}))

    async def _attested(self, path: str, body: Mapping[str, Any]) -> Answer:
        """Send something with a proof of make; each attempt has a challenge of its own, as a signature counts once."""

        async def attempt() -> Answer:
            challenge = await self._api.post("/api/devices/challenge", {"serialNumber": self.make.serial_number})
            authorization = self.make.authorization(challenge["challenge"], challenge["expires"])
            return await self._api.post(path, body, authorization=authorization)

        answer, _ = await self._patiently(attempt)
        return answer

    def _take(self, answer: Answer) -> Access:
        before, self.access = self.access, Access.granted(answer, self._now())
        if before is not None and before.ownership_id != self.access.ownership_id:
            self.outbox.clear()
        return self.access

    def wants(self, kind: str) -> bool:
        """Whether readings of this kind are to be taken at all."""
        return self.access is not None and CATEGORY_OF[kind] in self.access.categories

    def observe(self, reading: Reading) -> bool:
        """Buffer a reading, if its kind is wanted; what is not wanted is not even kept."""
        if not self.wants(reading["kind"]):
            return False
        self.outbox.add(reading)
        return True

    async def flush(self) -> Delivered:
        """Send everything that is buffered.

        Raises:
            NotRegistered: before the first registration.
            Refused, aiohttp.ClientError, TimeoutError: the service could not take it for long; it stays buffered.
        """
        total, again = Delivered(), []
        while message := self.outbox.current():
            delivered, retryable = await self._deliver(message)
            self.outbox.settle()
            total += delivered
            again += retryable
        for reading in again:  # with the next flush, so that this one ends
            self.outbox.add(reading)
        return total

    async def _deliver(self, message: Message) -> tuple[Delivered, list[Reading]]:
        """What became of one message, and the readings of it that may be sent again."""
        try:
            answer, retries = await self._patiently(lambda: self.send(message))
        except Refused as refused:
            if refused.temporary or refused.status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
                raise
            # The service will never take this message: keeping it would block all that come after it.
            return Delivered(rejected=Counter({refused.code: len(message.readings)})), []
        rejected = [receipt for receipt in answer["receipts"] if receipt["status"] == "rejected"]
        delivered = Delivered(
            messages=1,
            accepted=answer["accepted"],
            duplicates=sum(receipt["status"] == "duplicate" for receipt in answer["receipts"]),
            rejected=Counter(receipt["code"] for receipt in rejected if not receipt.get("retryable")),
            retries=retries,
            received_at=answer["receivedAt"],
        )
        return delivered, [message.readings[receipt["index"]] for receipt in rejected if receipt.get("retryable")]

    async def send(self, message: Message) -> Answer:
        """Send one message once, with a fresh token; a token that is refused as too old is renewed once."""
        access = await self._fresh_access()
        try:
            return await self._post(message, access)
        except Refused as refused:
            if refused.status != HTTPStatus.UNAUTHORIZED:
                raise
        return await self._post(message, await self.renew())

    async def _post(self, message: Message, access: Access) -> Answer:
        return await self._api.send(
            "POST",
            "/api/telemetry",
            message.body,
            authorization=f"Bearer {access.token}",
            encoding=message.encoding,
            headers={"X-Monitor-Time": timestamp()},  # of this attempt: the message keeps the time of the first one
        )

    async def _fresh_access(self) -> Access:
        if self.access is None:
            raise NotRegistered(f"Monitor {self.make.serial_number} has not been registered.")
        return self.access if self._now() < self.access.renew_at else await self.renew()

    async def _patiently(self, attempt: Callable[[], Awaitable[Answer]]) -> tuple[Answer, int]:
        """The answer and how many tries it took before; pauses grow, unless the service says how long to wait."""
        for tries in range(ATTEMPTS - 1):
            try:
                return await attempt(), tries
            except Refused as refused:
                if not refused.temporary:
                    raise
                await self._pause(_pause_seconds(tries, refused.retry_after))
            except (aiohttp.ClientError, TimeoutError):
                await self._pause(_pause_seconds(tries, None))
        return await attempt(), ATTEMPTS - 1


def _pause_seconds(tries: int, asked: float | None) -> float:
    """Growing, and spread so that many monitors don't come back at the same moment; never sooner than asked."""
    spread = random.uniform(0.5, 1.0)  # noqa: S311  spreads load, protects nothing
    grown = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2**tries)
    return spread * grown if asked is None else asked + spread * FIRST_PAUSE_SECONDS
