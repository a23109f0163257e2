"""The events of `payloads/poison`: each must be set aside, under its reason, as it came."""

import gzip
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from shared.policy import Policy, Window

FOLDER: Final = Path(__file__).parent / "payloads" / "poison"


ELSEWHERE: Final = "aroundTheGateway"
"""A property of the events that a test puts into the hub itself."""


@dataclass(frozen=True, slots=True)
class Poison:
    """One event that cannot be stored as readings."""

    name: str
    body: bytes
    is_stamped: bool
    reason: str


def _body(path: Path) -> bytes:
    return gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()


POISON: Final = [
    Poison(name, _body(FOLDER / name), told["event"] == "stamped", told["reason"])
    for name, told in json.loads((FOLDER / "index.json").read_text()).items()
]


def stamp(ownership_id: str, policy: Policy) -> dict[str, str]:
    """What the gateway would have written on an event, under a policy that lets everything in since 2020."""
    since = policy.start.replace(year=2020, month=1, day=1)
    windows = {"usage": (Window(since),), "performance": (Window(since),)}
    open_policy = Policy(epoch=policy.epoch, start=since, windows=windows)
    return {
        "ownershipId": ownership_id,
        "policy": json.dumps(open_policy.claims()),
        "receivedAt": "2026-03-01T12:00:31.000Z",
        "clockOffsetS": "0.0",
        "product": '{"model":"VEO-XS WIFI"}',
    }
