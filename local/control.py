"""Commands to an endpoint that runs in another process: HTTP and JSON on a second loopback port.

    GET  /            the commands with their arguments, and the endpoint's state
    POST /COMMAND     do it; arguments are a JSON object; answers with the state afterwards

    curl -s http://127.0.0.1:PORT/throttle-sends -d '{"times": 3}'

The commands are functions of the endpoint: `throttle_sends(*, times=None)` is the command `throttle-sends`. An argument
that the function does not have, or of another type than it says, is refused and named. An endpoint has this port only
when it is asked for, because anyone on the machine may use it.
"""

import contextlib
import inspect
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, Final

import aiohttp
from aiohttp import web
from pydantic import ConfigDict, ValidationError, validate_call

from local.serving import LOOPBACK, listening_socket

type Command = Callable[..., object]
type State = Callable[[], Mapping[str, Any]]

_STRICT: Final = ConfigDict(strict=True)


class Refused(Exception):
    """The endpoint refuses the command; the message says why."""


def commands(*functions: Command) -> dict[str, Command]:
    """Functions by the names of their commands."""
    return {_command_name(function): function for function in functions}


def _command_name(function: Command) -> str:
    return str(getattr(function, "__name__", "")).replace("_", "-")


@contextlib.asynccontextmanager
async def control(port: int, known: Mapping[str, Command], state: State, *, name: str) -> AsyncIterator[str]:
    """Take commands while the block runs; yields the address, `http://127.0.0.1:PORT`.

    Raises:
        CannotStart: the port is taken.
    """
    sock = listening_socket(port, name=name, option="--control-port")
    runner = web.AppRunner(_Reception(known, state).application(), access_log=None)
    try:
        await runner.setup()
        await web.SockSite(runner, sock).start()
        yield f"http://{LOOPBACK}:{sock.getsockname()[1]}"
    finally:
        await runner.cleanup()
        sock.close()


class _Reception:
    def __init__(self, known: Mapping[str, Command], state: State) -> None:
        self._known = known
        self._state = state

    def application(self) -> web.Application:
        application = web.Application(client_max_size=16 << 10)
        application.router.add_get("/", self._overview)
        application.router.add_post("/{command}", self._obey)
        return application

    async def _overview(self, _: web.Request) -> web.Response:
        signatures = {name: str(inspect.signature(command)) for name, command in self._known.items()}
        return web.json_response({"commands": signatures, "state": self._state()})

    async def _obey(self, request: web.Request) -> web.Response:
        name = request.match_info["command"]
        command = self._known.get(name)
        if command is None:
            return _refusal(404, f"There is no command {name!r}. There are: {', '.join(sorted(self._known))}.")
        try:
            arguments = await request.json() if request.can_read_body else {}
            if not isinstance(arguments, dict):
                return _refusal(400, "The arguments must be a JSON object.")
            validate_call(config=_STRICT)(command)(**arguments)
        except ValidationError as error:
            problems = (f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors(include_input=False))
            return _refusal(400, "; ".join(problems))
        except ValueError as error:
            return _refusal(400, str(error))
        return web.json_response(self._state())


def _refusal(status: int, reason: str) -> web.Response:
    return web.json_response({"error": reason}, status=status)


async def tell(address: str, command: str, **arguments: Any) -> dict[str, Any]:
    """Give a command to the endpoint whose control address this is; returns its state.

    Raises:
        Refused: there is no such command, or not with these arguments.
    """
    async with aiohttp.ClientSession() as session, session.post(f"{address}/{command}", json=arguments) as answer:
        content: dict[str, Any] = await answer.json()
    if "error" in content:
        raise Refused(content["error"])
    return content
