"""The SDK's clients as against Azure: AMQPS, and a credential of an identity provider."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from azure.core.credentials import AccessToken
from azure.eventhub import EventData, EventHubProducerClient, aio
from azure.eventhub.exceptions import AuthenticationError, ConnectError

from local.eventhubs import performatives as wire
from local.eventhubs.namespace import HubDefinition
from local.eventhubs.server import EventHubsServer
from local.tls import server_context
from tests.local.eventhubs.clients import HUB, Credential, azure_options, azure_producer, receiving

pytestmark = pytest.mark.wire

TOKEN = "the token that this endpoint was told to accept"


class BlockingCredential:
    """The same for the blocking clients."""

    def get_token(self, *_: str, **__: Any) -> AccessToken:
        return AccessToken(TOKEN, int(time.time()) + 3600)


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tls")


@pytest.fixture
async def server(directory: Path) -> AsyncIterator[EventHubsServer]:
    context = server_context(directory)
    async with EventHubsServer([HubDefinition(HUB, 1)], tls=context, accepted_tokens=["another", TOKEN]) as running:
        yield running


async def test_clients_with_a_credential_send_and_receive(server: EventHubsServer, directory: Path) -> None:
    """Producer and consumer are written as for Azure; each asks its credential for a token of Event Hubs."""
    credential, how = Credential(TOKEN), azure_options(server.address, directory)
    async with azure_producer(server.address, directory, credential) as producer:
        assert await producer.get_partition_ids() == ["0"]
        await producer.send_event(EventData("in private"))
    consumer = aio.EventHubConsumerClient("localhost", HUB, "$Default", credential, **how)
    async with receiving(consumer, partition_id="0", starting_position="-1") as inbox:
        assert await inbox.bodies(1) == ["in private"]
    assert credential.scopes == {"https://eventhubs.azure.net//.default"}


async def test_the_blocking_clients_can_do_it_too(server: EventHubsServer, directory: Path) -> None:
    """They have a transport of their own."""

    def send() -> None:
        how = azure_options(server.address, directory)
        with EventHubProducerClient("localhost", HUB, BlockingCredential(), **how) as producer:
            producer.send_event(EventData("blocking"))

    await asyncio.to_thread(send)
    assert [event.body for event in server.events(HUB)] == [b"blocking"]


async def test_a_shared_access_signature_is_as_good(server: EventHubsServer, directory: Path) -> None:
    """A connection string of this endpoint does not turn TLS off."""
    how = azure_options(server.address, directory)
    async with aio.EventHubProducerClient.from_connection_string(
        server.connection_string, eventhub_name=HUB, **how
    ) as producer:
        await producer.send_event(EventData("signed"))
    assert [event.body for event in server.events(HUB)] == [b"signed"]


async def test_another_token_is_refused(server: EventHubsServer, directory: Path) -> None:
    """Whatever it says of itself."""
    async with azure_producer(server.address, directory, Credential("not that one")) as producer:
        with pytest.raises(AuthenticationError, match="InvalidToken"):
            await producer.send_event(EventData("lost"))
    assert not server.events(HUB)


async def test_a_client_that_does_not_trust_the_authority_stays_away(server: EventHubsServer, directory: Path) -> None:
    """The certificate is checked by the client."""
    how = azure_options(server.address, directory) | {"connection_verify": None}
    async with aio.EventHubProducerClient("localhost", HUB, Credential(TOKEN), **how) as producer:
        with pytest.raises(ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            await producer.send_event(EventData("lost"))


async def test_plain_amqp_is_not_answered(server: EventHubsServer) -> None:
    """A port is one or the other."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(wire.AMQP_HEADER)
    assert await reader.read() == b""
    writer.close()
    await writer.wait_closed()
