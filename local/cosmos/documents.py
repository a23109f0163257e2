"""Rows of items: finding them, and the transaction that writes them under one sequence number.

The stored body is what the client sent plus the service's properties, ready to be sent back without parsing.
"""

import contextlib
import os
import sqlite3
import struct
from collections.abc import Iterator
from typing import Any, Final, NamedTuple, Self

from local.cosmos import values
from local.cosmos.containers import Container, check_ttl, resource_id, unique_values
from local.cosmos.failures import bad_request, conflict, too_large
from local.cosmos.store import Store
from local.cosmos.values import Json

SYSTEM_PROPERTIES: Final = frozenset({"_rid", "_self", "_etag", "_attachments", "_ts"})
"""What the service adds to every item."""

MAX_ITEM_BYTES: Final = 2 * 1024 * 1024

_MAX_ID_BYTES: Final = 1023
_FORBIDDEN_IN_IDS: Final = frozenset("/\\?#")
_ITEMS_PER_LSN: Final = 128

_FIND: Final = """
SELECT row, number, etag, expires, body FROM documents WHERE container = ? AND epk = ? AND id = ?
"""
_INSERT: Final = """
INSERT INTO documents (container, epk, id, number, lsn, ts, ttl, expires, etag, body)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_UPDATE: Final = """
UPDATE documents SET id = ?, lsn = ?, ts = ?, ttl = ?, expires = ?, etag = ?, body = ? WHERE row = ?
"""


class Row(NamedTuple):
    """A stored item. `body` is its JSON with the service's properties."""

    row: int
    number: int
    etag: str
    expires: int | None
    body: bytes

    @property
    def document(self) -> dict[str, Json]:
        """The item without the service's properties."""
        return {name: value for name, value in values.load(self.body).items() if name not in SYSTEM_PROPERTIES}


class Item(NamedTuple):
    """An item to be written: parsed, and as text where it came alone in its request."""

    document: dict[str, Json]
    text: bytes | None = None

    @property
    def id(self) -> str:
        """The item's id."""
        name: str = self.document["id"]
        return name


def parse_item(document: Json, text: bytes | None = None) -> Item:
    """Check what every item must be.

    Raises:
        Failure: it is no object, has no good id, or is too large.
    """
    if not isinstance(document, dict):
        raise bad_request("The item must be a JSON object.")
    name = document.get("id")
    if not isinstance(name, str) or not name:
        raise bad_request("The input content is invalid because the required properties - 'id; ' - are missing.")
    if not _FORBIDDEN_IN_IDS.isdisjoint(name) or len(name.encode("utf-8", "surrogatepass")) > _MAX_ID_BYTES:
        raise bad_request(f"The id of an item must not contain / \\ ? # nor be longer than {_MAX_ID_BYTES} bytes.")
    return Item(document, text)


def find(connection: sqlite3.Connection, container: Container, epk: bytes, name: str, now: float) -> Row | None:
    """The item with this key and id, unless it has expired."""
    found = connection.execute(_FIND, (container.number, epk, name)).fetchone()
    if found is None or (found[3] is not None and found[3] <= now):
        return None
    return Row._make(found)


class Writing:
    """A transaction on one container. All that it writes has one sequence number (LSN) and one time."""

    def __init__(self, store: Store, container: Container, now: float) -> None:
        self.container = container
        self.now = now
        self._connection = store.connection
        self._lsn = container.lsn + 1
        self._written = 0
        self._salt = os.urandom(8).hex()

    @classmethod
    @contextlib.contextmanager
    def begin(cls, store: Store, container: Container, now: float) -> Iterator[Self]:
        """Write inside the block; leaving it by an exception undoes everything."""
        with store.transaction():
            writing = cls(store, container, now)
            yield writing
            if writing._written:
                writing._connection.execute(
                    "INSERT OR REPLACE INTO sequences (container, lsn) VALUES (?, ?)", (container.number, writing._lsn)
                )
        if writing._written:
            container.lsn = writing._lsn

    def find(self, epk: bytes, name: str) -> Row | None:
        """The item with this key and id. One that has expired but is still stored is cleared away first."""
        found = self._connection.execute(_FIND, (self.container.number, epk, name)).fetchone()
        if found is None:
            return None
        if found[3] is not None and found[3] <= self.now:
            self._connection.execute("DELETE FROM documents WHERE row = ?", (found[0],))
            return None
        return Row._make(found)

    def insert(self, epk: bytes, item: Item) -> tuple[str, bytes]:
        """Store a new item; its ETag and stored body.

        Raises:
            Failure: there is one with this key and id.
        """
        number = self._lsn * _ITEMS_PER_LSN + self._written
        etag, body, ttl, expires = self._compose(item, number)
        row = (self.container.number, epk, item.id, number, self._lsn, int(self.now), ttl, expires, etag, body)
        try:
            cursor = self._connection.execute(_INSERT, row)
        except sqlite3.IntegrityError:
            if self.find(epk, item.id):
                raise conflict() from None
            cursor = self._connection.execute(_INSERT, row)  # the one in the way had expired
        self._keep_unique(epk, item, cursor.lastrowid)
        return etag, body

    def update(self, epk: bytes, old: Row, item: Item) -> tuple[str, bytes]:
        """Store an item in another's place; its ETag and stored body."""
        etag, body, ttl, expires = self._compose(item, old.number)
        if self.container.unique_keys:
            self._connection.execute("DELETE FROM unique_values WHERE row = ?", (old.row,))
        self._connection.execute(_UPDATE, (item.id, self._lsn, int(self.now), ttl, expires, etag, body, old.row))
        self._keep_unique(epk, item, old.row)
        return etag, body

    def remove(self, old: Row) -> None:
        """Delete an item."""
        self._written += 1
        self._connection.execute("DELETE FROM documents WHERE row = ?", (old.row,))

    def remove_partition(self, epk: bytes) -> None:
        """Delete all items of one partition key."""
        self._written += 1
        self._connection.execute("DELETE FROM documents WHERE container = ? AND epk = ?", (self.container.number, epk))

    def _compose(self, item: Item, number: int) -> tuple[str, bytes, int | None, int | None]:
        ttl = _ttl(item, self.container)
        lifetime = self.container.lifetime(ttl)
        etag = f'"{self._lsn & 0xFFFF_FFFF:08x}-{self._written:04x}-{self._salt[:4]}-{self._salt[4:]}"'
        self._written += 1
        body = _stored(item, self.container, number, etag, int(self.now))
        return etag, body, ttl, None if lifetime is None else int(self.now) + lifetime

    def _keep_unique(self, epk: bytes, item: Item, row: int | None) -> None:
        for value in unique_values(self.container, item.document) if self.container.unique_keys else ():
            try:
                self._claim(epk, value, row)
            except sqlite3.IntegrityError:
                raise conflict("Unique index constraint violation.") from None

    def _claim(self, epk: bytes, value: str, row: int | None) -> None:
        place = (self.container.number, epk, value)
        self._connection.execute(
            "DELETE FROM documents WHERE expires <= ? AND row = "
            "(SELECT row FROM unique_values WHERE container = ? AND epk = ? AND value = ?)",
            (self.now, *place),
        )
        self._connection.execute("INSERT INTO unique_values VALUES (?, ?, ?, ?)", (*place, row))


def _ttl(item: Item, container: Container) -> int | None:
    """The item's own time to live: checked where it counts, and kept where a later default may make it count."""
    ttl = item.document.get("ttl")
    if container.default_ttl is not None:
        return check_ttl(ttl, "ttl")
    return ttl if type(ttl) is int and (ttl > 0 or ttl == -1) else None


def _stored(item: Item, container: Container, number: int, etag: str, ts: int) -> bytes:
    """The item's text with the service's properties at its end."""
    document = item.document
    if not SYSTEM_PROPERTIES.isdisjoint(document):
        document = {name: value for name, value in document.items() if name not in SYSTEM_PROPERTIES}
        text = values.dump(document)
    else:
        text = item.text or values.dump(document)
    if len(text) > MAX_ITEM_BYTES:
        raise too_large()
    rid = resource_id(container.rid_prefix, struct.pack("<Q", number))
    system = (
        f',"_rid":"{rid}","_self":"{container.self_link}docs/{rid}/","_etag":"\\{etag[:-1]}\\"",'
        f'"_attachments":"attachments/","_ts":{ts}}}'
    )
    return text.rstrip()[:-1] + system.encode()


def load_stored(body: bytes) -> dict[str, Any]:
    """Parse a stored body."""
    document: dict[str, Any] = values.load(body)
    return document
