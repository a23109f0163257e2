"""The whole local cloud as one object, with a small function app in it."""

import asyncio
import json
import os
import signal
import smtplib
import textwrap
import time
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import psutil
import pytest
import pytest_asyncio
from azure.cosmos.aio import CosmosClient
from azure.eventhub.aio import EventHubConsumerClient
from azure.storage.blob.aio import BlobServiceClient

from local.cloud import ANY_PORTS, LocalCloud
from local.cosmos import Fault
from local.cosmos.remote import Refused
from local.mail import kept_in
from local.part import PartEnded
from local.provision import provision_cosmos
from local.resources import Resources
from local.serving import CannotStart, listening_socket

pytestmark = [pytest.mark.wire, pytest.mark.asyncio(loop_scope="module")]

APP = """
    import os

    import azure.functions as func

    app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)


    @app.route(route="setting")
    def setting(req: func.HttpRequest) -> func.HttpResponse:
        return func.HttpResponse(os.environ[req.params["name"]])
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def cloud(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[LocalCloud]:
    app = tmp_path_factory.mktemp("app")
    (app / "host.json").write_text('{"version": "2.0"}')
    (app / "function_app.py").write_text(textwrap.dedent(APP))
    data = tmp_path_factory.mktemp("data")
    async with LocalCloud(data=data, app=app, extra_settings={"EXTRA": "given"}) as cloud:
        yield cloud


async def setting(cloud: LocalCloud, name: str) -> str:
    """A setting as the app in the host sees it."""
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{cloud.host_url}/api/setting", params={"name": name}) as answer,
    ):
        return await answer.text()


async def test_the_app_gets_every_setting(cloud: LocalCloud) -> None:
    """What the sample documents reaches the app's environment, with what the caller adds."""
    for name in ("BLUE_COSMOS_ENDPOINT", "EventHubs", "BLUE_EXPORT_KEYS", "EXTRA"):
        assert await setting(cloud, name) == cloud.settings[name]
    assert cloud.settings["EXTRA"] == "given"


async def test_the_containers_are_there_with_their_policies(cloud: LocalCloud) -> None:
    """Database, containers and blob containers are those of shared/resources.json."""
    resources = Resources.load()
    async with CosmosClient(cloud.settings["BLUE_COSMOS_ENDPOINT"], cloud.settings["BLUE_COSMOS_KEY"]) as client:
        database = client.get_database_client(resources.database)
        have = {container["id"]: container async for container in database.list_containers()}
    assert set(have) == {container.id for container in resources.cosmos_containers}
    for wanted in resources.cosmos_containers:
        assert have[wanted.id]["partitionKey"]["paths"] == wanted.partition_key["paths"]
        assert have[wanted.id]["defaultTtl"] == wanted.default_ttl
        assert have[wanted.id]["indexingPolicy"] == wanted.indexing_policy
    async with BlobServiceClient.from_connection_string(cloud.settings["BLUE_BLOB_CONNECTION"]) as blobs:
        assert set(resources.blob_containers) <= {container.name async for container in blobs.list_containers()}


async def test_the_hubs_are_there_with_their_partitions(cloud: LocalCloud) -> None:
    """The endpoint serves the hubs of shared/resources.json, at the address that the app is given."""
    for hub in Resources.load().event_hubs:
        consumer = EventHubConsumerClient.from_connection_string(
            cloud.settings["EventHubs"], hub.consumer_groups[0], eventhub_name=hub.name
        )
        async with consumer:
            assert len(await consumer.get_partition_ids()) == hub.partitions


async def test_the_sign_in_is_the_issuer_that_the_app_trusts(cloud: LocalCloud) -> None:
    """Discovery at the configured issuer names that issuer."""
    issuer = cloud.settings["BLUE_SIGN_IN_ISSUER"]
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{issuer}/.well-known/openid-configuration") as answer,
    ):
        assert (await answer.json())["issuer"] == issuer


async def test_mail_of_the_app_is_kept_and_goes_nowhere(cloud: LocalCloud) -> None:
    """The configured mail server is the sink, and its files lie in the cloud's directory."""
    address = urlsplit(cloud.settings["BLUE_SMTP_URL"])

    def send() -> None:
        with smtplib.SMTP(str(address.hostname), address.port or 0, timeout=10) as client:
            client.sendmail("app@blue.example", "maria@resident.example", "Subject: test\r\n\r\n")

    await asyncio.to_thread(send)
    assert [mail["Subject"] for mail in kept_in(cloud.state.mail)] == ["test"]


async def test_the_host_can_be_killed_and_started_alone(cloud: LocalCloud) -> None:
    """It comes back at the same address as another process, and nothing else moved."""
    before, url = cloud.pids, cloud.host_url
    await cloud.kill_host()
    assert "host" not in cloud.pids
    assert await cloud.restart_host() == url
    assert cloud.pids.keys() == before.keys()
    assert {name for name, pid in cloud.pids.items() if pid != before[name]} == {"host"}
    assert await setting(cloud, "EXTRA") == "given"


async def test_a_second_cloud_cannot_use_the_same_data(cloud: LocalCloud) -> None:
    """It is refused before anything of it starts."""
    with pytest.raises(CannotStart, match="Another local cloud"):
        await LocalCloud(data=cloud.state.root).__aenter__()


async def test_provisioning_again_brings_a_changed_policy_and_refuses_a_changed_key(cloud: LocalCloud) -> None:
    """A changed time to live arrives; a changed partition key would lose the data, so it is refused."""
    endpoint, key = cloud.settings["BLUE_COSMOS_ENDPOINT"], cloud.settings["BLUE_COSMOS_KEY"]
    resources = Resources.load()
    first = resources.cosmos_containers[0]
    changed = first.model_copy(update={"default_ttl": 77})
    await provision_cosmos(endpoint, key, resources.model_copy(update={"cosmos_containers": [changed]}))
    async with CosmosClient(endpoint, key) as client:
        container = client.get_database_client(resources.database).get_container_client(first.id)
        assert (await container.read())["defaultTtl"] == 77
    other = first.model_copy(update={"partition_key": {"paths": ["/other"], "kind": "Hash", "version": 2}})
    with pytest.raises(CannotStart, match=r"another partition key.*--fresh"):
        await provision_cosmos(endpoint, key, resources.model_copy(update={"cosmos_containers": [other]}))
    await provision_cosmos(endpoint, key, resources)


async def test_cosmos_can_be_made_to_fail_and_be_restored(cloud: LocalCloud, tmp_path: Path) -> None:
    """Faults, snapshots and the clock of the part that runs, from here."""
    await cloud.cosmos.snapshot(tmp_path / "then")
    await cloud.cosmos.inject(Fault(status=429, retry_after_ms=1, times=1))
    resources = Resources.load()
    async with CosmosClient(cloud.settings["BLUE_COSMOS_ENDPOINT"], cloud.settings["BLUE_COSMOS_KEY"]) as client:
        container = client.get_database_client(resources.database).get_container_client("people")
        await container.create_item({"id": "a", "personId": "p"})
        assert [fault["met"] for fault in await cloud.cosmos.faults()] == [1]
        await cloud.cosmos.reset_faults()
        await cloud.cosmos.forward(60)
        assert (await container.upsert_item({"id": "b", "personId": "p"}))["_ts"] >= time.time() + 59
        await cloud.cosmos.restore(tmp_path / "then")
        assert [item async for item in container.read_all_items()] == []
    with pytest.raises(Refused, match="exists already"):
        await cloud.cosmos.snapshot(tmp_path / "then")


async def test_nobody_else_can_read_the_keys(cloud: LocalCloud) -> None:
    """Of the machine's other users."""
    assert cloud.state.keys.stat().st_mode & 0o077 == 0
    assert json.loads(cloud.state.keys.read_text()).keys() <= cloud.settings.keys()


async def test_a_taken_port_is_named_before_anything_starts(tmp_path: Path) -> None:
    """With the option that chooses another."""
    taken = listening_socket(0, name="test")
    port = taken.getsockname()[1]
    children = len(psutil.Process().children())
    try:
        with pytest.raises(CannotStart, match=f"cosmos: port {port} is taken.*--cosmos-port.*--any-ports"):
            await LocalCloud(data=tmp_path, ports=ANY_PORTS._replace(cosmos=port)).__aenter__()
    finally:
        taken.close()
    assert len(psutil.Process().children()) == children


async def test_a_part_that_cannot_start_ends_all(tmp_path: Path) -> None:
    """The message is that part's own, and no process is left."""
    (tmp_path / "cosmos" / "blue.sqlite").mkdir(parents=True)
    children = len(psutil.Process().children())
    with pytest.raises(PartEnded, match="cosmos ended by itself"):
        await LocalCloud(data=tmp_path).__aenter__()
    assert len(psutil.Process().children()) == children


async def test_a_part_that_dies_is_named_with_its_last_lines(cloud: LocalCloud) -> None:
    """Whoever runs the cloud learns which part it was. It is the last test here: the cloud is not whole afterwards."""
    os.kill(cloud.pids["identity"], signal.SIGKILL)
    failure = await cloud.failure()
    assert isinstance(failure, PartEnded)
    assert "identity ended by itself (exit code -9)" in str(failure)
    assert "INSECURE" in str(failure)
