"""Fixtures that most tests stand on: a real Cosmos DB endpoint, a clock that tests set, keys of their own."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from local.azurite import blob_part, connection_string
from local.cosmos.server import CosmosServer
from local.provision import provision_blobs, provision_cosmos
from local.resources import Resources
from shared.blobs import JOURNAL, Blobs
from shared.cosmos import Database
from shared.keys import KeySet
from tests.keys import signing_jwks, symmetric_jwks
from tests.observed import FOLDER, OBSERVED


class SettableClock:
    """A clock that stands still until a test moves it."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **by: float) -> None:
        self.now += timedelta(**by)


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock(datetime.now(UTC).replace(microsecond=0))


@pytest.fixture
def device_keys() -> KeySet:
    return KeySet(symmetric_jwks(), "HS256")


@pytest.fixture
def export_keys() -> KeySet:
    return KeySet(signing_jwks(), "ES256")


@pytest.fixture
async def cosmos() -> AsyncIterator[CosmosServer]:
    async with CosmosServer() as server:
        yield server


@pytest.fixture
async def database(cosmos: CosmosServer) -> AsyncIterator[Database]:
    """The service's containers, empty, through its own adapter and the official client."""
    resources = Resources.load()
    await provision_cosmos(cosmos.endpoint, cosmos.key, resources)
    opened = await Database.open(cosmos.endpoint, cosmos.key, resources.database)
    yield opened
    await OBSERVED.database(opened)
    await opened.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def blob_storage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """Connection string of an Azurite with the service's containers."""
    folder = tmp_path_factory.mktemp("azurite")
    part = blob_part(port=0, data=folder / "data", log=folder / "azurite.log")
    connection = connection_string(await part.start())
    try:
        await provision_blobs(connection, Resources.load())
        yield connection
    finally:
        await part.stop()


@pytest.fixture
async def blobs(blob_storage: str) -> AsyncIterator[Blobs]:
    """The service's blobs, with an empty journal."""
    opened = Blobs.open(connection=blob_storage, account_url=None, credential=None)
    for name in [name async for name in opened.names(JOURNAL, "")]:
        await opened.delete(JOURNAL, name)
    yield opened
    await opened.close()


TESTS = Path(__file__).parent
ONLY_IN_A_WHOLE_RUN = "whole_run"


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A process of several leaves what it has seen."""
    if FOLDER is not None and hasattr(session.config, "workerinput"):
        OBSERVED.leave(FOLDER, session.config.workerinput["workerid"])


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What speaks of the whole run is taken out of a part of it: it would say nothing."""
    collected = {item.path for item in items}
    if FOLDER is not None:
        OBSERVED.find(FOLDER)
    elsewhere = {TESTS / "local"} | ({path for path in TESTS.iterdir() if path.name != "wire"} if FOLDER else set())
    needed = [path for path in TESTS.rglob("test_*.py") if not elsewhere & {path, *path.parents}]
    if all(path in collected for path in needed) and not config.option.markexpr:
        return
    apart = [item for item in items if ONLY_IN_A_WHOLE_RUN in item.keywords]
    if apart:
        config.hook.pytest_deselected(items=apart)
        items[:] = [item for item in items if item not in apart]


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """What is all about ports and processes is not even imported without them: the clients take seconds to load."""
    if config.option.markexpr != "not wire":
        return None
    if collection_path == TESTS / "wire":
        return True
    is_test = collection_path.is_file() and collection_path.name.startswith("test_")
    return (is_test and "\npytestmark = pytest.mark.wire\n" in collection_path.read_text(encoding="utf-8")) or None
