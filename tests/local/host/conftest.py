import contextlib
import json
import shutil
import socket
import subprocess
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from local.eventhubs.messages import read_delivery
from local.eventhubs.namespace import HubDefinition
from local.eventhubs.server import EventHubsServer

ROOT = Path(__file__).parents[3]
AZURITE = ROOT / "local" / "node_modules" / ".bin" / "azurite-blob"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
"""The published key of the development account."""

FAST = {"loadBalancingUpdateInterval": "00:00:00.3", "partitionOwnershipExpirationInterval": "00:00:06"}

MakeApp = Callable[..., Path]


@pytest.fixture
def make_app(tmp_path: Path) -> MakeApp:
    """Makes a function app: a sample by name, or the given source, beside a host.json."""

    def make(
        sample: str = "",
        *,
        source: str = "",
        timeout: str = "00:05:00",
        http: Mapping[str, Any] | None = None,
        event_hubs: Mapping[str, Any] | None = None,
    ) -> Path:
        directory = tmp_path / f"app-{uuid.uuid4().hex[:6]}"
        directory.mkdir()
        if sample:
            shutil.copy(Path(__file__).parent / "apps" / f"{sample}.py", directory / "function_app.py")
        else:
            (directory / "function_app.py").write_text(source)
        extensions = {"http": http or {}, "eventHubs": {**FAST, **(event_hubs or {}), "notOurs": 1}, "other": {}}
        host = {"version": "2.0", "functionTimeout": timeout, "extensions": extensions}
        (directory / "host.json").write_text(json.dumps(host))
        return directory

    return make


@pytest.fixture(scope="session")
def storage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Connection string of an Azurite that keeps everything in memory."""
    port = _free_port()
    options = ["--inMemoryPersistence", "--skipApiVersionCheck", "--disableTelemetry", "--silent"]
    command = [str(AZURITE), *options, "--blobHost", "127.0.0.1", "--blobPort", str(port)]
    with subprocess.Popen(command, cwd=tmp_path_factory.mktemp("azurite")) as process:  # noqa: S603 - our own tool
        try:
            _wait_for(port, process)
            yield (
                "DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;"
                f"AccountKey={KEY};BlobEndpoint=http://127.0.0.1:{port}/devstoreaccount1;"
            )
        finally:
            process.terminate()


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 30
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.05)
    raise AssertionError("Azurite did not start")


def _message(body: bytes) -> bytes:
    """An AMQP message of one short data section."""
    return b"\x00\x53\x75\xa0" + bytes([len(body)]) + body


class Hub(NamedTuple):
    """A hub in this process, and the settings under which the sample app `stream` reads it."""

    server: EventHubsServer
    name: str
    settings: dict[str, str]

    def put(self, *bodies: str, partition: str = "0") -> None:
        """Put events into a partition, in order; as a producer would, but without its second of opening a link."""
        events = [event for body in bodies for event in read_delivery(_message(body.encode()), 0)[1]]
        self.server._namespace.hub(self.name).partition(partition).append(events)

    def only(self, function: str, **more: str) -> dict[str, str]:
        """Settings under which only one function of the app runs."""
        others = {f"AzureWebJobs.{name}.Disabled": "true" for name in ("many", "parsed", "one") if name != function}
        return {**self.settings, **others, **more}


@pytest.fixture
async def hub(storage: str) -> AsyncIterator[Hub]:
    """A hub of two partitions whose name no other test has, since checkpoints outlive a test."""
    name = f"telemetry-{uuid.uuid4().hex}"
    async with EventHubsServer([HubDefinition(name, 2, ("$Default", "other"))]) as server:
        settings = {
            "Hub": server.connection_string,
            "HUB": name,
            "GROUP": "$Default",
            "AzureWebJobsStorage": storage,
        }
        yield Hub(server, name, settings)
