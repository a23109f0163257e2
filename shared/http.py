"""The HTTP edge: one way in for every operation.

In this order: who calls, how large the body is, what it says, the use case, the answer. A caller who is not let in
learns nothing of path, body or existence. Every failure is an RFC 9457 problem document from the catalogue; logs name
operation, status and duration, never a body, a query string, a token or an address.
"""

import asyncio
import json
import logging
import re
import time
import zlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from secrets import token_hex
from typing import Any, Final, TypeAliasType

import azure.functions as func
from pydantic import BaseModel, ValidationError

from shared.admission import Admission
from shared.callers import Caller
from shared.cosmos import BatchFailed
from shared.errors import Problem
from shared.gate import Erased, KeptChanging
from shared.jobs import Kind
from shared.journal import RestoredDatabase
from shared.services import Services, ServicesSource

BODY_LIMIT_BYTES: Final = 256 * 1024
"""Largest body as sent."""

OPEN_BODY_LIMIT_BYTES: Final = 4 * 1024
"""Largest body of an operation that anyone may call, packed or not."""

REQUESTS_LIMIT: Final = 200
"""Requests that one worker answers at a time; a further one is told to come back, before anything is looked at."""

UNPACKED_LIMIT_BYTES: Final = 512 * 1024
"""Largest body after decompression. Written with escapes it may be three times as long, and still fits into one event
of the hub and one item of the database."""

RESTORED_RETRY_AFTER_S: Final = 60
OUTAGE_RETRY_AFTER_S: Final = 5

_OUTAGES: Final = {None, 408, 410, 429, 449, 500, 502, 503, 504}
"""Answers of a store that say that it is away or overloaded; None: it did not answer."""

_log = logging.getLogger("blue.http")
_TRACEPARENT: Final = re.compile(r"00-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")
_ID: Final = re.compile(r"[0-9A-Za-z_-]{1,64}")


@dataclass(frozen=True, slots=True)
class Call[C: Caller, B]:
    """One admitted request."""

    caller: C
    body: B
    services: Services
    route: Mapping[str, str]
    query: Mapping[str, str]
    """Of the query string, what the operation declares."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Of the headers, what the operation declares, by the declared name."""
    written: bytes = b""
    """The body as the caller wrote it, unpacked."""

    def id(self, name: str) -> str:
        """An id in the route.

        Raises:
            Problem: route_unknown, when it cannot be one.
        """
        value = self.route.get(name, "")
        if not _ID.fullmatch(value):
            raise Problem("route_unknown")
        return value


@dataclass(frozen=True, slots=True)
class Answer:
    """What an operation answers with when its status is not the usual one."""

    body: BaseModel
    status: HTTPStatus


@dataclass(frozen=True, slots=True)
class JsonLines:
    """An answer of many JSON objects, one a line, each written already."""

    lines: Sequence[str]


@dataclass(frozen=True, slots=True)
class Document:
    """An answer that is written already, such as a page; whoever asks again may be told that it has not changed."""

    written: str
    media_type: str
    headers: Mapping[str, str]
    status: HTTPStatus = HTTPStatus.OK


JSON: Final = "application/json"
JSON_LINES: Final = "application/x-ndjson"
HTML: Final = "text/html"
JSON_SCHEMA: Final = "application/schema+json"

Model = type[BaseModel] | TypeAliasType
"""What describes a body: a model, or the name of several. pydantic's RootModel is built as soon as it is imported, and
loads what building takes: no cold start should wait for that."""

Reply = BaseModel | Answer | JsonLines | Document | Mapping[str, Any]
Handler = Callable[[Any], Awaitable[Reply]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One operation as the manifest, the API description and the edge know it."""

    name: str
    method: str
    route: str
    admission: Admission
    summary: str
    body: type[BaseModel] | None
    answers: Mapping[HTTPStatus, Model | None]
    problems: Sequence[str]
    handler: Handler
    query: Mapping[str, str] = field(default_factory=dict)
    """What it reads from the query string, by name with what it is: optional, and never personal."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """What it reads from the headers beside the usual ones, by name with what it is: optional."""
    pairing_error: int | None = None
    """The number under which residents see every failure of it."""
    media_type: str = JSON
    """What it answers with."""
    also: Sequence[str] = ()
    """Media types that it answers with as well, when they are asked for."""


@dataclass(frozen=True, slots=True)
class Api:
    """All HTTP operations and kinds of jobs of the app, and what they stand on."""

    services: ServicesSource
    operations: list[Operation] = field(default_factory=list)
    job_kinds: dict[str, Kind] = field(default_factory=dict)
    """What the worker of all jobs can do: each package adds its own kinds."""
    limit: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(REQUESTS_LIMIT))

    def operation(
        self,
        blueprint: func.Blueprint,
        method: str,
        route: str,
        *,
        admission: Admission,
        answers: Mapping[HTTPStatus, Model | None],
        body: type[BaseModel] | None = None,
        problems: Sequence[str] = (),
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        pairing_error: int | None = None,
        media_type: str = JSON,
        also: Sequence[str] = (),
    ) -> Callable[[Handler], Handler]:
        """Make a use case an HTTP function; its docstring's first line is its summary."""

        def register(handler: Handler) -> Handler:
            operation = Operation(
                name=handler.__name__,
                method=method,
                route=route,
                admission=admission,
                summary=(handler.__doc__ or "").strip().splitlines()[0],
                body=body,
                answers=answers,
                problems=problems,
                handler=handler,
                query=query or {},
                headers=headers or {},
                pairing_error=pairing_error,
                media_type=media_type,
                also=also,
            )
            self.operations.append(operation)

            async def endpoint(req: func.HttpRequest) -> func.HttpResponse:
                return await respond(req, operation, self.services, self.limit)

            endpoint.__name__ = handler.__name__
            blueprint.function_name(handler.__name__)(blueprint.route(route=route, methods=[method])(endpoint))
            return handler

        return register


async def respond(
    req: func.HttpRequest, operation: Operation, source: ServicesSource, limit: asyncio.Semaphore
) -> func.HttpResponse:
    """Answer one request; this is the outermost edge, and nothing is raised from it."""
    started = time.perf_counter()
    request_id = _request_id(req)
    code = "-"
    try:
        if limit.locked():
            raise Problem("busy", retry_after_s=1)  # noqa: TRY301 - rendered below like any other
        async with limit:
            response = _rendered(await _handled(req, operation, await source()), operation)
    except Problem as problem:
        code = problem.code
        if problem.counted is not None:
            (await source()).counters.add(problem.counted)
        response = _problem_response(problem, operation, request_id)
    except RestoredDatabase:
        code = "database_restored"
        _log.error("ALARM database_restored: run `python -m export_user_data replay-erasures`")
        response = _problem_response(Problem(code, retry_after_s=RESTORED_RETRY_AFTER_S), operation, request_id)
    except Erased:
        code = "person_erased"
        response = _problem_response(Problem(code), operation, request_id)
    except Exception as error:  # noqa: BLE001 - the outermost edge: the caller gets a problem document, the log the place
        code = "busy" if _is_outage(error) else "internal_error"
        _log_fault(error, operation.name, request_id)
        fault = Problem(code, retry_after_s=OUTAGE_RETRY_AFTER_S if code == "busy" else None)
        response = _problem_response(fault, operation, request_id)
    response.headers["X-Request-Id"] = request_id
    response.headers.setdefault("Cache-Control", "no-store")
    response.headers["X-Content-Type-Options"] = "nosniff"
    elapsed_ms = (time.perf_counter() - started) * 1000
    _log.info("%s %d %s %.1f ms request %s", operation.name, response.status_code, code, elapsed_ms, request_id)
    return response


async def _handled(req: func.HttpRequest, operation: Operation, services: Services) -> Reply:
    caller = await operation.admission.admit(req.headers.get("authorization"), services)
    is_open = operation.admission.scheme is None
    written = _written(req, is_open=is_open) if operation.body is not None else b""
    body = _parsed(written, operation.body) if operation.body is not None else None
    query = {name: req.params[name] for name in operation.query if name in req.params}
    headers = {name: req.headers[name.lower()] for name in operation.headers if name.lower() in req.headers}
    return await operation.handler(Call(caller, body, services, req.route_params, query, headers, written))


def _written(req: func.HttpRequest, *, is_open: bool) -> bytes:
    content_type = req.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
    if content_type != "application/json":
        raise Problem("content_type_unsupported")
    body = _unpacked(req.get_body(), req.headers.get("content-encoding", "identity").strip().lower())
    if is_open and len(body) > OPEN_BODY_LIMIT_BYTES:
        raise Problem("body_too_large")
    return body


def _parsed(written: bytes, model: type[BaseModel]) -> BaseModel:
    try:
        return model.model_validate_json(written)
    except ValidationError as error:
        raise problem_of(error) from None  # the original repeats what was sent


def _unpacked(body: bytes, encoding: str) -> bytes:
    if len(body) > BODY_LIMIT_BYTES:
        raise Problem("body_too_large")
    if encoding in {"", "identity"}:
        return body
    if encoding != "gzip":
        raise Problem("encoding_unsupported")
    unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    try:
        plain = unpacker.decompress(body, UNPACKED_LIMIT_BYTES + 1)
    except zlib.error as error:
        raise Problem("compression_invalid") from error
    if len(plain) > UNPACKED_LIMIT_BYTES:
        raise Problem("body_too_large")
    if not unpacker.eof or unpacker.unused_data:
        raise Problem("compression_invalid")
    return plain


def problem_of(error: ValidationError, *, prefix: str = "") -> Problem:
    """The first fault of a body, with a pointer that holds declared names and indices only."""
    fault = error.errors(include_url=False, include_context=False, include_input=False)[0]
    kind, path = fault["type"], list(fault["loc"])
    if kind == "json_invalid":
        return Problem("body_unreadable")
    if kind == "extra_forbidden":
        path = path[:-1]  # the last part is a name that the sender chose
        code = "field_unknown"
    elif kind == "missing":
        code = "field_missing"
    elif kind.endswith(("_type", "_parsing", "_from_date_parsing")):
        code = "field_wrong_type"
    else:
        code = "field_out_of_range"
    return Problem(code, pointer=prefix + "".join(f"/{part}" for part in path))


def _rendered(reply: Reply, operation: Operation) -> func.HttpResponse:
    status = next(iter(operation.answers))
    if isinstance(reply, JsonLines):
        written = "".join(f"{line}\n" for line in reply.lines)
        return func.HttpResponse(written, status_code=int(status), mimetype=operation.media_type)
    if isinstance(reply, Document):
        return func.HttpResponse(
            reply.written, status_code=int(reply.status), headers=dict(reply.headers), mimetype=reply.media_type
        )
    if isinstance(reply, Answer):
        status = reply.status
    body = reply.body if isinstance(reply, Answer) else reply
    written = (
        body.model_dump_json(by_alias=True, exclude_none=True)
        if isinstance(body, BaseModel)
        else json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    )
    return func.HttpResponse(written, status_code=int(status), mimetype=operation.media_type)


def _is_outage(error: Exception) -> bool:
    """Whether a store did not answer, or has no time: the caller's request is as good as before, and may come again."""
    if isinstance(error, TimeoutError | ConnectionError | KeptChanging):
        return True
    if isinstance(error, BatchFailed):
        return error.status in _OUTAGES
    is_of_a_client = any(kind.__module__ == "azure.core.exceptions" for kind in type(error).__mro__)
    return is_of_a_client and getattr(error, "status_code", None) in _OUTAGES


def _problem_response(problem: Problem, operation: Operation, request_id: str) -> func.HttpResponse:
    entry = problem.entry
    document = {
        "type": f"urn:blue:problem:{problem.code}",
        "title": entry.title,
        "status": entry.status,
        "detail": entry.action,
        "instance": f"urn:blue:request:{request_id}",
        "code": problem.code,
        "retryable": entry.retryable,
    }
    if problem.pointer is not None:
        document["pointer"] = problem.pointer
    if operation.pairing_error is not None:
        document["pairingError"] = operation.pairing_error
    headers = {}
    if entry.status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = f'Bearer error="{problem.code}"'
    if problem.retry_after_s is not None:
        headers["Retry-After"] = str(problem.retry_after_s)
    return func.HttpResponse(
        json.dumps(document), status_code=entry.status, headers=headers, mimetype="application/problem+json"
    )


def _request_id(req: func.HttpRequest) -> str:
    traced = _TRACEPARENT.fullmatch(req.headers.get("traceparent", ""))
    return traced[1] if traced else token_hex(16)


def _log_fault(error: BaseException, name: str, request_id: str) -> None:
    """Log where a fault came from; its message may hold personal data and stays out."""
    frames = []
    trace = error.__traceback__
    while trace is not None:
        frames.append(f"{trace.tb_frame.f_code.co_qualname}:{trace.tb_lineno}")
        trace = trace.tb_next
    _log.error("%s failed: %s at %s, request %s", name, type(error).__qualname__, " > ".join(frames), request_id)
