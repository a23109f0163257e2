"""What is kept of an event that is set aside: its id, and the properties without which it could not be replayed."""

import hashlib
import re
from collections.abc import Mapping
from typing import Any, Final

from shared.data_map import HUBS

REPLAY_OF: Final = "replayOf"
"""The property that a replay has: the id under which the event was set aside."""

EVENT_ID: Final = r"^malformed:[0-9]{1,4}:[0-9]{1,19}:[0-9a-f]{16}$"

PROPERTY_LIMIT: Final = 16 * 1024
"""Longest property that is kept; those that the gateway stamps are far shorter."""


def id_of(body: bytes, properties: Mapping[str, Any], partition: str, sequence_number: int) -> str:
    """The id of an event in quarantine: its place in the hub, and its hash.

    Sequence numbers begin again when a hub is made anew: the hash keeps such events apart. A replay keeps its first id,
    so that it is set aside once however often it is tried; but only with the same body, for nobody may name another's.
    """
    digest = hashlib.sha256(body).hexdigest()[:16]
    first = properties.get(REPLAY_OF)
    if isinstance(first, str) and re.fullmatch(EVENT_ID, first) and first.endswith(f":{digest}"):
        return first
    return f"malformed:{partition}:{sequence_number}:{digest}"


def partition_of(event_id: str) -> str:
    """The partition of the quarantine that an event lies in, should it belong to nobody."""
    return f"telemetry/{event_id.split(':')[1]}"


def properties_of(properties: Mapping[str, Any]) -> tuple[dict[str, str], bool]:
    """The properties that the gateway stamps, and whether all of them could be kept. Others are dropped."""
    stamped = {
        name: value
        for name, value in properties.items()
        if name in HUBS["telemetry"].properties and name != REPLAY_OF and isinstance(value, str)
    }
    kept = {name: value for name, value in stamped.items() if len(value) <= PROPERTY_LIMIT}
    return kept, len(kept) == len(stamped)
