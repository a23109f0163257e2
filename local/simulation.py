"""Made-up monitors and readings: plausible, and nobody's."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from local.outbox import Reading, timestamp

RESIDENT: Final = "resident@example.org"
MONITOR: Final = {
    "serialNumber": "VEO-2025-000117",
    "family": "MONITOR",
    "type": "VEO",
    "subtype": "WIFI",
    "model": "VEO-XS WIFI",
    "firmwareVersion": "3.2.1",
    "hardwareVersion": "01",
    "macAddress": "02:00:5E:00:01:17",
    "manufacturedAt": "2025-04-17T09:20:47.367Z",
    "region": "ES",
}
"""What the monitor of the walkthrough says about itself."""


def morning(now: datetime) -> list[Reading]:
    """A morning at the door."""
    readings: list[Reading] = [
        {"kind": "call", "outcome": "answered", "durationS": 24},
        {"kind": "door_opening", "accessType": "GENERAL"},
        {"kind": "call", "outcome": "missed"},
        {"kind": "call", "outcome": "auto_on", "durationS": 12},
        {"kind": "door_opening", "accessType": "ZERO"},
    ]
    return [
        reading | {"observedAt": timestamp(now - timedelta(milliseconds=5 - i))} for i, reading in enumerate(readings)
    ]


def usage_reading(chance: random.Random, at: datetime) -> Reading:
    """A call or a door opening."""
    if chance.random() < 0.4:  # noqa: PLR2004  about as many openings as answered calls
        door: Reading = {"kind": "door_opening", "accessType": chance.choice(("GENERAL", "ZERO", "ONE"))}
        return door | {"observedAt": timestamp(at)}
    outcome = chance.choice(("answered", "answered", "missed", "auto_on"))
    call: Reading = {"kind": "call", "observedAt": timestamp(at), "outcome": outcome}
    return call if outcome == "missed" else call | {"durationS": chance.randint(3, 90)}


def monitor_data(number: int) -> dict[str, Any]:
    """What simulated monitor `number` says about itself; the same every time."""
    chance = random.Random(number)  # noqa: S311  nothing is protected by it
    made = datetime(2024, 1, 1, tzinfo=UTC) + timedelta(minutes=chance.randrange(60 * 24 * 600))
    return {
        "serialNumber": f"SIM-{number:08d}",
        "family": "MONITOR",
        "type": "VEO",
        "subtype": "WIFI",
        "model": chance.choice(("VEO-XS WIFI", "VEO-XL WIFI", "MIO WIFI")),
        "firmwareVersion": chance.choice(("3.1.0", "3.2.0", "3.2.1")),
        "hardwareVersion": "01",
        "macAddress": "02:00:5E:" + ":".join(f"{byte:02X}" for byte in (number & 0xFFFFFF).to_bytes(3)),
        "manufacturedAt": timestamp(made),
        "region": chance.choice(("ES", "FR", "PT", "DE")),
    }
