"""The HTTP rules of the real host, over a real socket."""

import asyncio
import logging
import sys
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from aiohttp import ClientSession

from local.host import FunctionsHost
from local.serving import CannotStart
from tests.local.host.conftest import MakeApp

pytestmark = pytest.mark.wire


@pytest.fixture
async def client() -> AsyncIterator[ClientSession]:
    async with ClientSession() as session:
        yield session


@pytest.fixture
async def host(make_app: MakeApp) -> AsyncIterator[FunctionsHost]:
    async with FunctionsHost(make_app("web"), grace=2) as running:
        yield running


def script() -> Any:
    """The module of the app that runs in this process."""
    return sys.modules["function_app"]


async def test_request(host: FunctionsHost, client: ClientSession) -> None:
    """Headers are lower-cased and joined, empty parameters left out, route values decoded, the body is bytes."""
    url = f"{host.address}/api/ECHO/caf%C3%A9/7?a=1&a=2&b=&c=x%20y"
    headers = [("X-Thing", "1"), ("X-Thing", "2"), ("Content-Type", "text/x")]
    async with client.post(url, data=b"\x00\xff", headers=headers) as response:
        seen = await response.json()
    assert seen["method"] == "POST"
    assert seen["url"] == url
    assert seen["headers"]["x-thing"] == "1,2"
    assert seen["headers"]["content-type"] == "text/x"
    assert seen["query"] == {"a": "1,2", "c": "x y"}
    assert seen["route"] == {"name": "café", "number": "7"}
    assert seen["body"] == "00ff"


async def test_body_is_not_unpacked(host: FunctionsHost, client: ClientSession) -> None:
    """A compressed body reaches the function as it was sent, whatever the header claims."""
    headers = {"Content-Encoding": "gzip"}
    async with client.post(f"{host.address}/api/echo/x", data=b"no gzip", headers=headers) as response:
        assert (await response.json())["body"] == b"no gzip".hex()


async def test_chunked_body_is_empty(
    host: FunctionsHost, client: ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    """A body without a stated length arrives empty, as in the real host; the log says so."""

    async def chunks() -> AsyncIterator[bytes]:
        yield b"lost"

    async with client.post(f"{host.address}/api/echo/x", data=chunks()) as response:
        assert (await response.json())["body"] == ""
    assert "Functions.echo: a body of unstated length is not read" in caplog.text


async def test_expected_continue(host: FunctionsHost, client: ClientSession) -> None:
    """A client that waits to be asked for its body is asked."""
    async with client.post(f"{host.address}/api/echo/x", data=b"big", expect100=True) as response:
        assert (await response.json())["body"] == b"big".hex()


async def test_response(host: FunctionsHost, client: ClientSession) -> None:
    """Status, headers, every cookie and the bytes of the body come out as the function made them."""
    async with client.patch(f"{host.address}/api/answer") as response:
        assert response.status == 418
        assert response.headers["X-Answer"] == "PATCH"
        assert response.headers["Content-Type"] == "application/octet-stream"
        assert response.headers.getall("Set-Cookie") == [
            "a=1; Max-Age=60; Path=/; HttpOnly; SameSite=Lax",
            "b=2; Expires=Wed, 21 Oct 2026 07:28:00 GMT; Domain=example.com; Secure",
        ]
        assert await response.read() == bytes(range(256))


async def test_head(host: FunctionsHost, client: ClientSession) -> None:
    """HEAD gets the headers alone."""
    async with client.head(f"{host.address}/api/answer") as response:
        assert (response.status, response.headers["Content-Length"], await response.read()) == (418, "256", b"")


async def test_text_of_a_function_without_async(host: FunctionsHost, client: ClientSession) -> None:
    """A function may return a text and may do without async."""
    async with client.get(f"{host.address}/api/text") as response:
        assert (response.status, response.content_type, await response.text()) == (200, "text/plain", "text by GET")


async def test_methods_share_a_path(host: FunctionsHost, client: ClientSession) -> None:
    """Functions of different methods answer on one path."""
    async with client.delete(f"{host.address}/api/echo/x") as response:
        assert await response.text() == "removed x"


@pytest.mark.parametrize(
    ("method", "path"),
    [("PUT", "/api/echo/x"), ("GET", "/api/nothing"), ("GET", "/echo/x"), ("GET", "/"), ("GET", "/api/echo/x/y")],
)
async def test_not_found(host: FunctionsHost, client: ClientSession, method: str, path: str) -> None:
    """A wrong method is 404, as is any path without a function."""
    async with client.request(method, f"{host.address}{path}") as response:
        assert (response.status, await response.read()) == (404, b"")


async def test_failure(host: FunctionsHost, client: ClientSession, caplog: pytest.LogCaptureFixture) -> None:
    """The caller of a failing function gets an empty 500; the traceback goes to the log, the query string nowhere."""
    async with client.get(f"{host.address}/api/fail?token=secret") as response:
        assert (response.status, await response.read()) == (500, b"")
    assert "Executed 'Functions.fail' (Failed, Id=" in caplog.text
    assert "LookupError: no luck with" in caplog.text
    assert 'function_app.py", line' in caplog.text
    assert "secret" not in caplog.text


async def test_log_line(host: FunctionsHost, client: ClientSession, caplog: pytest.LogCaptureFixture) -> None:
    """An invocation is one line: function, id, duration, outcome."""
    caplog.set_level(logging.INFO)
    async with client.post(f"{host.address}/api/echo/x?token=secret", data=b"secret") as response:
        assert response.status == 200
    lines = [record.getMessage() for record in caplog.records if record.name == "Host.Results"]
    assert len(lines) == 1
    assert lines[0].startswith("Executed 'Functions.echo' (Succeeded, Id=")
    assert "secret" not in caplog.text


async def test_malformed_request(host: FunctionsHost, caplog: pytest.LogCaptureFixture) -> None:
    """What is no HTTP gets an empty 400, and its content is not logged."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(host.address.rpartition(":")[2]))
    writer.write(b"GET /api/text?secret=\xff\x01 HTTP/1.1\r\nHost: x\r\n\r\n")
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.split()[1] == b"400"
    assert body == b""
    assert "secret" not in caplog.text


async def test_large_body_is_refused(make_app: MakeApp, client: ClientSession) -> None:
    """A body over the limit is 413, and the function does not run."""
    settings = {"FUNCTIONS_REQUEST_BODY_SIZE_LIMIT": "1000"}
    async with FunctionsHost(make_app("web"), settings=settings) as host:
        async with client.post(f"{host.address}/api/echo/x", data=b"x" * 1000) as response:
            assert response.status == 200
        async with client.post(f"{host.address}/api/echo/x", data=b"x" * 1001) as response:
            assert (response.status, await response.read()) == (413, b"")
    with pytest.raises(CannotStart, match="must be a number of bytes"):
        async with FunctionsHost(make_app("web"), settings={"FUNCTIONS_REQUEST_BODY_SIZE_LIMIT": "big"}):
            raise AssertionError("it has started")


async def test_route_prefix(make_app: MakeApp, client: ClientSession) -> None:
    """The prefix is the host's to choose, and may be none."""
    async with (
        FunctionsHost(make_app("web", http={"routePrefix": ""})) as host,
        client.get(f"{host.address}/text") as response,
    ):
        assert response.status == 200


async def test_outstanding_requests(make_app: MakeApp, client: ClientSession) -> None:
    """With as many requests outstanding as allowed, the next is 429 at once; those within go on."""
    app = make_app("web", http={"maxOutstandingRequests": 2, "maxConcurrentRequests": 1})
    async with FunctionsHost(app) as host:
        waiting = [asyncio.create_task(client.get(f"{host.address}/api/wait")) for _ in range(2)]
        await script().entered.get()
        while (refused := await client.get(f"{host.address}/api/text")).status != 429:
            refused.close()  # the second of the two has not arrived yet
        assert script().entered.empty()  # it waits for the first, which runs alone
        script().leave.set()
        answers = await asyncio.gather(*waiting)
        assert [answer.status for answer in answers] == [200, 200]


async def test_time_limit(make_app: MakeApp, client: ClientSession, caplog: pytest.LogCaptureFixture) -> None:
    """An invocation that runs longer than functionTimeout has failed, and is reported so."""
    async with FunctionsHost(make_app("web", timeout="00:00:00.05")) as host:
        for name in ("wait", "sleep"):
            async with client.get(f"{host.address}/api/{name}") as response:
                assert response.status == 500
            assert f"exceeded by function 'Functions.{name}'" in caplog.text
        async with client.get(f"{host.address}/api/answer") as response:
            assert response.status == 418


async def test_stop_lets_a_request_end(make_app: MakeApp, client: ClientSession) -> None:
    """A request that runs when the host stops is answered; a new one finds nobody."""
    async with FunctionsHost(make_app("web")) as host:
        request = asyncio.create_task(client.get(f"{host.address}/api/wait"))
        await script().entered.get()
        asyncio.get_running_loop().call_later(0.1, script().leave.set)
    assert (await request).status == 200
    with pytest.raises(aiohttp.ClientConnectionError):
        await client.get(f"{host.address}/api/text")


async def test_run_by_hand(host: FunctionsHost, client: ClientSession) -> None:
    """Only timers are run by hand: another function is refused, an unknown one not found."""
    async with client.post(f"{host.address}/admin/functions/echo") as response:
        assert response.status == 400
    async with client.post(f"{host.address}/admin/functions/nothing") as response:
        assert response.status == 404
    with pytest.raises(ValueError, match="'echo' is not run by hand"):
        await host.invoke("echo")
    with pytest.raises(LookupError, match="there is no function 'nothing'; there are"):
        await host.invoke("nothing")
