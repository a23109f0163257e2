"""Partition keys: their definition, their values, and the effective partition key (EPK) that values hash to.

Items are stored under their EPK, so a partition, a prefix of a hierarchical key and a feed range are all ranges of
bytes. EPKs equal those that the official clients compute.
"""

import functools
import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

from local.cosmos import values
from local.cosmos.failures import Failure, Substatus, bad_request, unsupported
from local.cosmos.murmur import murmur3_128
from local.cosmos.values import UNDEFINED, Json

COMPONENT_BYTES: Final = 16
"""Length of the EPK of one component."""

_MAX_COMPONENTS: Final = 3
_MAX_VALUE_BYTES: Final = 2048
_VERSION: Final = 2

_MISMATCH: Final = (
    "Partition key provided either doesn't correspond to definition in the collection or "
    "doesn't match partition key field values specified in the document."
)


@functools.lru_cache(maxsize=65536, typed=True)
def component_epk(value: Json) -> bytes:
    """The 16 bytes that one partition key value hashes to."""
    low, high = murmur3_128(_for_hashing(value))
    hashed = bytearray(high.to_bytes(8, "big") + low.to_bytes(8, "big"))
    hashed[0] &= 0x3F  # keeps every EPK below the exclusive end of all ranges, FF
    return bytes(hashed)


def _for_hashing(value: Json) -> bytes:
    if value is UNDEFINED:
        return b"\x00"
    if value is None:
        return b"\x01"
    if isinstance(value, bool):
        return b"\x03" if value else b"\x02"
    if isinstance(value, int | float):
        return b"\x05" + struct.pack("<d", float(value))
    return b"\x08" + str(value).encode("utf-8", "surrogatepass") + b"\xff"


def parse_path(path: str) -> tuple[str, ...]:
    """The property names of a path such as `/address/city` or `/"odd name"`.

    Raises:
        Failure: it is no such path, or it goes through arrays.
    """
    names = tuple(part.strip('"') for part in path.split("/")[1:])
    if not path.startswith("/") or not all(names):
        raise bad_request(f"The path '{path}' is not a path of property names that starts with '/'.")
    if "[]" in names or "*" in names:
        raise bad_request(f"The path '{path}' must name single properties.")
    return names


@dataclass(frozen=True)
class PartitionKey:
    """How a container's items are partitioned."""

    paths: tuple[tuple[str, ...], ...]

    @classmethod
    def parse(cls, definition: Any) -> Self:
        """Read a container's `partitionKey`.

        Raises:
            Failure: it is missing, wrong, or of a kind or version not supported.
        """
        if not isinstance(definition, dict) or not isinstance(definition.get("paths"), list):
            raise bad_request("The container needs a partitionKey with paths.")
        if definition.get("version", _VERSION) != _VERSION:
            raise unsupported(f"Partition key version {definition['version']}")
        if definition.get("kind", "Hash") not in ("Hash", "MultiHash"):
            raise unsupported(f"Partition key kind '{definition['kind']}'")
        paths = tuple(parse_path(str(path)) for path in definition["paths"])
        limit = _MAX_COMPONENTS if definition.get("kind") == "MultiHash" else 1
        if not 1 <= len(paths) <= limit:
            raise bad_request(f"A partition key of this kind has 1 to {limit} paths, not {len(paths)}.")
        return cls(paths)

    def of(self, document: dict[str, Json]) -> bytes:
        """The EPK of a document, from the values at the key's paths.

        Raises:
            Failure: a value is no string, number, boolean or null.
        """
        if len(self.paths) == 1:
            return _epk_of(values.dig(document, self.paths[0]))
        return b"".join(_epk_of(values.dig(document, path)) for path in self.paths)

    def epk(self, key: Sequence[Json]) -> bytes:
        """The EPK of key values; fewer values than paths make the prefix that all longer keys start with."""
        return b"".join(map(_epk_of, key))

    def parse_header(self, header: str) -> bytes:
        """The EPK of a full key, sent as a JSON array in `x-ms-documentdb-partitionkey`."""
        epk = self.parse_prefix(header)
        if len(epk) != COMPONENT_BYTES * len(self.paths):
            raise mismatch()
        return epk

    def parse_prefix(self, header: str) -> bytes:
        """The EPK of a key or of a prefix of a hierarchical key."""
        epk = _header_epk(header)
        if not epk or len(epk) > COMPONENT_BYTES * len(self.paths):
            raise mismatch()
        return epk


def mismatch() -> Failure:
    """The key in the header is not the one that the definition or the document asks for."""
    return bad_request(_MISMATCH, substatus=Substatus.PARTITION_KEY_MISMATCH)


@functools.lru_cache(maxsize=4096)
def _header_epk(header: str) -> bytes:
    try:
        key = values.load(header.encode())
    except ValueError:
        raise bad_request(f"Partition key {header} is invalid.") from None
    if not isinstance(key, list):
        raise bad_request(f"Partition key {header} is invalid.")
    return b"".join(_epk_of(UNDEFINED if value == {} else value) for value in key)


def _epk_of(value: Json) -> bytes:
    if isinstance(value, list | dict):
        raise bad_request("A partition key value must be a string, a number, a boolean or null.")
    if isinstance(value, str) and len(value.encode("utf-8", "surrogatepass")) > _MAX_VALUE_BYTES:
        raise bad_request(f"A partition key value must not be longer than {_MAX_VALUE_BYTES} bytes.")
    if isinstance(value, int | float) and not _hashable(value):
        raise bad_request("A partition key value must be a number that is neither minus zero nor beyond all doubles.")
    return component_epk(value)


def _hashable(value: float) -> bool:
    """Minus zero equals zero but hashes apart from it, so nothing sure could be said about where its items are."""
    try:
        return math.isfinite(value) and not (value == 0 and math.copysign(1, value) < 0)
    except OverflowError:  # an integer that no double can hold
        return False
