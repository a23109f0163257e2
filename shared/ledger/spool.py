"""What all checkpoints name, put by on disk while the chains are verified, so that memory stays bounded."""

import sqlite3
from typing import Final, Self

from shared.ledger.entries import Head
from shared.ledger.heads import Root

_SCHEMA: Final = """
CREATE TABLE named (subject TEXT, seq INTEGER, hash TEXT, date TEXT, PRIMARY KEY (subject, seq, hash)) WITHOUT ROWID;
CREATE TABLE latest (subject TEXT PRIMARY KEY, seq INTEGER, hash TEXT) WITHOUT ROWID;
CREATE TABLE checkpoints (date TEXT PRIMARY KEY, hash TEXT) WITHOUT ROWID;
"""


class Spool:
    """Heads that checkpoints name, and the root of the latest of each subject."""

    def __init__(self) -> None:
        """Open a database in a file that has no name and is gone when it is closed."""
        self._database = sqlite3.connect("")
        self._database.executescript(_SCHEMA)
        self._root = Root()
        self._entries = 0

    def __enter__(self) -> Self:
        """Nothing more."""
        return self

    def __exit__(self, *_: object) -> None:
        """Remove it."""
        self._database.close()

    def add_checkpoint(self, date: str, digest: str) -> None:
        """Put by that there is a checkpoint."""
        self._database.execute("INSERT INTO checkpoints VALUES (?, ?)", (date, digest))

    def checkpoint(self, date: str) -> str | None:
        """Hash of the checkpoint of a day."""
        found = self._database.execute("SELECT hash FROM checkpoints WHERE date = ?", (date,)).fetchone()
        return str(found[0]) if found else None

    def add(self, head: Head, date: str) -> None:
        """Put by a head that the checkpoint of that day names; days come in their order."""
        known = self._database.execute("SELECT * FROM latest WHERE subject = ?", (head.subject,)).fetchone()
        if known is not None:
            before = Head(*known)
            self._root.remove(before)
            self._entries -= before.seq
        self._root.add(head)
        self._entries += head.seq
        self._database.execute("INSERT OR REPLACE INTO latest VALUES (?, ?, ?)", head)
        self._database.execute("INSERT OR IGNORE INTO named VALUES (?, ?, ?, ?)", (*head, date))

    def sums(self) -> tuple[int, str]:
        """Number of entries and root that follow from everything named so far."""
        return self._entries, self._root.written()

    def take(self, subject: str) -> dict[int, list[tuple[str, str]]]:
        """What is named of a subject, taken out: by number, hash and day."""
        rows = self._database.execute(
            "DELETE FROM named WHERE subject = ? RETURNING seq, hash, date", (subject,)
        ).fetchall()
        taken: dict[int, list[tuple[str, str]]] = {}
        for seq, digest, date in sorted(rows):
            taken.setdefault(seq, []).append((digest, date))
        return taken

    def any_left(self) -> str | None:
        """A subject that was not taken out yet."""
        found = self._database.execute("SELECT MIN(subject) FROM named").fetchone()
        return None if found[0] is None else str(found[0])
