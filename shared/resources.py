"""What infrastructure must provide, derived from the data map: `python -m shared.resources` writes `resources.json`.

Local start-up and Bicep both read that file. The app itself never creates a container: its data-plane role cannot.
"""

import json
from pathlib import Path
from typing import Any, Final

from shared.blobs import EXPORTS, JOURNAL, VAULT, VAULT_KEYS
from shared.data_map import BLOBS, CONTAINERS, Container
from shared.hubs import JOBS_HUB, TELEMETRY_HUB

RESOURCES: Final = Path(__file__).with_name("resources.json")
DATABASE: Final = "blue"
HUB_PARTITIONS: Final = {TELEMETRY_HUB: 4, JOBS_HUB: 2}
TTL_PER_ITEM: Final = -1
"""Cosmos DB: items expire by their own `ttl`, and those without it never."""


def resources() -> dict[str, Any]:
    """The definitions of database, containers, hubs and blob containers."""
    return {
        "database": DATABASE,
        "cosmosContainers": [_container(name, container) for name, container in CONTAINERS.items()],
        "eventHubs": [
            {"name": hub, "partitions": partitions, "consumerGroups": ["$Default"]}
            for hub, partitions in HUB_PARTITIONS.items()
        ],
        "blobContainers": [EXPORTS, JOURNAL, VAULT, VAULT_KEYS],
        "blobLifecycle": [
            {"container": name, "deleteAfterDays": place.lapse.days}
            for name, place in BLOBS.items()
            if place.lapse is not None
        ],
    }


def _container(name: str, container: Container) -> dict[str, Any]:
    """Nothing is indexed but what a query filters or orders by: indexing is most of the price of a write."""
    return {
        "id": name,
        "partitionKey": {"paths": [f"/{container.partition_key}"], "kind": "Hash", "version": 2},
        "defaultTtl": TTL_PER_ITEM,
        "indexingPolicy": {
            "indexingMode": "consistent",
            "automatic": True,
            "includedPaths": [{"path": f"/{path}/?"} for path in container.indexed],
            "excludedPaths": [{"path": "/*"}, {"path": '/"_etag"/?'}],
        },
    }


def written() -> str:
    """The definitions as the file holds them."""
    return json.dumps(resources(), indent=2) + "\n"


if __name__ == "__main__":
    RESOURCES.write_text(written(), encoding="utf-8")
