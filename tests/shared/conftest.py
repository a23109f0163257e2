"""Blob storage for tests of what is kept in it: Microsoft's Azurite, once for all of them."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from local.azurite import blob_part, connection_string
from local.provision import provision_blobs
from local.resources import Resources
from shared.blobs import JOURNAL, Blobs


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
