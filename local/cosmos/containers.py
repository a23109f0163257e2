"""A container: its definition as clients see it, and what the endpoint derives from it."""

import base64
import struct
from typing import Any, Final

from local.cosmos import values
from local.cosmos.failures import bad_request, unsupported
from local.cosmos.indexing import DEFAULT_POLICY, IndexingPolicy
from local.cosmos.partition_key import PartitionKey, parse_path
from local.cosmos.values import Json

_UNSUPPORTED: Final = ("computedProperties", "vectorEmbeddingPolicy", "fullTextPolicy", "clientEncryptionPolicy")
_UNSUPPORTED_TTLS: Final = ("analyticalStorageTtl", "changeFeedPolicy")
_FORBIDDEN_IN_IDS: Final = frozenset("/\\?#")
_MAX_RESOURCE_ID: Final = 255
_CONTAINER_BIT: Final = 0x80


def resource_id(*parts: bytes) -> str:
    """A `_rid`: the numbers of a resource and of what contains it."""
    return base64.b64encode(b"".join(parts)).decode().replace("/", "-")


def database_bytes(number: int) -> bytes:
    """A database's part of a `_rid`."""
    return struct.pack(">I", number)


def container_bytes(number: int) -> bytes:
    """A container's part of a `_rid`."""
    packed = bytearray(struct.pack(">I", number))
    packed[0] |= _CONTAINER_BIT
    return bytes(packed)


def check_id(body: Json) -> str:
    """The `id` of a database or container.

    Raises:
        Failure: it is missing, too long or has characters that no path can carry.
    """
    name = body.get("id") if isinstance(body, dict) else None
    if not isinstance(name, str) or not name or name != name.rstrip():
        raise bad_request("The resource needs an id: a string that is not empty and has no space at its end.")
    if not _FORBIDDEN_IN_IDS.isdisjoint(name) or not name.isprintable() or len(name) > _MAX_RESOURCE_ID:
        raise bad_request(f"The id must not contain / \\ ? # nor be longer than {_MAX_RESOURCE_ID} characters.")
    return name


def check_ttl(ttl: Json, name: str) -> int | None:
    """A time to live in seconds, -1 for never, None when there is none.

    Raises:
        Failure: it is something else.
    """
    if ttl is None:
        return None
    if type(ttl) is not int or (ttl <= 0 and ttl != -1):
        raise bad_request(f"The input {name} '{ttl}' is invalid. Provide a nonzero positive integer or -1.")
    return ttl


class Container:
    """A container in use. `lsn` is the number of its last change."""

    def __init__(self, number: int, database: str, body: dict[str, Any], lsn: int) -> None:
        self.number = number
        self.database = database
        self.lsn = lsn
        self.throughput: int | None = None
        self.autoscale: int | None = None
        self.define(body)

    def define(self, body: dict[str, Any]) -> None:
        """Take a new definition."""
        self.body = body
        self.id: str = body["id"]
        self.rid: str = body["_rid"]
        self.self_link: str = body["_self"]
        self.rid_prefix = base64.b64decode(self.rid.replace("-", "/"))
        self.partition_key = PartitionKey.parse(body["partitionKey"])
        self.indexing = IndexingPolicy(body["indexingPolicy"])
        self.default_ttl = check_ttl(body.get("defaultTtl"), "defaultTtl")
        self.unique_keys = _unique_keys(body)
        self.paths = {
            "x-ms-alt-content-path": f"dbs/{self.database}/colls/{self.id}",
            "x-ms-content-path": self.rid,
            "x-ms-documentdb-partitionkeyrangeid": "0",
        }

    def lifetime(self, ttl: int | None) -> int | None:
        """For how many seconds an item with this `ttl` of its own lives; None for ever."""
        if self.default_ttl is None:
            return None
        effective = self.default_ttl if ttl is None else ttl
        return None if effective < 0 else effective


def definition(body: Json) -> dict[str, Any]:
    """A definition as sent, completed with the service's defaults.

    Raises:
        Failure: it asks for something that is wrong or not supported.
    """
    check_id(body)
    for name in (*_UNSUPPORTED, *_UNSUPPORTED_TTLS):
        if body.get(name):
            raise unsupported(f"Container property '{name}'")
    PartitionKey.parse(body.get("partitionKey"))
    policy = {**DEFAULT_POLICY, **_object(body, "indexingPolicy")}
    IndexingPolicy(policy)
    _unique_keys(body)
    check_ttl(body.get("defaultTtl"), "defaultTtl")
    return {
        "conflictResolutionPolicy": {
            "mode": "LastWriterWins",
            "conflictResolutionPath": "/_ts",
            "conflictResolutionProcedure": "",
        },
        "geospatialConfig": {"type": "Geography"},
        **body,
        "indexingPolicy": policy,
        "partitionKey": {"kind": "Hash", "version": 2, **body["partitionKey"]},
    }


def _object(body: dict[str, Any], name: str) -> dict[str, Any]:
    found = body.get(name)
    if not isinstance(found, dict | None):
        raise bad_request(f"Property '{name}' of a container must be an object.")
    return found or {}


def _unique_keys(body: dict[str, Any]) -> tuple[tuple[tuple[str, ...], ...], ...]:
    keys = _object(body, "uniqueKeyPolicy").get("uniqueKeys") or ()
    try:
        return tuple(tuple(parse_path(str(path)) for path in key["paths"]) for key in keys)
    except (TypeError, KeyError):
        raise bad_request("The uniqueKeyPolicy must have a list of uniqueKeys with paths.") from None


def unique_values(container: Container, document: dict[str, Json]) -> list[str]:
    """The values of a document that no other item of its partition may have; what is missing counts as null."""
    found: list[str] = []
    for place, paths in enumerate(container.unique_keys):
        key = [None if (value := values.dig(document, path)) is values.UNDEFINED else value for path in paths]
        found.append(f"{place}:{values.canonical(key)}")
    return found
