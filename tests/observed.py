"""What the whole test run stored, and which errors it reached: held against data map and catalogue at the very end.

The tests that need no cloud run in several processes. Each of them leaves what it has seen in the folder that
`OBSERVED` names, and the run through every protocol, which comes last, reads it there.
"""

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from export_user_data.documents.schemas import all_schemas, of_record
from shared import data_map
from shared.cosmos import Database
from shared.errors import Problem


@dataclass(slots=True)
class Observed:
    """Per container and record the fields that were ever stored, and every error that the service came to."""

    fields: dict[tuple[str, str], set[str]] = field(default_factory=dict)
    codes: set[str] = field(default_factory=set)
    misdescribed: set[str] = field(default_factory=set)
    """Sentences on fields that are stored in another form than their published schema says."""

    def item(self, container: str, item: Mapping[str, Any]) -> None:
        """Note one stored item."""
        own = {name for name in item if not name.startswith("_")} - data_map.ENVELOPE_FIELDS
        self.fields.setdefault((container, str(item.get("type"))), set()).update(own)
        self.misdescribed |= misdescribed(container, item)

    async def database(self, database: Database) -> None:
        """Note everything that a database holds."""
        for container in data_map.CONTAINERS:
            async for item in database[container].query("SELECT * FROM c"):
                self.item(container, item)

    def leave(self, folder: Path, process: str) -> None:
        """Let another process know."""
        fields = [[*record, sorted(names)] for record, names in self.fields.items()]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{process}.json").write_text(
            json.dumps({"fields": fields, "codes": sorted(self.codes), "misdescribed": sorted(self.misdescribed)})
        )

    def find(self, folder: Path) -> None:
        """Learn what other processes have left."""
        for file in folder.glob("*.json"):
            left = json.loads(file.read_text())
            self.codes.update(left["codes"])
            self.misdescribed.update(left["misdescribed"])
            for container, record, names in left["fields"]:
                self.fields.setdefault((container, record), set()).update(names)

    def undeclared(self) -> list[str]:
        """What was stored and is not in the map, as sentences."""
        return [
            f"Container '{container}', record '{record}': field '{name}' is stored and not declared. "
            "Declare it in shared/data_map/containers/ with its purpose, or do not store it."
            for (container, record), names in sorted(self.fields.items())
            for name in sorted(names - _declared(container, record))
        ]

    def never_stored(self) -> list[str]:
        """What is in the map and was never stored, as sentences."""
        return [
            f"Container '{container}', record '{record}': field '{name}' is declared and was never stored by the "
            "whole test run. Test what stores it, or take it out of shared/data_map/containers/."
            for container, definition in data_map.CONTAINERS.items()
            for record, declared in definition.records.items()
            for name in sorted(declared.fields.keys() - self.fields.get((container, record), set()))
        ]


@cache
def _validator(container: str, record: str) -> Any:
    described = all_schemas().get(of_record(container, record))
    return Draft202012Validator(described) if described is not None else None


def misdescribed(container: str, item: Mapping[str, Any]) -> set[str]:
    """Where an item is not as its published schema says, as sentences without its values."""
    record = str(item.get("type"))
    validator = _validator(container, record)
    known = data_map.CONTAINERS[container].records.get(record)
    if validator is None or known is None:
        return set()
    exported = {name: value for name, value in item.items() if name in known.fields and known.fields[name].exported}
    return {
        f"Container '{container}', record '{record}': field '{'/'.join(map(str, fault.absolute_path))}' breaks the "
        f"rule '{fault.validator}' of its schema. See _TYPES in export_user_data/documents/schemas.py."
        for fault in validator.iter_errors(exported)
    }


def _declared(container: str, record: str) -> set[str]:
    known = data_map.CONTAINERS[container].records.get(record)
    return set(known.fields) if known else set()


OBSERVED = Observed()
FOLDER = Path(os.environ["OBSERVED"]) if "OBSERVED" in os.environ else None


PRODUCT = {"register_device", "ingest_telemetry", "export_user_data", "shared"}

_made = Problem.__init__


def _noted(self: Problem, code: str, **details: Any) -> None:
    """Note the code of a problem that the service makes; one that a test or a double makes says nothing."""
    _made(self, code, **details)
    if str(sys._getframe(1).f_globals["__name__"]).partition(".")[0] in PRODUCT:
        OBSERVED.codes.add(code)


Problem.__init__ = _noted  # type: ignore[method-assign]  # for the whole run
