"""The SQLite file: schema, one writing connection, and snapshots for reads that take more than one step.

A write transaction runs without giving way to the event loop, so writes are serialised by construction. In WAL mode a
snapshot sees the state of one moment while writes go on. Commits survive a killed process; power loss may take the
last ones (`synchronous=NORMAL`).
"""

import contextlib
import fcntl
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from local.serving import CannotStart

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS databases (number INTEGER PRIMARY KEY AUTOINCREMENT, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS containers (
  number INTEGER PRIMARY KEY AUTOINCREMENT, database INTEGER NOT NULL, body BLOB NOT NULL,
  throughput INTEGER, autoscale INTEGER
);
CREATE TABLE IF NOT EXISTS deleted_containers (number INTEGER PRIMARY KEY);
CREATE TABLE IF NOT EXISTS sequences (container INTEGER PRIMARY KEY, lsn INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS documents (
  row INTEGER PRIMARY KEY, container INTEGER NOT NULL, epk BLOB NOT NULL, id TEXT NOT NULL, number INTEGER NOT NULL,
  lsn INTEGER NOT NULL, ts INTEGER NOT NULL, ttl INTEGER, expires INTEGER, etag TEXT NOT NULL, body BLOB NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS documents_by_key ON documents (container, epk, id);
CREATE INDEX IF NOT EXISTS documents_by_change ON documents (container, lsn, number, epk);
CREATE INDEX IF NOT EXISTS documents_by_expiry ON documents (expires) WHERE expires IS NOT NULL;
CREATE TABLE IF NOT EXISTS unique_values (
  container INTEGER NOT NULL, epk BLOB NOT NULL, value TEXT NOT NULL,
  row INTEGER NOT NULL REFERENCES documents (row) ON DELETE CASCADE,
  PRIMARY KEY (container, epk, value)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS unique_values_by_row ON unique_values (row);
"""

_SETTINGS: Final = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = {};
PRAGMA wal_autocheckpoint = 4000;
PRAGMA cache_size = -65536;
PRAGMA foreign_keys = ON;
"""


_CHECK: Final = "PRAGMA quick_check(1)"


class UnusableSnapshot(CannotStart):
    """A snapshot cannot be written or read; the message says why."""


class Store:
    """An open data file, or a temporary one that goes with the process when no file is named.

    Raises:
        CannotStart: the file is in use or is no such file.
    """

    def __init__(self, file: Path | None) -> None:
        self._directory = None if file else tempfile.mkdtemp(prefix="cosmos-")
        self._path = file or Path(str(self._directory), "data.sqlite")
        self._durable = file is not None
        self._idle: list[sqlite3.Connection] = []
        self._lock = _lock(self._path)
        try:
            self.connection = self._connect(_SCHEMA)
        except sqlite3.DatabaseError as error:
            os.close(self._lock)
            raise CannotStart(f"cosmos: {self._path} cannot be used as a data file: {error}.") from error

    def _connect(self, script: str = "") -> sqlite3.Connection:
        settings = _SETTINGS.format("NORMAL" if self._durable else "OFF")
        connection = sqlite3.connect(self._path, isolation_level=None, cached_statements=256)
        try:
            connection.executescript(settings + script)
        except sqlite3.DatabaseError:
            connection.close()
            raise
        return connection

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Everything inside is committed together, or nothing is. Never wait inside."""
        self.connection.execute("BEGIN IMMEDIATE")
        try:
            yield self.connection
        except BaseException:
            if self.connection.in_transaction:  # SQLite itself rolls back when the disk is full
                self.connection.execute("ROLLBACK")
            raise
        self.connection.execute("COMMIT")

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[sqlite3.Connection]:
        """A connection that sees the state of one moment for as long as it is held."""
        connection = self._idle.pop() if self._idle else self._connect()
        connection.execute("BEGIN")
        try:
            yield connection
            connection.execute("COMMIT")
        except BaseException:  # a cursor may be left open, and with it an old snapshot
            connection.close()
            raise
        self._idle.append(connection)

    def copy_to(self, file: Path) -> None:
        """Write a copy of everything to a new file.

        Raises:
            UnusableSnapshot: the file is there already or cannot be written.
        """
        partial = file.with_name(f"{file.name}.partial")
        if file.exists():
            raise UnusableSnapshot(f"cosmos: {file} exists already. Choose another name for the snapshot.")
        try:
            partial.unlink(missing_ok=True)
            self.connection.execute("VACUUM INTO ?", (str(partial),))
            partial.rename(file)
        except (OSError, sqlite3.DatabaseError) as error:
            raise UnusableSnapshot(f"cosmos: the snapshot {file} cannot be written: {error}.") from error

    def restore(self, file: Path) -> None:
        """Put the content of a copy in the place of everything.

        Raises:
            UnusableSnapshot: the file is no copy; nothing has changed.
        """
        try:
            with contextlib.closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as source:
                if _tables(source) != _tables(self.connection) or source.execute(_CHECK).fetchone() != ("ok",):
                    raise UnusableSnapshot(f"cosmos: {file} is no snapshot of the local Cosmos DB endpoint.")
                source.backup(self.connection)
        except sqlite3.DatabaseError as error:
            raise UnusableSnapshot(f"cosmos: {file} cannot be used as a snapshot: {error}.") from error

    def close(self) -> None:
        """Close the file; a temporary one is removed."""
        for connection in (*self._idle, self.connection):
            connection.close()
        os.close(self._lock)
        if self._directory:
            shutil.rmtree(self._directory, ignore_errors=True)


def _tables(connection: sqlite3.Connection) -> list[tuple[str, str]]:
    return connection.execute("SELECT name, sql FROM sqlite_master ORDER BY name").fetchall()


def _lock(path: Path) -> int:
    """Make sure that one server uses a file: two would hand out the same sequence numbers."""
    try:
        lock = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise CannotStart(f"cosmos: {path} cannot be opened: {error.strerror}. Choose another with --data.") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(lock)
        raise CannotStart(
            f"cosmos: {path} is in use by another server. End that one, or choose another file with --data."
        ) from error
    return lock
