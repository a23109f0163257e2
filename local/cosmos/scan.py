"""Reading many items in the order of their keys, in steps that let other requests in between."""

import asyncio
import sqlite3
from collections.abc import Iterator
from typing import Final, NamedTuple, Self

from local.cosmos.containers import Container

_STEP: Final = 64

_RANGE: Final = """
SELECT epk, id, body FROM documents
WHERE container = ? AND (epk, id) >= (?, ?) AND epk < ? AND (expires IS NULL OR expires > ?) ORDER BY epk, id
"""
_POINT: Final = """
SELECT epk, id, body FROM documents WHERE container = ? AND epk = ? AND id = ? AND (expires IS NULL OR expires > ?)
"""

type Key = tuple[bytes, str]
"""Effective partition key and id: the order of items."""


class Range(NamedTuple):
    """Effective partition keys from `low` on and below `high`."""

    low: bytes
    high: bytes

    @classmethod
    def point(cls, epk: bytes) -> Self:
        """One partition key."""
        return cls(epk, epk + b"\x00")

    @classmethod
    def prefix(cls, epk: bytes) -> Self:
        """All keys that begin with a prefix."""
        return cls(epk, epk + b"\xff")


EVERYTHING: Final = Range(b"", b"\xff")


class Found(NamedTuple):
    """An item of a scan."""

    epk: bytes
    id: str
    body: bytes

    @property
    def key(self) -> Key:
        """Its place in the order."""
        return (self.epk, self.id)


class Scope(NamedTuple):
    """What to read: ranges, or single keys; both sorted."""

    ranges: tuple[Range, ...] = ()
    keys: tuple[Key, ...] = ()


def scan(
    connection: sqlite3.Connection, container: Container, scope: Scope, now: float, since: Key = (b"", "")
) -> Iterator[list[Found]]:
    """All items of a scope from the key `since` on, itself included, step by step."""
    for cursor in _cursors(connection, container.number, scope, now, since):
        while step := cursor.fetchmany(_STEP):
            yield list(map(Found._make, step))


async def give_way(step: list[Found]) -> None:
    """After a step of a long scan, let other requests in."""
    if len(step) == _STEP:
        await asyncio.sleep(0)


def _cursors(
    connection: sqlite3.Connection, number: int, scope: Scope, now: float, since: Key
) -> Iterator[sqlite3.Cursor]:
    for key in scope.keys:
        if key >= since:
            yield connection.execute(_POINT, (number, *key, now))
    for low, high in scope.ranges:
        if since < (high, ""):
            start = max((low, ""), since)
            yield connection.execute(_RANGE, (number, *start, high, now))
