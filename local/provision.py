"""Create what `shared/resources.json` names, with the official clients, as the infrastructure does in Azure.

The app never creates containers: data-plane roles can't. Run as `python -m local.provision` it provisions whatever
`local.settings.json` points to, for those who start Microsoft's emulators instead of this local cloud.
"""

import asyncio
import contextlib
import json
import sys
from collections.abc import Mapping
from pathlib import Path

from azure.core.exceptions import ResourceExistsError
from azure.cosmos import PartitionKey
from azure.cosmos.aio import CosmosClient, DatabaseProxy
from azure.storage.blob.aio import BlobServiceClient
from pydantic.alias_generators import to_camel

from local.prerequisites import ROOT
from local.resources import CosmosContainer, Resources
from local.serving import EXIT_UNUSABLE, CannotStart


async def provision_cosmos(endpoint: str, key: str, resources: Resources) -> None:
    """Create the database and its containers; bring the policies of those that exist up to date.

    Raises:
        CannotStart: a container exists with another partition key, which can't be changed.
    """
    async with CosmosClient(endpoint, key) as client:
        database = await client.create_database_if_not_exists(resources.database)
        await asyncio.gather(*(_container(database, wanted) for wanted in resources.cosmos_containers))


async def _container(database: DatabaseProxy, wanted: CosmosContainer) -> None:
    key = wanted.partition_key
    partition_key = PartitionKey(
        path=key["paths"][0] if len(key["paths"]) == 1 else key["paths"], kind=key["kind"], version=key["version"]
    )
    container = await database.create_container_if_not_exists(wanted.id, partition_key, **wanted.policies())
    have = await container.read()
    if have["partitionKey"]["paths"] != key["paths"]:
        raise CannotStart(f"The stored container {wanted.id} has another partition key. Start once with --fresh.")
    if any(have.get(to_camel(name)) != policy for name, policy in wanted.policies().items()):
        await database.replace_container(container, partition_key, **wanted.policies())


async def provision_blobs(connection: str, resources: Resources) -> None:
    """Create the blob containers that don't exist."""
    async with BlobServiceClient.from_connection_string(connection) as client:
        for name in resources.blob_containers:
            with contextlib.suppress(ResourceExistsError):
                await client.create_container(name)


async def provision(settings: Mapping[str, str], resources: Resources) -> None:
    """Create what the app with these settings stands on; the hubs are their endpoint's configuration."""
    await asyncio.gather(
        provision_cosmos(settings["BLUE_COSMOS_ENDPOINT"], settings["BLUE_COSMOS_KEY"], resources),
        provision_blobs(settings["BLUE_BLOB_CONNECTION"], resources),
    )


def main(file: Path = ROOT / "local.settings.json") -> int:
    """Provision what the settings file points to."""
    if not file.exists():
        print(f"{file} is missing: write it with `python -m local settings`.", file=sys.stderr)
        return EXIT_UNUSABLE
    settings = json.loads(file.read_text())["Values"]
    try:
        asyncio.run(provision(settings, Resources.load()))
    except CannotStart as error:
        print(error, file=sys.stderr)
        return EXIT_UNUSABLE
    print("The database, its containers and the blob containers are there.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
