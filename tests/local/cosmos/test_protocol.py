"""Requests that no official client would send: answered in the service's way, never by a broken server."""

import base64
import hashlib
import hmac
import urllib.parse
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from azure.cosmos.aio import ContainerProxy

from local.cosmos import CosmosServer

pytestmark = pytest.mark.wire

ITEMS = "dbs/db/colls/c1"
BATCH = {"x-ms-cosmos-is-batch-request": "True", "x-ms-cosmos-batch-atomic": "True"}
QUERY = {"x-ms-documentdb-isquery": "true"}


class Caller:
    """Sends signed requests of any kind."""

    def __init__(self, server: CosmosServer, session: aiohttp.ClientSession) -> None:
        self._server = server
        self._session = session

    async def __call__(self, verb: str, path: str, link: str, body: bytes, headers: dict[str, str]) -> Any:
        date = "thu, 01 jan 2026 00:00:00 gmt"
        kind = (path if path.count("/") % 2 == 0 else path.rsplit("/", 1)[0]).rsplit("/", 1)[-1]
        text = f"{verb.lower()}\n{kind}\n{link}\n{date}\n\n".encode()
        signature = base64.b64encode(hmac.digest(base64.b64decode(self._server.key), text, hashlib.sha256)).decode()
        signed = {
            "authorization": urllib.parse.quote(f"type=master&ver=1.0&sig={signature}", safe=""),
            "x-ms-date": date,
            "x-ms-documentdb-partitionkey": '["p"]',
            **headers,
        }
        url = self._server.endpoint + path
        async with self._session.request(verb, url, data=body, headers=signed) as answer:
            return answer.status, await answer.read()


@pytest.fixture
async def call(server: CosmosServer, container: ContainerProxy) -> AsyncIterator[Caller]:
    await container.create_item({"id": "a", "pk": "p"})
    async with aiohttp.ClientSession() as session:
        yield Caller(server, session)


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"", {}),
        (b"{", {}),
        (b"[]", {}),
        (b"\xff\xfe", {}),
        (b'{"id":"b","pk":"p","n":NaN}', {}),
        (b'{"id":"b","pk":"p","n":' + b"[" * 100_000 + b"]" * 100_000 + b"}", {}),
        (b'{"id":"b","pk":"q"}', {}),
        (b'{"id":"b","pk":"p"}', {"x-ms-documentdb-partitionkey": "nonsense"}),
        (b"{}", BATCH),
        (b"[5]", BATCH),
        (b"[{}]", BATCH),
        (b'[{"operationType":"Read","id":["a"]}]', BATCH),
        (b'[{"operationType":"Create"}]', BATCH),
        (b'[{"operationType":"Patch","id":"a","resourceBody":{"operations":5}}]', BATCH),
        (b'[{"operationType":"Patch","id":"a","resourceBody":{"operations":[{}],"condition":5}}]', BATCH),
        (b'[{"operationType":"Patch","id":"a","resourceBody":{"operations":[{}],"condition":"where"}}]', BATCH),
        (b"[]", QUERY),
        (b'{"query":5}', QUERY),
        (b'{"query":"SELECT * FROM c","parameters":5}', QUERY),
        (b'{"query":"SELECT * FROM c","parameters":[{"name":"@a"}]}', QUERY),
        (b'{"query":"SELECT * FROM c WHERE ' + b"(" * 20_000 + b'"}', QUERY),
        (b'{"query":"SELECT VALUE ' + b"1+" * 20_000 + b'1 FROM c"}', QUERY),
        (b'{"query":"SELECT TOP c VALUE 1 FROM c"}', QUERY),
        (b'{"query":"SELECT VALUE COUNT(1)"}', QUERY),
        (b'{"query":"SELECT VALUE [1e999] FROM c"}', QUERY),
        (b'[{"operationType":"Create","resourceBody":{"id":"b","pk":"p","n":1e999}}]', BATCH),
        (b'{"query":"SELECT * FROM c"}', {**QUERY, "x-ms-max-item-count": "many"}),
        (b'{"query":"SELECT * FROM c"}', {**QUERY, "x-ms-continuation": "%%%"}),
        (b'{"query":"SELECT * FROM c"}', {**QUERY, "x-ms-start-epk": "0", "x-ms-end-epk": "FF"}),
        (b'{"query":"SELECT * FROM c"}', {**QUERY, "x-ms-cosmos-is-query-plan-request": "True"}),
        (b'[{"operationType":"Read","id":"a"}]', {**BATCH, "x-ms-cosmos-batch-atomic": "False"}),
    ],
)
async def test_a_malformed_request_is_the_clients_fault(call: Caller, body: bytes, headers: dict[str, str]) -> None:
    """400 or a failed batch, with the server as well as before."""
    status, _ = await call("POST", f"{ITEMS}/docs", ITEMS, body, headers)
    assert status in (207, 400)
    assert (await call("GET", f"{ITEMS}/docs/a", f"{ITEMS}/docs/a", b"", {}))[0] == 200


@pytest.mark.parametrize(
    ("verb", "path", "link", "body"),
    [
        ("POST", "dbs", "", b"[]"),
        ("POST", "dbs", "", b'{"id":"a\\nb"}'),
        ("PUT", "dbs", "", b"{}"),
        ("PUT", "dbs/db", "dbs/db", b"{}"),
        ("POST", "dbs/db/colls", "dbs/db", b"[]"),
        ("POST", "dbs/db/colls", "dbs/db", b'{"id":"x"}'),
        ("POST", "dbs/db/colls", "dbs/db", b'{"id":"x","partitionKey":{"paths":["/p"]},"indexingPolicy":5}'),
        (
            "POST",
            "dbs/db/colls",
            "dbs/db",
            b'{"id":"x","partitionKey":{"paths":["/p"]},"uniqueKeyPolicy":{"uniqueKeys":5}}',
        ),
        ("POST", "dbs/db/users", "dbs/db", b"{}"),
        ("PATCH", f"{ITEMS}/docs", ITEMS, b"{}"),
        ("POST", f"{ITEMS}/docs/a", f"{ITEMS}/docs/a", b"{}"),
        ("PATCH", f"{ITEMS}/docs/a", f"{ITEMS}/docs/a", b'{"operations":"x"}'),
        ("GET", f"{ITEMS}/conflicts", ITEMS, b""),
        ("GET", "nonsense", "", b""),
    ],
)
async def test_a_wrong_use_of_a_resource_is_refused(call: Caller, verb: str, path: str, link: str, body: bytes) -> None:
    """Other methods, other bodies and other resources are 400, and the server starts again with what it has."""
    assert (await call(verb, path, link, body, {}))[0] == 400


async def test_the_key_may_be_left_to_the_server(call: Caller) -> None:
    """An item without partition key header lies where its own properties say; a read cannot do without."""
    anonymous = {"x-ms-documentdb-partitionkey": ""}
    assert (await call("POST", f"{ITEMS}/docs", ITEMS, b'{"id":"b","pk":"p"}', anonymous))[0] == 201
    assert (await call("GET", f"{ITEMS}/docs/b", f"{ITEMS}/docs/b", b"", {}))[0] == 200
    assert (await call("GET", f"{ITEMS}/docs/b", f"{ITEMS}/docs/b", b"", anonymous))[0] == 400


async def test_across_partitions_only_when_allowed(call: Caller) -> None:
    """Without a partition key a query must say that it goes across, or name its partition in the WHERE."""
    anonymous = {**QUERY, "x-ms-documentdb-partitionkey": ""}
    everything = b'{"query":"SELECT * FROM c"}'
    assert (await call("POST", f"{ITEMS}/docs", ITEMS, everything, anonymous))[0] == 400
    allowed = {**anonymous, "x-ms-documentdb-query-enablecrosspartition": "True"}
    assert (await call("POST", f"{ITEMS}/docs", ITEMS, everything, allowed))[0] == 200
    one = b'{"query":"SELECT * FROM c WHERE c.pk = \'p\'"}'
    assert (await call("POST", f"{ITEMS}/docs", ITEMS, one, anonymous))[0] == 200
