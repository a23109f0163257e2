"""The service's HTTP interface for tests of its clients: it remembers what it got, and answers what a test wants."""

import base64
import contextlib
import gzip
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from urllib.parse import parse_qsl, quote

from aiohttp import web

GROUP = "veo-wifi-2026"
GROUP_KEY = base64.b64encode(b"g" * 32).decode()
PERFORMANCE = {"system_health", "system_failure", "event_log"}


class FakeService:
    """Answers as the contract says; `telemetry` holds (headers, bytes) of every attempt."""

    def __init__(self) -> None:
        self.categories = ["usage"]
        self.ownership_id = "o-1"
        self.token_life = timedelta(hours=1)
        self.telemetry: list[tuple[dict[str, str], bytes]] = []
        self.registrations: list[dict[str, Any]] = []
        self.tokens_issued = 0
        self.answers: list[web.Response | Literal["lost"] | None] = []
        """What the next calls of telemetry get instead; None is the ordinary answer, "lost" a broken connection."""
        self.retryable_once: set[int] = set()

    def application(self) -> web.Application:
        app = web.Application()
        app.router.add_post("/api/devices/challenge", self.challenge)
        app.router.add_post("/api/devices/register", self.register)
        app.router.add_post("/api/devices/token", self.token)
        app.router.add_post("/api/telemetry", self.receive)
        app.router.add_post("/api/me/claims", self.claim)
        app.router.add_post("/token", self.sign_in)
        return app

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[str]:
        runner = web.AppRunner(self.application(), access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        try:
            yield f"http://127.0.0.1:{runner.addresses[0][1]}"
        finally:
            await runner.cleanup()

    async def sign_in(self, request: web.Request) -> web.Response:
        return web.json_response({"access_token": (await request.json())["email"]})

    async def claim(self, _: web.Request) -> web.Response:
        return web.json_response(
            {"claimId": "c", "claim": "c.secret", "expiresAt": _iso(timedelta(hours=1))}, status=201
        )

    async def challenge(self, request: web.Request) -> web.Response:
        serial = (await request.json())["serialNumber"]
        return web.json_response({"challenge": f"nonce/of {serial}", "expires": 1_900_000_000})

    def _attested(self, request: web.Request) -> bool:
        scheme, _, parameters = request.headers["Authorization"].partition(" ")
        given = dict(parse_qsl(parameters, strict_parsing=True))
        serial, _, challenge = given["sr"].partition("/challenges/")
        key = hmac.digest(base64.b64decode(GROUP_KEY), serial.encode(), hashlib.sha256)
        signed = f"{quote(given['sr'], safe='')}\n{given['se']}".encode()
        right = base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
        return (scheme, given["skn"], given["sig"], challenge) == (
            "SharedAccessSignature",
            GROUP,
            right,
            f"nonce/of {serial}",
        )

    async def register(self, request: web.Request) -> web.Response:
        if not self._attested(request):
            return problem(401, "attestation_refused")
        self.registrations.append(await request.json())
        return self._access(201 if len(self.registrations) == 1 else 200)

    async def token(self, request: web.Request) -> web.Response:
        return self._access(200) if self._attested(request) else problem(401, "attestation_refused")

    def _access(self, status: int) -> web.Response:
        self.tokens_issued += 1
        content = {
            "deviceId": "d-1",
            "ownershipId": self.ownership_id,
            "token": f"token-{self.tokens_issued}",
            "tokenExpiresAt": _iso(self.token_life),
            "categories": self.categories,
            "serverTime": _iso(),
        }
        return web.json_response(content, status=status)

    async def receive(self, request: web.Request) -> web.Response:
        self.telemetry.append((dict(request.headers), body := await request.read()))
        answer = self.answers.pop(0) if self.answers else None
        if answer == "lost":
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        if answer is not None:
            return answer
        readings = json.loads(body)["readings"]
        receipts = [
            {"index": index, "status": "duplicate"} if reading in readings[:index] else self._receipt(index, reading)
            for index, reading in enumerate(readings)
        ]
        rejected = sum(receipt["status"] == "rejected" for receipt in receipts)
        return web.json_response(
            {
                "messageId": json.loads(body)["messageId"],
                "receivedAt": _iso(),
                "accepted": sum(receipt["status"] == "accepted" for receipt in receipts),
                "rejected": rejected,
                "receipts": receipts,
            },
            status=202,
        )

    def _receipt(self, index: int, reading: dict[str, Any]) -> dict[str, Any]:
        if index in self.retryable_once:
            self.retryable_once.discard(index)
            return {"index": index, "status": "rejected", "code": "busy", "retryable": True}
        if reading["kind"] in PERFORMANCE and "performance" not in self.categories:
            return {"index": index, "status": "rejected", "code": "category_not_collected", "retryable": False}
        return {"index": index, "status": "accepted"}


def problem(status: int, code: str, **headers: str) -> web.Response:
    return web.json_response({"code": code, "title": "No."}, status=status, headers=headers)


def unpacked(attempt: tuple[dict[str, str], bytes]) -> dict[str, Any]:
    """The envelope of an attempt; aiohttp has unpacked it already, unless it was sent plain."""
    _, body = attempt
    content: dict[str, Any] = json.loads(gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body)
    return content


def _iso(later: timedelta = timedelta()) -> str:
    return (datetime.now(UTC) + later).isoformat()
