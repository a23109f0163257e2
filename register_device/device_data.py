"""What a device says of itself: the names that makers give it, and what is kept.

A device must be able to register whatever its firmware sends beside what we know: what is not declared is dropped and
counted, and so is a technical value that cannot be true. Null means that the device does not know.
"""

import math
from collections.abc import Mapping
from typing import Any, Final

from shared.data_map import TECHNICAL, ReadingField

TECHNICAL_TEXT_LIMIT: Final = 120

NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "serialNumber": ("serialNumber", "sn"),
    "family": ("family",),
    "type": ("type",),
    "subtype": ("subtype",),
    "model": ("model",),
    "firmwareVersion": ("firmwareVersion", "versionSW", "fwVersion", "firmware"),
    "hardwareVersion": ("hardwareVersion", "versionHW", "hwVersion", "hardwareRevision"),
    "macAddress": ("macAddress", "wifiMac", "lanMac"),
    "region": ("region", "countryIso2", "countryGPRS"),
    "manufacturedAt": ("manufacturedAt", "manufacturingDate"),
}
"""Declared names, and those that makers' devices use for the same; the first that has a value counts."""

TECHNICAL_NAMES: Final[Mapping[str, str]] = {
    "firmwareBuild": "build",
    "firmware_revision": "firmwareRevision",
    "os": "operatingSystem",
}


def understood(said: Mapping[str, Any]) -> dict[str, Any]:
    """What is declared of a device's data, under the declared names; `ignoredFields` counts what is dropped."""
    known: dict[str, Any] = {}
    for declared, names in NAMES.items():
        values = [said[name] for name in names if said.get(name) is not None and said[name] != ""]
        if values:
            known[declared] = _text_of_version(values[0]) if declared.endswith("Version") else values[0]
    technical, ignored = _technical(said)
    if technical:
        known["technical"] = technical
    spoken = {name for names in NAMES.values() for name in names}
    others = [name for name, value in said.items() if name not in spoken and value is not None]
    ignored += sum(1 for name in others if name != "technical" and TECHNICAL_NAMES.get(name, name) not in TECHNICAL)
    return known | {"ignoredFields": ignored}


def _text_of_version(value: Any) -> Any:
    """Some makers number their hardware."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _technical(said: Mapping[str, Any]) -> tuple[dict[str, Any], int]:
    """Technical values that are declared and plausible, and how many are not."""
    kept: dict[str, Any] = {}
    ignored = 0
    nested = said.get("technical")
    ignored += nested is not None and not isinstance(nested, dict)
    for source in (said, nested if isinstance(nested, dict) else {}):
        for name, value in source.items():
            declared = TECHNICAL_NAMES.get(name, name)
            if declared not in TECHNICAL:
                ignored += source is nested
                continue
            if value is None:
                continue
            if _plausible(TECHNICAL[declared], value):
                kept[declared] = value
            else:
                ignored += 1
    return kept, ignored


def _plausible(field: ReadingField, value: Any) -> bool:
    if field.type == "flag":
        return isinstance(value, bool)
    if field.type == "text":
        return isinstance(value, str) and len(value) <= TECHNICAL_TEXT_LIMIT
    if isinstance(value, bool) or not isinstance(value, int if field.type == "integer" else int | float):
        return False
    low = field.minimum if field.minimum is not None else -math.inf
    high = field.maximum if field.maximum is not None else math.inf
    return low <= value <= high  # NaN as well
