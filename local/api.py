"""The service's HTTP interface as its clients see it: JSON in and out, problem documents as exceptions."""

import email.utils
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import aiohttp


class Refused(Exception):
    """The service answered with a problem document (RFC 9457)."""

    def __init__(self, status: int, problem: Mapping[str, Any], retry_after: float | None = None) -> None:
        self.status = status
        self.problem = problem
        self.code = str(problem.get("code", "none"))
        self.retry_after = retry_after
        """Seconds after which the service wants to be asked again."""
        where = f" ({problem['pointer']})" if "pointer" in problem else ""
        super().__init__(f"{status} {self.code}{where}: {problem.get('title', 'no problem document')}")

    @property
    def temporary(self) -> bool:
        """Whether the same request can succeed later."""
        return self.status in {429, 502, 503, 504}


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; `answer["field"]` is a field of its body."""

    status: int
    body: dict[str, Any]

    def __getitem__(self, name: str) -> Any:
        return self.body[name]


class Api:
    """The service at one base URL, `http://127.0.0.1:7071`; one HTTP session for all who use it."""

    def __init__(self, base_url: str, session: aiohttp.ClientSession) -> None:
        self.base_url = base_url.rstrip("/")
        self.session = session

    @classmethod
    def opened(cls, base_url: str, *, connections: int = 100) -> Self:
        """With a session of its own, that `async with api.session` closes."""
        connector = aiohttp.TCPConnector(limit=connections)
        return cls(base_url, aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=60)))

    async def get(self, path: str, *, authorization: str | None = None) -> Answer:
        """Ask for a resource."""
        return await self.send("GET", path, None, authorization=authorization)

    async def post(self, path: str, body: Mapping[str, Any], *, authorization: str | None = None) -> Answer:
        """Send JSON."""
        return await self.send("POST", path, json.dumps(body).encode(), authorization=authorization)

    async def put(self, path: str, body: Mapping[str, Any], *, authorization: str | None = None) -> Answer:
        """Send JSON that says how something is to be."""
        return await self.send("PUT", path, json.dumps(body).encode(), authorization=authorization)

    async def send(
        self,
        method: str,
        path: str,
        body: bytes | None,
        *,
        authorization: str | None = None,
        encoding: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send bytes as they are; `path` starts at the root, `/api/me`.

        Raises:
            Refused: the status is 400 or above.
            aiohttp.ClientError, TimeoutError: no answer came.
        """
        sent = dict(headers or {})
        if body is not None:
            sent["Content-Type"] = "application/json"
        if authorization:
            sent["Authorization"] = authorization
        if encoding:
            sent["Content-Encoding"] = encoding
        async with self.session.request(method, self.base_url + path, data=body, headers=sent) as response:
            content = _json_object(await response.read())
            if response.status >= 400:  # noqa: PLR2004  where HTTP's errors begin
                raise Refused(response.status, content, retry_after(response.headers.get("Retry-After")))
            return Answer(response.status, content)

    async def lines(self, path: str, *, authorization: str | None = None) -> list[dict[str, Any]]:
        """Ask for JSON Lines.

        Raises:
            Refused: the status is 400 or above.
        """
        sent = {"Authorization": authorization} if authorization else {}
        async with self.session.get(self.base_url + path, headers=sent) as response:
            content = await response.read()
            if response.status >= 400:  # noqa: PLR2004  where HTTP's errors begin
                raise Refused(response.status, _json_object(content), retry_after(response.headers.get("Retry-After")))
            return [json.loads(line) for line in content.splitlines()]


def _json_object(content: bytes) -> dict[str, Any]:
    try:
        found = json.loads(content)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def retry_after(header: str | None, now: float | None = None) -> float | None:
    """Seconds from now that a `Retry-After` header names, in seconds or as a date; None without a usable one."""
    if header is None:
        return None
    if header.strip().isdigit():
        return float(header)
    try:
        at = email.utils.parsedate_to_datetime(header).timestamp()
    except ValueError:
        return None
    return max(0.0, at - (time.time() if now is None else now))
