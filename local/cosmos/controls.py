"""What a test or a person may ask of the server itself, under `/_local/`: JSON, and no key.

Anyone on the machine can use it. Pages in a browser cannot: a request must be for a loopback name, and one with a body
must say that it is JSON, which a page may not do to another origin unasked.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Protocol

from aiohttp import web
from pydantic import BaseModel, ConfigDict, ValidationError

from local.clock import SettableClock
from local.cosmos.faults import Fault, Faults
from local.cosmos.store import UnusableSnapshot
from local.cosmos.usage import Usage
from local.serving import LOOPBACK

PREFIX: Final = "/_local/"

USAGE: Final = PREFIX + "usage"
"""`GET` answers the totals of requests and request units, `DELETE` resets them."""

FAULTS: Final = PREFIX + "faults"
"""`GET` lists the faults and what they met, `POST` puts one in force, `DELETE` ends and forgets all."""

CLOCK: Final = PREFIX + "clock"
"""`GET` answers the time, `POST {"forward": seconds}` puts it forward, `DELETE` sets it right again."""

SNAPSHOT: Final = PREFIX + "snapshot"
"""`POST {"file": path}` writes everything to a new file."""

RESTORE: Final = PREFIX + "restore"
"""`POST {"file": path}` puts what a snapshot has in the place of everything."""

_HOSTS: Final = frozenset({LOOPBACK, "localhost"})


class Server(Protocol):
    """What is controlled."""

    clock: SettableClock
    faults: Faults

    @property
    def usage(self) -> Usage:
        """The running totals."""

    def snapshot(self, file: Path) -> None:
        """Write everything to a new file."""

    def restore(self, file: Path) -> None:
        """Put what a snapshot has in the place of everything."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _Forward(_Strict):
    forward: float


class _File(_Strict):
    file: str

    @property
    def path(self) -> Path:
        path = Path(self.file)
        if not path.is_absolute():
            raise ValueError(f"The file must be named by its whole path, not '{self.file}'.")
        return path


class Controls:
    """Answers requests under `/_local/`."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._actions: dict[tuple[str, str], Callable[[bytes], Any]] = {
            ("GET", USAGE): lambda _: server.usage.report(),
            ("DELETE", USAGE): self._reset_usage,
            ("GET", FAULTS): lambda _: self._faults(),
            ("POST", FAULTS): self._inject,
            ("DELETE", FAULTS): self._reset_faults,
            ("GET", CLOCK): lambda _: self._time(),
            ("POST", CLOCK): self._forward,
            ("DELETE", CLOCK): self._reset_clock,
            ("POST", SNAPSHOT): self._snapshot,
            ("POST", RESTORE): self._restore,
        }

    async def answer(self, request: web.BaseRequest, path: str) -> web.Response:
        """The answer to a request."""
        action = self._actions.get((request.method, path))
        if action is None:
            offered = ", ".join(f"{method} {known}" for method, known in self._actions)
            return _refused(404, f"There are only {offered}.")
        if request.host.partition(":")[0] not in _HOSTS:
            return _refused(403, f"Ask {LOOPBACK}.")
        if request.method == "POST" and request.content_type != "application/json":
            return _refused(415, "Send JSON, with the content type application/json.")
        try:
            return web.json_response(action(await request.read()))
        except ValidationError as error:
            problems = (f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
            return _refused(400, "; ".join(problems))
        except (ValueError, UnusableSnapshot) as error:
            return _refused(400, str(error))

    def _reset_usage(self, _: bytes) -> Any:
        self._server.usage.reset()
        return self._server.usage.report()

    def _faults(self) -> Any:
        return {"faults": self._server.faults.report()}

    def _inject(self, body: bytes) -> Any:
        self._server.faults.inject(Fault.model_validate_json(body, strict=True, by_name=False))
        return self._faults()

    def _reset_faults(self, _: bytes) -> Any:
        self._server.faults.reset()
        return self._faults()

    def _time(self) -> Any:
        return {"now": self._server.clock() / 1000, "aheadSeconds": self._server.clock.ahead_seconds}

    def _forward(self, body: bytes) -> Any:
        self._server.clock.forward(_Forward.model_validate_json(body).forward)
        return self._time()

    def _reset_clock(self, _: bytes) -> Any:
        self._server.clock.reset()
        return self._time()

    def _snapshot(self, body: bytes) -> Any:
        file = _File.model_validate_json(body)
        self._server.snapshot(file.path)
        return file.model_dump()

    def _restore(self, body: bytes) -> Any:
        file = _File.model_validate_json(body)
        self._server.restore(file.path)
        return file.model_dump()


def _refused(status: int, reason: str) -> web.Response:
    return web.json_response({"error": reason}, status=status)
