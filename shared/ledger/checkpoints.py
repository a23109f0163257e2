"""Checkpoints: once a day the service signs where every chain ends, and writes it where nothing can be changed.

Whoever can change the database can recompute a whole chain, or cut it off. What a checkpoint has named they cannot
bring to agree any more. A checkpoint is two lines, the document and its signature; the heads that have moved since the
one before lie beside it in parts that are named by their hash, so that neither writing nor reading holds them all.
"""

import contextlib
import hashlib
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Self

from shared.blobs import JOURNAL, Blobs
from shared.cosmos import Conflict, Container
from shared.keys import KeySet
from shared.ledger.entries import GENESIS, SERVICE_SUBJECT, Broken, Head
from shared.ledger.heads import Root, head_of, line
from shared.ledger.recording import SERVICE, Step, record

FORMAT: Final = "blue-ledger-checkpoint/1"
PREFIX: Final = "ledger/checkpoints/"
_PARTS: Final = "ledger/heads/"
HEADS_PER_PART: Final = 5_000
STORE_CLOCKS_APART_S: Final = 300
"""How far the clocks of two partitions of the store may differ. Heads that moved in this time before the last
checkpoint are named again, which does no harm."""

_HEADS: Final = "SELECT c.subject, c.seq, c.hash, c._ts FROM c WHERE c.type = 'ledgerHead'"


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """What was signed on one day."""

    date: str
    entries: int
    """How many entries all chains have together."""
    root: str
    """The `Root` of all heads. Each is read at some time during the scan: a checkpoint is a bound, not one moment."""
    previous: str
    """SHA-256 of the checkpoint before, as it lies in the journal."""
    begun: int
    """When the scan began, by the store's own clock, in seconds since 1970."""
    parts: tuple[str, ...]
    """SHA-256 of each part with heads that have moved since the checkpoint before."""

    def document(self) -> bytes:
        """The document that is signed."""
        written = {
            "format": FORMAT,
            "date": self.date,
            "entries": self.entries,
            "root": self.root,
            "previous": self.previous,
            "begun": self.begun,
            "parts": self.parts,
        }
        return json.dumps(written, separators=(",", ":"), ensure_ascii=True).encode()

    @classmethod
    def opened(cls, content: bytes, keys: KeySet) -> Self:
        """The checkpoint that lies in the journal.

        Raises:
            Broken: none of our keys has signed it as it is, or it is something else that they have signed.
        """
        document, _, signature = content.partition(b"\n")
        if not keys.verify_detached(document, signature.decode("ascii", "replace").strip()):
            raise Broken("not signed by this service as it is")
        written: Mapping[str, Any] = json.loads(document)
        if written.get("format") != FORMAT:
            raise Broken("signed by this service, but no checkpoint")
        fields = {name: value for name, value in written.items() if name != "format"}
        return cls(**fields | {"parts": tuple(fields["parts"])})


def checkpoint_name(date: str) -> str:
    """Where the checkpoint of a day lies."""
    return f"{PREFIX}{date}"


def content_hash(content: bytes) -> str:
    """The hash by which the next checkpoint, and the ledger itself, name this one."""
    return hashlib.sha256(content).hexdigest()


async def heads_in(part: str, *, blobs: Blobs) -> AsyncIterator[Head]:
    """The heads of a part.

    Raises:
        Broken: it is gone, or has another hash than its name.
    """
    content = await blobs.read(JOURNAL, f"{_PARTS}{part}")
    if content is None:
        raise Broken("a part with heads is missing")
    if hashlib.sha256(content).hexdigest() != part:
        raise Broken("a part with heads was altered")
    for written in content.splitlines():
        yield head_of(written)


async def checkpoint(*, ledger: Container, blobs: Blobs, keys: KeySet, now: datetime) -> str:
    """Sign the checkpoint of the day and return its hash; the same day again changes nothing.

    The ledger records begin and end. The begin gives the store's time before the scan: what moves after it must be in
    the next checkpoint. The end names the checkpoint's hash, so that it is found when the last one is taken away.

    Raises:
        Broken: something lies in the journal under this day that this service has not signed.
    """
    date = now.astimezone(UTC).date().isoformat()
    name = checkpoint_name(date)
    content = await blobs.read(JOURNAL, name)
    if content is None:
        content = await _signed(date, ledger=ledger, blobs=blobs, keys=keys, now=now)
        try:
            await blobs.create(JOURNAL, name, content)
        except Conflict:  # another run was faster: its checkpoint is the one
            content = await blobs.read(JOURNAL, name) or content
    Checkpoint.opened(content, keys)
    digest = content_hash(content)
    details = {"date": date, "hash": digest}
    step = Step(f"checkpoint-{date}", "checkpoint_signed", SERVICE, details)
    await record(SERVICE_SUBJECT, step, ledger=ledger, now=now)
    return digest


async def _signed(date: str, *, ledger: Container, blobs: Blobs, keys: KeySet, now: datetime) -> bytes:
    step = Step(f"checkpoint-{date}", "checkpoint_begun", SERVICE, {"date": date})
    entry = await record(SERVICE_SUBJECT, step, ledger=ledger, now=now)
    stored = await ledger.read(SERVICE_SUBJECT, entry["id"])
    if stored is None:
        raise Broken("an entry that was just recorded is gone")
    previous, moved_since = await _before(date, blobs=blobs, keys=keys)
    parts = _Parts(blobs)
    root, entries = Root(), 0
    async for item in ledger.query(_HEADS):
        head = Head(item["subject"], item["seq"], item["hash"])
        root.add(head)
        entries += head.seq
        if item["_ts"] >= moved_since:
            await parts.add(head)
    signed = Checkpoint(
        date=date,
        entries=entries,
        root=root.written(),
        previous=previous,
        begun=stored["_ts"],
        parts=await parts.finished(),
    )
    document = signed.document()
    return document + b"\n" + keys.sign_detached(document).encode() + b"\n"


async def _before(date: str, *, blobs: Blobs, keys: KeySet) -> tuple[str, int]:
    """Hash of the checkpoint before, and since when heads count as moved; 0, which names all, where there is none."""
    last: str | None = None
    async for name in blobs.names(JOURNAL, PREFIX):
        if name < checkpoint_name(date):
            last = name
    content = await blobs.read(JOURNAL, last) if last else None
    if content is None:
        return GENESIS, 0
    try:
        begun = Checkpoint.opened(content, keys).begun
    except Broken:
        return content_hash(content), 0  # it is linked as it lies there, for the verification to find
    return content_hash(content), begun - STORE_CLOCKS_APART_S


class _Parts:
    """Writes heads to the journal, a part at a time. What a run that was cut off has left is signed by nobody."""

    def __init__(self, blobs: Blobs) -> None:
        """No part yet."""
        self._blobs = blobs
        self._lines: list[bytes] = []
        self._names: list[str] = []

    async def add(self, head: Head) -> None:
        self._lines.append(line(head))
        if len(self._lines) == HEADS_PER_PART:
            await self._write()

    async def finished(self) -> tuple[str, ...]:
        if self._lines:
            await self._write()
        return tuple(self._names)

    async def _write(self) -> None:
        content = b"\n".join(self._lines) + b"\n"
        name = hashlib.sha256(content).hexdigest()
        with contextlib.suppress(Conflict):  # a run that was cut off has written the same
            await self._blobs.create(JOURNAL, f"{_PARTS}{name}", content)
        self._names.append(name)
        self._lines.clear()
