"""`shared/resources.json`: the database, containers and hubs that the service stands on."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Self

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from local.prerequisites import ROOT

FILE: Final = ROOT / "shared" / "resources.json"


class _Named(BaseModel):
    """Read from camelCase; a property that nobody here knows is refused rather than left out."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid", frozen=True)


class CosmosContainer(_Named):
    """One container; the policies are passed on as they are written."""

    id: str
    partition_key: Mapping[str, Any]
    default_ttl: int | None = None
    indexing_policy: Mapping[str, Any] | None = None
    unique_key_policy: Mapping[str, Any] | None = None

    def policies(self) -> dict[str, Any]:
        """What can be changed later, by the client's names."""
        given = self.model_dump(exclude_none=True, by_alias=False)
        return {name: given[name] for name in ("default_ttl", "indexing_policy", "unique_key_policy") if name in given}


class Hub(_Named):
    """One event hub."""

    name: str
    partitions: int
    consumer_groups: list[str]

    @property
    def argument(self) -> str:
        """As `python -m local eventhubs --hub` wants it."""
        return f"{self.name}:{self.partitions}:{','.join(self.consumer_groups)}"


class BlobLifecycle(_Named):
    """After how many days the storage account deletes the blobs of a container."""

    container: str
    delete_after_days: int


class Resources(_Named):
    """Everything that exists before the app starts."""

    database: str
    cosmos_containers: list[CosmosContainer] = Field(min_length=1)
    event_hubs: list[Hub]
    blob_containers: list[str]
    blob_lifecycle: list[BlobLifecycle] = []
    """For the storage account in Azure; Azurite has no lifecycle rules."""

    @classmethod
    def load(cls, file: Path = FILE) -> Self:
        """Read the file."""
        return cls.model_validate(json.loads(file.read_text()))
