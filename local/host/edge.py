"""The HTTP edge: requests to invocations, results to responses, with the rules of the real host."""

import asyncio
import json
import logging
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, Final

from aiohttp import hdrs, web

from local.host import protos
from local.host.hostjson import UNBOUNDED, Http
from local.host.invocations import Invocations
from local.host.manifest import Function
from local.host.routes import RouteTable
from local.host.setcookie import set_cookie
from local.serving import CannotStart

_LIMIT_SETTING: Final = "FUNCTIONS_REQUEST_BODY_SIZE_LIMIT"
_DEFAULT_BODY_LIMIT: Final = 104_857_600
_ADMIN: Final = "/admin/functions/"
_SERVER_DECIDES: Final = frozenset({"content-length", "transfer-encoding"})
_log: Final = logging.getLogger("Host.Http")


def body_limit(settings: Mapping[str, str]) -> int:
    """Bytes that a request body may have.

    Raises:
        CannotStart: the setting is no number.
    """
    text = settings.get(_LIMIT_SETTING, "")
    if text and not text.isdecimal():
        raise CannotStart(f"host: setting {_LIMIT_SETTING} must be a number of bytes")
    return int(text or _DEFAULT_BODY_LIMIT)


class _Connection(web.RequestHandler):
    """A connection that neither logs nor echoes what a malformed request contained."""

    def handle_error(
        self,
        request: web.BaseRequest,  # noqa: ARG002 - the signature is aiohttp's
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002 - it quotes the request
    ) -> web.StreamResponse:
        """Answer with an empty body, and close the connection."""
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            _log.error("the host failed to handle a request", exc_info=exc)
        else:
            _log.warning("refused a malformed request: %s", type(exc).__name__)
        response = web.Response(status=status)
        response.force_close()
        return response


class _Server(web.Server):
    def __call__(self) -> web.RequestHandler:
        return _Connection(self, loop=self._loop, **self._kwargs)


class Edge:
    """Handles every request of the host's port."""

    def __init__(
        self,
        routes: RouteTable[Function],
        invocations: Invocations,
        limits: Http,
        *,
        body_limit: int,
        run_by_hand: Callable[[str], web.Response],
    ) -> None:
        self._routes = routes
        self._invocations = invocations
        self._body_limit = body_limit
        self._run_by_hand = run_by_hand
        self._outstanding = 0
        self._most_outstanding = limits.max_outstanding_requests
        most = limits.max_concurrent_requests
        self._slots = None if most == UNBOUNDED else asyncio.Semaphore(most)

    def server(self) -> web.Server:
        """The aiohttp server of this edge. Bodies are handed over as sent: the real host decompresses nothing."""
        return _Server(self._handle, request_factory=self._request, access_log=None, auto_decompress=False)

    def _request(self, message: Any, payload: Any, protocol: Any, writer: Any, task: Any) -> web.BaseRequest:
        loop = asyncio.get_running_loop()
        return web.BaseRequest(message, payload, protocol, writer, task, loop, client_max_size=self._body_limit)

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        path, _, _ = request.raw_path.partition("?")
        found = self._routes.find(request.method, path)
        if found is None:
            if request.method == hdrs.METH_POST and path.startswith(_ADMIN):
                return self._run_by_hand(path.removeprefix(_ADMIN))
            return web.Response(status=404)  # a wrong method too
        if UNBOUNDED != self._most_outstanding <= self._outstanding:
            return web.Response(status=429)
        if (request.content_length or 0) > self._body_limit:
            return web.Response(status=413)
        self._outstanding += 1
        try:
            if self._slots is None:
                return await self._invoke(request, *found)
            async with self._slots:
                return await self._invoke(request, *found)
        finally:
            self._outstanding -= 1

    async def _invoke(self, request: web.BaseRequest, function: Function, values: dict[str, str]) -> web.Response:
        headers = _joined(request.headers, lower=True)
        body = await _read(request, function) if request.body_exists else b""
        data = protos.TypedData(
            http=protos.RpcHttp(
                method=request.method,
                url=f"http://{headers.get('host', '')}{request.raw_path}",
                headers=headers,
                query=_query(request) if "?" in request.raw_path else {},
                params=values,
                body=protos.TypedData(bytes=body),
            )
        )
        outcome = await self._invocations.run(function, data, trace_parent=headers.get("traceparent", ""))
        return _response(outcome.value) if outcome.has_succeeded else web.Response(status=500)


async def _read(request: web.BaseRequest, function: Function) -> bytes:
    """The body, if the request states its length: the real host hands over a chunked one as empty."""
    if request.content_length is None:
        _log.warning(
            "Functions.%s: a body of unstated length is not read, as in Azure; it arrives empty", function.name
        )
        return b""
    if request.headers.get(hdrs.EXPECT, "").lower() == "100-continue":
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0  # the response proper has not begun
    return await request.read()


def _joined(pairs: Mapping[str, str], *, lower: bool) -> dict[str, str]:
    """Values of one name joined by a comma, as the real host hands them over."""
    joined: dict[str, str] = {}
    for name, value in pairs.items():
        key = name.lower() if lower else name
        joined[key] = f"{joined[key]},{value}" if key in joined else value
    return joined


def _query(request: web.BaseRequest) -> dict[str, str]:
    """The query; parameters without a value are left out, as in the real host."""
    return {name: value for name, value in _joined(request.query, lower=False).items() if value}


def _response(value: protos.TypedData | None) -> web.Response:
    if value is None:
        return web.Response(status=204)
    if value.kind == "http":
        return _http_response(value.value)
    if value.kind == "bytes":
        return web.Response(body=value.value, content_type="application/octet-stream")
    text = value.value if isinstance(value.value, str) else json.dumps(value.value)
    return web.Response(text=text, content_type="application/json" if value.kind == "json" else "text/plain")


def _http_response(answer: protos.RpcHttp) -> web.Response:
    headers = {name: text for name, text in answer.headers.items() if name.lower() not in _SERVER_DECIDES}
    response = web.Response(status=int(answer.status_code), headers=headers, body=answer.body.value)
    for cookie in answer.cookies or ():
        response.headers.add(hdrs.SET_COOKIE, set_cookie(cookie))
    return response
