"""The client as it runs in Azure: HTTPS, and a credential in the place of a key."""

import ssl
import time
from pathlib import Path
from typing import Any, Self

import aiohttp
import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import ServiceRequestError
from azure.core.pipeline.transport import AioHttpTransport
from azure.cosmos import PartitionKey, exceptions
from azure.cosmos.aio import CosmosClient

from local.cosmos import CosmosServer
from local.tls import ca_file, server_context

pytestmark = pytest.mark.wire

TOKEN = "a.b.c"


class Credential:
    """What `azure-identity` has for an app in Azure, with a token that is known beforehand."""

    def __init__(self, token: str = TOKEN) -> None:
        self.token = token
        self.scopes: list[str] = []

    async def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        self.scopes += scopes
        return AccessToken(self.token, int(time.time()) + 3600)

    async def close(self) -> None:
        pass

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the certificates are kept."""
    return tmp_path_factory.mktemp("tls")


@pytest.fixture(scope="module")
def context(tls: Path) -> ssl.SSLContext:
    return server_context(tls)


class Verifying(AioHttpTransport):  # type: ignore[misc]  # the package loads it late, so it has no type
    """Looks at certificates also where the client would not."""

    def __init__(self, tls: Path) -> None:
        super().__init__()
        self.ca = str(ca_file(tls))

    async def send(self, request: Any, *, stream: bool = False, proxies: Any = None, **config: Any) -> Any:
        config["connection_verify"] = self.ca
        return await super().send(request, stream=stream, proxies=proxies, **config)


def connected(server: CosmosServer, tls: Path, credential: Any) -> CosmosClient:
    return CosmosClient(server.endpoint, credential, transport=Verifying(tls))


async def test_a_credential_works_with_items_over_tls(tls: Path, context: ssl.SSLContext) -> None:
    """A token that the endpoint was told to accept is good for items, not for making containers, as in Azure."""
    async with CosmosServer(tls=context, accepted_tokens=[TOKEN]) as server:
        async with connected(server, tls, server.key) as operator:
            database = await operator.create_database("db")
            await database.create_container("c", PartitionKey("/pk"))
        credential = Credential()
        async with connected(server, tls, credential) as client:
            container = client.get_database_client("db").get_container_client("c")
            await container.create_item({"id": "a", "pk": "p"})
            await container.execute_item_batch([("read", ("a",)), ("create", ({"id": "b", "pk": "p"},))], "p")
            assert [item["id"] async for item in container.query_items("SELECT c.id FROM c")] == ["a", "b"]
            with pytest.raises(exceptions.CosmosHttpResponseError) as caught:
                await client.get_database_client("db").create_container("d", PartitionKey("/pk"))
            assert (caught.value.status_code, caught.value.sub_status) == (403, 5300)
    assert set(credential.scopes) == {"https://127.0.0.1/.default"}


async def test_another_token_is_401(tls: Path, context: ssl.SSLContext) -> None:
    """Whether it is unknown, or none was ever to be accepted."""
    trusted = ssl.create_default_context(cafile=ca_file(tls))
    for accepted, sent, status in (([TOKEN], TOKEN, 200), ([TOKEN], "x.y.z", 401), ([], TOKEN, 401), ([], "", 401)):
        async with CosmosServer(tls=context, accepted_tokens=accepted) as server, aiohttp.ClientSession() as session:
            headers = {"authorization": f"type=aad&ver=1.0&sig={sent}"}
            async with session.get(server.endpoint, headers=headers, ssl=trusted) as answer:
                assert answer.status == status


async def test_the_certificate_is_looked_at(tmp_path: Path, context: ssl.SSLContext) -> None:
    """A client that trusts another authority does not connect."""
    server_context(tmp_path)
    async with CosmosServer(tls=context) as server:
        client = connected(server, tmp_path, server.key)
        with pytest.raises(ServiceRequestError, match="CERTIFICATE_VERIFY_FAILED"):
            await client.__aenter__()
        await client.close()


async def test_the_client_itself_trusts_every_certificate_of_this_machine(
    tmp_path: Path, context: ssl.SSLContext
) -> None:
    """For 127.0.0.1 and localhost it looks at none, whatever `connection_verify` says: a run here proves no trust."""
    server_context(tmp_path)
    async with (
        CosmosServer(tls=context) as server,
        CosmosClient(server.endpoint, server.key, connection_verify=str(ca_file(tmp_path))) as client,
    ):
        await client.create_database("db")
