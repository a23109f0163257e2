"""After everything else: what the whole test run stored, sent, answered and logged, held against the data map.

The file's name makes it the last one.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from azure.eventhub import EventData
from azure.eventhub.aio import EventHubConsumerClient, PartitionContext
from azure.storage.blob.aio import BlobServiceClient

from local.cloud import LocalCloud
from shared import data_map
from shared.data_map import BLOBS, HUBS, READINGS
from shared.errors import CATALOGUE
from tests.observed import OBSERVED
from tests.poison import ELSEWHERE
from tests.wire.conftest import ANSWERS, PERSONAL, Stored


async def test_everything_stored_is_in_the_data_map(stored: Stored) -> None:
    """In every database of the whole run, the local cloud's last."""
    await OBSERVED.database(stored.database)
    assert OBSERVED.undeclared() == []


async def test_everything_stored_is_as_its_schema_says(stored: Stored) -> None:
    """Who takes their data away can rely on the schemas that lie beside it."""
    await OBSERVED.database(stored.database)
    assert sorted(OBSERVED.misdescribed) == []


@pytest.mark.whole_run
async def test_everything_in_the_data_map_is_stored(stored: Stored) -> None:
    """A field that nothing stores is a promise to residents without a meaning."""
    await OBSERVED.database(stored.database)
    assert OBSERVED.never_stored() == []


NEVER_MADE = {"access_point_unreachable": "it happens between phone and monitor, before anything reaches the service"}


@pytest.mark.whole_run
def test_every_error_of_the_catalogue_is_reached() -> None:
    """In a problem that the service made, or in an answer or a receipt: no test, no entry."""
    silent = [
        f"Error '{code}' is in the catalogue and was never reached by the whole test run. Test what leads to it, or "
        "take it out of shared/errors.py."
        for code in CATALOGUE.keys() - OBSERVED.codes - NEVER_MADE.keys()
    ]
    assert sorted(silent) == []
    assert OBSERVED.codes & NEVER_MADE.keys() == set()


def test_every_place_is_reached_by_export_and_erasure_or_says_why_not() -> None:
    """Databases, blobs, hubs and what others hold."""
    silent = [
        f"Record '{name}' in '{record.container}' is in no export and does not say why: set export_note."
        for container in data_map.CONTAINERS.values()
        for name, record in container.records.items()
        if record.export is None and not record.export_note
    ]
    silent += [
        f"Record '{name}' in '{record.container}' is to expire, and has no retention period."
        for container in data_map.CONTAINERS.values()
        for name, record in container.records.items()
        if record.erasure == "expires" and record.retention is None
    ]
    assert silent == []


ABOVE_THE_HOST = 10
"""Reads in the host's own consumer group, and takes the partition from it for that."""


async def events(cloud: LocalCloud, hub: str) -> list[EventData]:
    """Every event of a hub, from its start."""
    found: list[EventData] = []
    consumer = EventHubConsumerClient.from_connection_string(cloud.settings["EventHubs"], "$Default", eventhub_name=hub)
    async with consumer:
        wanted = {}
        for partition in await consumer.get_partition_ids():
            properties = await consumer.get_partition_properties(partition)
            if not properties["is_empty"]:
                wanted[partition] = properties["last_enqueued_sequence_number"]
        for partition, last in wanted.items():
            await _read_to(consumer, partition, last, found)
    return found


async def _read_to(consumer: EventHubConsumerClient, partition: str, last: int, found: list[EventData]) -> None:
    done = asyncio.Event()

    async def on_event(_context: PartitionContext, event: EventData | None) -> None:
        if event is not None:
            found.append(event)
            if (event.sequence_number or 0) >= last:
                done.set()

    receiving = asyncio.create_task(
        consumer.receive(on_event, partition_id=partition, starting_position="-1", owner_level=ABOVE_THE_HOST)
    )
    await asyncio.wait_for(done.wait(), 30)
    receiving.cancel()
    await asyncio.gather(receiving, return_exceptions=True)


def texts(properties: Any) -> set[str]:
    return {name.decode() if isinstance(name, bytes) else str(name) for name in properties or {}}


async def test_every_event_is_in_the_data_map(cloud: LocalCloud) -> None:
    """Its properties, its envelope, and every field of every reading."""
    seen = 0
    for hub, declared in HUBS.items():
        for event in await events(cloud, hub):
            if hub == "telemetry" and (
                "ownershipId" not in texts(event.properties) or ELSEWHERE in texts(event.properties)
            ):
                continue  # a malformed event that a test put there, around the gateway
            seen += 1
            assert texts(event.properties) <= declared.properties.keys()
            if "replayOf" in texts(event.properties):
                continue  # its body could not be read before, and perhaps cannot now
            body = json.loads(event.body_as_str())
            assert body.keys() <= declared.body.keys()
            for kind, columns in body.get("columns", {}).items():
                assert columns.keys() - {"observedAt"} <= READINGS[kind].fields.keys()
    assert seen > 0


async def blob_names(cloud: LocalCloud) -> AsyncIterator[tuple[str, str]]:
    async with BlobServiceClient.from_connection_string(cloud.settings["BLUE_BLOB_CONNECTION"]) as client:
        async for container in client.list_containers():
            async for blob in client.get_container_client(container.name).list_blobs():
                yield container.name, blob.name


async def test_every_blob_is_in_the_data_map(cloud: LocalCloud) -> None:
    """Its container is declared, and its name holds random ids only."""
    async for container, name in blob_names(cloud):
        assert container in BLOBS, f"Blob container '{container}' is not declared in shared/data_map/places.py."
        assert re.fullmatch(BLOBS[container].name_pattern, name), f"A blob of '{container}' has an undeclared name."


@pytest.mark.whole_run
def test_logs_hold_nothing_personal(cloud: LocalCloud, cloud_folder: Path) -> None:
    """No address, serial number, MAC, token, claim or key that any test used is in any log of any part."""
    kept = ("BLUE_IDENTITY_KEY", "BLUE_DEVICE_TOKEN_KEYS", "BLUE_EXPORT_KEYS", "BLUE_VAULT_KEYS")
    secrets = {cloud.settings[name] for name in kept}
    logs = {path.name: path.read_text(errors="replace") for path in (cloud_folder / "logs").iterdir()}
    assert "blue.http" in logs["host.log"]
    assert len(PERSONAL) > 10
    found = [(name, value) for name, text in logs.items() for value in PERSONAL | secrets if value in text]
    assert found == []


@pytest.mark.whole_run
def test_errors_and_addresses_hold_nothing_personal() -> None:
    """Neither in a problem document nor in a URL of the whole run."""
    assert len(ANSWERS.problems) > 10
    assert len(ANSWERS.paths) > 10
    found = [(text, value) for text in ANSWERS.problems + ANSWERS.paths for value in PERSONAL if value in text]
    assert found == []
