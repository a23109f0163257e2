"""The HTTP edge: who, how large, what, and what goes wrong, in that order."""

import asyncio
import gzip
import json
import logging
from collections.abc import Mapping
from dataclasses import replace
from http import HTTPStatus
from typing import Any, cast

import azure.functions as func
import pytest
from azure.core.exceptions import ServiceRequestError
from azure.cosmos.exceptions import CosmosHttpResponseError

from shared.admission import Admission
from shared.callers import Anyone, Caller
from shared.contract import Body, View
from shared.cosmos import BatchFailed
from shared.errors import Problem
from shared.gate import Erased, KeptChanging
from shared.http import (
    BODY_LIMIT_BYTES,
    HTML,
    JSON_LINES,
    UNPACKED_LIMIT_BYTES,
    Answer,
    Call,
    Document,
    Handler,
    JsonLines,
    Operation,
    respond,
)
from shared.journal import RestoredDatabase
from shared.services import Services

PERSONAL = "maria.example@resident.example"


class Order(Body):
    """A body to test with."""

    name: str
    count: int = 1
    inner: "Inner | None" = None


class Inner(Body):
    """A body in a body."""

    size: int


class Done(View):
    """An answer to test with."""

    name_given: str


async def let_in(_authorization: str | None, _services: Services) -> Caller:
    return Anyone()


async def keep_out(_authorization: str | None, _services: Services) -> Caller:
    raise Problem("token_missing")


async def services() -> Services:
    return cast("Services", object())


async def echo(call: Call[Anyone, Order]) -> Done:
    return Done(name_given=call.body.name)


def operation(
    handler: Handler = echo,
    *,
    admit: Any = let_in,
    model: type[Body] | None = Order,
    scheme: str | None = "signIn",
    query: Mapping[str, Any] | None = None,
    read: Mapping[str, str] | None = None,
) -> Operation:
    return Operation(
        name="test_operation",
        method="POST",
        route="test",
        admission=Admission("resident", scheme, admit),
        summary="",
        body=model,
        answers={HTTPStatus.CREATED: Done},
        problems=(),
        handler=handler,
        query=query or {},
        headers=read or {},
    )


def request(body: bytes = b'{"name":"a"}', headers: Mapping[str, str] | None = None) -> func.HttpRequest:
    return func.HttpRequest(
        "POST",
        f"http://127.0.0.1/api/test?email={PERSONAL}",
        params={"email": PERSONAL},
        body=body,
        headers=dict(headers or {}),
    )


async def answer(
    body: bytes = b'{"name":"a"}', headers: Mapping[str, str] | None = None, **kwargs: Any
) -> tuple[int, Any]:
    response = await respond(request(body, headers), operation(**kwargs), services, asyncio.Semaphore(1))
    return response.status_code, json.loads(response.get_body())


async def test_an_operation_answers_with_its_first_status() -> None:
    """Names are camelCase and absent values are absent."""
    assert await answer() == (201, {"nameGiven": "a"})


async def test_an_operation_may_answer_with_another_status() -> None:
    """A repeated registration is 200 where a new one is 201."""

    async def again(call: Call[Anyone, Order]) -> Answer:
        return Answer(Done(name_given=call.body.name), HTTPStatus.OK)

    assert (await answer(handler=again))[0] == 200


async def test_an_operation_may_answer_with_many_lines() -> None:
    """Each of them a JSON object, under a media type of its own."""

    async def many(_call: Call[Anyone, Order]) -> JsonLines:
        return JsonLines(['{"a":1}', '{"a":2}'])

    lines = replace(operation(many), media_type=JSON_LINES)
    response = await respond(request(), lines, services, asyncio.Semaphore(1))
    assert (response.status_code, response.mimetype) == (201, "application/x-ndjson")
    assert response.get_body() == b'{"a":1}\n{"a":2}\n'


async def test_an_operation_may_answer_with_a_document() -> None:
    """Of its own type, with its own headers, which may let it be kept; nothing else may be."""

    async def page(_call: Call[Anyone, Order]) -> Document:
        return Document("<p>ñ</p>", HTML, {"Cache-Control": "no-cache", "ETag": '"1"'})

    response = await respond(request(), operation(page), services, asyncio.Semaphore(1))
    assert (response.status_code, response.mimetype, response.charset) == (200, "text/html", "utf-8")
    assert response.get_body() == "<p>ñ</p>".encode()
    assert (response.headers["Cache-Control"], response.headers["ETag"]) == ("no-cache", '"1"')
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    plain = await respond(request(), operation(), services, asyncio.Semaphore(1))
    assert plain.headers["Cache-Control"] == "no-store"


async def test_a_caller_who_is_not_let_in_learns_nothing_of_the_body() -> None:
    """401 comes before the body is looked at."""
    status, problem = await answer(b"not json", admit=keep_out)
    assert (status, problem["code"]) == (401, "token_missing")


async def test_a_refused_caller_is_told_how_to_authenticate() -> None:
    """HTTP asks for a challenge with every 401."""
    response = await respond(request(), operation(admit=keep_out), services, asyncio.Semaphore(1))
    assert response.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize(
    ("body", "status", "code", "pointer"),
    [
        (b'{"name":"a"', 400, "body_unreadable", ""),
        (b"", 400, "body_unreadable", ""),
        (b"\xff\xfe", 400, "body_unreadable", ""),
        (b"[]", 422, "field_wrong_type", ""),
        (b"{}", 422, "field_missing", "/name"),
        (b'{"name":1}', 422, "field_wrong_type", "/name"),
        (b'{"name":"a","count":"1"}', 422, "field_wrong_type", "/count"),
        (b'{"name":"a","maria@resident.example":1}', 422, "field_unknown", ""),
        (b'{"name":"a","inner":{"size":1,"maria@resident.example":1}}', 422, "field_unknown", "/inner"),
        (b'{"name":"' + b"a" * 5000 + b'"}', 422, "field_out_of_range", "/name"),
        (b" " * (BODY_LIMIT_BYTES + 1), 413, "body_too_large", None),
    ],
)
async def test_each_fault_of_a_body_has_its_own_code(body: bytes, status: int, code: str, pointer: str | None) -> None:
    """The pointer holds declared names only: an undeclared one may be personal."""
    seen, problem = await answer(body)
    assert (seen, problem["code"]) == (status, code)
    assert problem.get("pointer") == (pointer if code != "body_unreadable" else None)
    assert "maria" not in json.dumps(problem)


@pytest.mark.parametrize(
    ("body", "encoding", "status", "code"),
    [
        (gzip.compress(b'{"name":"a"}', mtime=0)[:-4], "gzip", 400, "compression_invalid"),
        (b"plain", "gzip", 400, "compression_invalid"),
        (gzip.compress(b'{"name":"a"}', mtime=0) + b"more", "gzip", 400, "compression_invalid"),
        (gzip.compress(b" " * (UNPACKED_LIMIT_BYTES + 1), mtime=0), "gzip", 413, "body_too_large"),
        (b"{}", "br", 415, "encoding_unsupported"),
    ],
)
async def test_each_fault_of_a_compressed_body_has_its_own_code(
    body: bytes, encoding: str, status: int, code: str
) -> None:
    """What a body unpacks to is bounded before it is unpacked."""
    seen, problem = await answer(body, {"content-encoding": encoding})
    assert (seen, problem["code"]) == (status, code)


async def test_a_gzip_body_is_read() -> None:
    """Monitors may compress."""
    assert (await answer(gzip.compress(b'{"name":"a"}'), {"content-encoding": "gzip"}))[0] == 201


async def test_another_content_type_is_refused() -> None:
    """A form is not JSON, even where it could be read as such."""
    assert (await answer(headers={"content-type": "text/plain"}))[1]["code"] == "content_type_unsupported"


async def test_a_failure_that_residents_see_by_a_number_carries_it() -> None:
    """Whatever its code: a caller who is not let in, a body that is wrong."""
    for refused in (operation(admit=keep_out), operation()):
        response = await respond(request(b"{}"), replace(refused, pairing_error=3), services, asyncio.Semaphore(1))
        assert json.loads(response.get_body())["pairingError"] == 3


async def test_a_problem_document_is_complete() -> None:
    """RFC 9457 members, our code, whether to try again, and the request for support."""
    response = await respond(
        request(b"{}", {"traceparent": f"00-{'a' * 32}-{'b' * 16}-01"}), operation(), services, asyncio.Semaphore(1)
    )
    problem = json.loads(response.get_body())
    assert response.mimetype == "application/problem+json"
    assert problem.keys() == {"type", "title", "status", "detail", "instance", "code", "retryable", "pointer"}
    assert problem["instance"] == f"urn:blue:request:{'a' * 32}"
    assert response.headers["X-Request-Id"] == "a" * 32


async def test_a_retryable_problem_says_when() -> None:
    """A monitor keeps its message and comes back after the stated time."""

    async def away(_call: Call[Anyone, Order]) -> Done:
        raise Problem("hub_unavailable", retry_after_s=5)

    response = await respond(request(), operation(away), services, asyncio.Semaphore(1))
    assert (response.status_code, response.headers["Retry-After"]) == (503, "5")


async def test_a_person_who_was_erased_meanwhile_is_told_so() -> None:
    """Wherever in a use case their gate says it."""

    async def erased(_call: Call[Anyone, Order]) -> Done:
        raise Erased

    status, problem = await answer(handler=erased)
    assert (status, problem["code"]) == (410, "person_erased")


async def test_a_restored_database_serves_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """Callers come back later, and engineers are told what to do."""

    async def restored() -> Services:
        raise RestoredDatabase

    with caplog.at_level(logging.ERROR, "blue"):
        response = await respond(request(), operation(), restored, asyncio.Semaphore(1))
    assert json.loads(response.get_body())["code"] == "database_restored"
    assert "Retry-After" in response.headers
    assert "ALARM database_restored" in caplog.text


@pytest.mark.parametrize("value", ["", "a b", "../x", "x" * 65])
async def test_what_cannot_be_an_id_leads_nowhere(value: str) -> None:
    """It is refused before anything is looked up by it."""

    async def of_the_route(call: Call[Anyone, Order]) -> Done:
        return Done(name_given=Call(call.caller, call.body, call.services, {"deviceId": value}, {}).id("deviceId"))

    status, problem = await answer(handler=of_the_route)
    assert (status, problem["code"]) == (404, "route_unknown")


def answered(status: int) -> CosmosHttpResponseError:
    error = CosmosHttpResponseError(message="personal detail")
    error.status_code = status
    return error


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        (TimeoutError(), 503, "busy"),
        (ConnectionResetError(), 503, "busy"),
        (KeptChanging(), 503, "busy"),
        (BatchFailed(429, 1), 503, "busy"),
        (BatchFailed(413, 1), 500, "internal_error"),
        (ServiceRequestError("nobody answers"), 503, "busy"),
        (answered(503), 503, "busy"),
        (answered(429), 503, "busy"),
        (answered(403), 500, "internal_error"),
        (answered(400), 500, "internal_error"),
        (KeyError("fault of ours"), 500, "internal_error"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else str(value),
)
async def test_an_outage_of_a_store_is_told_from_a_fault_of_ours(fault: Exception, status: int, code: str) -> None:
    """Who calls may send the same again, and is told when."""

    async def fails(_call: Call[Anyone, Order]) -> Done:
        raise fault

    response = await respond(request(), operation(fails), services, asyncio.Semaphore(1))
    problem = json.loads(response.get_body())
    assert (response.status_code, problem["code"]) == (status, code)
    assert response.headers.get("Retry-After") == ("5" if status == 503 else None)
    assert "personal" not in str(problem)


async def test_a_fault_of_ours_tells_the_caller_nothing_and_the_log_where(caplog: pytest.LogCaptureFixture) -> None:
    """The message of an exception may hold personal data: neither answer nor log repeats it."""

    async def broken(_call: Call[Anyone, Order]) -> Done:
        raise ValueError(PERSONAL)

    with caplog.at_level(logging.INFO, "blue"):
        status, problem = await answer(handler=broken)
    assert (status, problem["code"]) == (500, "internal_error")
    assert "ValueError" in caplog.text
    assert "broken" in caplog.text
    assert PERSONAL not in caplog.text + json.dumps(problem)


async def test_a_request_is_logged_without_body_query_or_token(caplog: pytest.LogCaptureFixture) -> None:
    """Operation, status, code, duration, request id, and nothing else."""
    with caplog.at_level(logging.INFO, "blue"):
        await answer(f'{{"name":"{PERSONAL}"}}'.encode(), {"authorization": "Bearer secret-token"})
    assert "test_operation 201" in caplog.text
    assert PERSONAL not in caplog.text
    assert "secret-token" not in caplog.text


async def test_an_operation_without_a_body_reads_none() -> None:
    """A GET with a body is answered all the same."""

    async def ask(_call: Call[Anyone, None]) -> Done:
        return Done(name_given="")

    assert (await answer(b"anything", handler=ask, model=None))[0] == 201


async def test_an_operation_sees_of_the_query_string_what_it_declares() -> None:
    """The rest may be anything, and is left alone."""
    seen: list[Mapping[str, str]] = []

    async def ask(call: Call[Anyone, Order]) -> Done:
        seen.append(call.query)
        return Done(name_given="")

    await answer(handler=ask)
    await answer(handler=ask, query={"cursor": "Where to go on."})
    await answer(handler=ask, query={"email": "Declared here."})
    assert seen == [{}, {}, {"email": PERSONAL}]


async def test_an_operation_sees_of_the_headers_what_it_declares() -> None:
    """Under the declared name, however the caller writes it."""
    seen: list[Mapping[str, str]] = []

    async def ask(call: Call[Anyone, Order]) -> Done:
        seen.append(call.headers)
        return Done(name_given="")

    await answer(headers={"x-clock": "noon", "X-Other": "1"}, handler=ask)
    await answer(headers={"x-clock": "noon", "X-Other": "1"}, handler=ask, read={"X-Clock": "What it shows."})
    await answer(handler=ask, read={"X-Clock": "What it shows."})
    assert seen == [{}, {"X-Clock": "noon"}, {}]


@pytest.mark.parametrize("body", [b" " * 5000, gzip.compress(b" " * 5000)], ids=["plain", "packed"])
async def test_what_anyone_may_call_takes_little(body: bytes) -> None:
    """Parsing costs the same whoever sends it."""
    headers = {"content-encoding": "gzip"} if body[:2] == b"\x1f\x8b" else {}
    assert (await answer(body, headers, scheme=None))[1]["code"] == "body_too_large"


async def test_a_busy_worker_says_when_to_come_back() -> None:
    """Before token and body are looked at: what cannot be answered in time costs nothing."""
    limit = asyncio.Semaphore(1)
    async with limit:
        response = await respond(request(b"not json"), operation(admit=keep_out), services, limit)
    assert (response.status_code, response.headers["Retry-After"]) == (503, "1")
    assert (await respond(request(), operation(), services, limit)).status_code == 201
