"""Verification: recomputes every chain, and holds it against its head and against all checkpoints.

It may run while the ledger is written to: a head is read before its chain, and checkpoints before both.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Final, NamedTuple

from shared.blobs import JOURNAL, Blobs
from shared.cosmos import Container, Item
from shared.keys import KeySet
from shared.ledger.checkpoints import PREFIX, Checkpoint, checkpoint_name, content_hash, heads_in
from shared.ledger.entries import CHAIN, GENESIS, HEAD, SERVICE_SUBJECT, Broken, entry_id, hash_of
from shared.ledger.spool import Spool

CONCURRENT_CHAINS: Final = 16
JOURNAL_SUBJECT: Final = "checkpoint"
"""What a finding names for its subject when it is about a checkpoint; its number is then the day."""

_SUBJECTS: Final = "SELECT DISTINCT c.subject FROM c ORDER BY c.subject"


class Finding(NamedTuple):
    """Something that is not as it was written: of which chain, at which number, and what."""

    subject: str
    seq: int | str
    what: str


async def verify(
    *, ledger: Container, blobs: Blobs, keys: KeySet, subject: str | None = None
) -> AsyncIterator[Finding]:
    """Everything that is wrong with the journal and with all chains, or with the one of a subject."""
    with Spool() as spool:
        async for finding in _checkpoints(spool, blobs=blobs, keys=keys):
            yield finding
        check = _Chains(spool, ledger, blobs)
        async for several in _in_groups(_subjects(ledger, subject)):
            for findings in await asyncio.gather(*(check.findings(one) for one in several)):
                for finding in findings:
                    yield finding
        while subject is None and (missing := spool.any_left()) is not None:
            for finding in await check.findings(missing):
                yield finding


async def _checkpoints(spool: Spool, *, blobs: Blobs, keys: KeySet) -> AsyncIterator[Finding]:
    """Read all checkpoints in their order into the spool; sums are compared until one of them cannot be read."""
    previous, complete = GENESIS, True
    async for name in blobs.names(JOURNAL, PREFIX):
        date = name.removeprefix(PREFIX)
        content = await blobs.read(JOURNAL, name)
        if content is None:
            continue  # gone since it was listed: the next one, or the ledger, misses it
        digest = content_hash(content)
        spool.add_checkpoint(date, digest)
        try:
            opened = Checkpoint.opened(content, keys)
            if opened.date != date:
                yield Finding(JOURNAL_SUBJECT, date, f"it is the checkpoint of {opened.date}")
            if opened.previous != previous:
                complete = False
                yield Finding(JOURNAL_SUBJECT, date, "the checkpoint before it is missing or was altered")
            for part in opened.parts:
                async for head in heads_in(part, blobs=blobs):
                    spool.add(head, date)
            if complete and spool.sums() != (opened.entries, opened.root):
                complete = False
                yield Finding(JOURNAL_SUBJECT, date, "count or root do not follow from the heads named so far")
        except Broken as broken:
            complete = False
            yield Finding(JOURNAL_SUBJECT, date, str(broken))
        previous = digest


async def _subjects(ledger: Container, only: str | None) -> AsyncIterator[str]:
    """Every subject of which anything is stored, sorted; not only those with a head."""
    if only is not None:
        yield only
        return
    async for item in ledger.query(_SUBJECTS):
        yield str(item["subject"])


async def _in_groups(subjects: AsyncIterator[str]) -> AsyncIterator[list[str]]:
    group: list[str] = []
    async for subject in subjects:
        group.append(subject)
        if len(group) == CONCURRENT_CHAINS:
            yield group
            group = []
    if group:
        yield group


class _Chains:
    """Verifies one chain after another against its head and the spool."""

    def __init__(self, spool: Spool, ledger: Container, blobs: Blobs) -> None:
        self._spool = spool
        self._ledger = ledger
        self._blobs = blobs

    async def findings(self, subject: str) -> list[Finding]:
        """All findings of one chain."""
        chain = _Chain(subject, self._spool.take(subject))
        head = await self._ledger.read(subject, HEAD)
        async for entry in self._ledger.query(CHAIN, partition=subject):
            chain.follow(entry)
            if subject == SERVICE_SUBJECT:
                await self._compare_checkpoint(entry, chain)
        chain.compare(head, await self._ledger.read(subject, HEAD))
        return chain.findings

    async def _compare_checkpoint(self, entry: Item, chain: "_Chain") -> None:
        """Whether the checkpoint that an entry names is there; one may have been added since they were listed."""
        match entry:
            case {"action": "checkpoint_signed", "details": {"date": str(date), "hash": str(digest)}}:
                found = self._spool.checkpoint(date)
                if found is None:
                    content = await self._blobs.read(JOURNAL, checkpoint_name(date))
                    found = content_hash(content) if content is not None else None
                if found != digest:
                    what = "is missing" if found is None else "was altered"
                    chain.found(chain.seq, f"the checkpoint of {date} {what}, which this entry names")


class _Chain:
    """One chain while its entries are followed in their order; an item that was tampered with may lack anything."""

    def __init__(self, subject: str, named: dict[int, list[tuple[str, str]]]) -> None:
        self.findings: list[Finding] = []
        self.seq = 0
        self._subject = subject
        self._named = named
        self._previous = GENESIS

    def found(self, seq: int, what: str) -> None:
        self.findings.append(Finding(self._subject, seq, what))

    def follow(self, entry: Item) -> None:
        """Hold the next entry against the one before, its own hash and what checkpoints name at its number."""
        seq = _seq(entry)
        if seq <= self.seq:
            self.found(self.seq, "there is another entry of this number, or one without a number")
            return
        if seq > self.seq + 1:
            self.found(self.seq + 1, "is missing" if seq == self.seq + 2 else f"is missing, and all up to {seq - 1}")
        elif entry.get("previous") != self._previous:
            self.found(seq, "does not follow from the entry before")
        if hash_of(entry) != entry.get("hash") or entry["id"] != entry_id(seq):
            self.found(seq, "was altered")
        for digest, date in self._named.pop(seq, ()):
            if digest != entry.get("hash"):
                self.found(seq, f"is another entry than the checkpoint of {date} names")
        self.seq, self._previous = seq, str(entry.get("hash"))

    def compare(self, before: Item | None, after: Item | None) -> None:
        """Hold the end of the chain against the head as it was before the chain was read, and after."""
        if after is None and not self.seq:
            self._nothing()
            return
        for seq, names in self._named.items():
            self.found(seq, f"is missing, which the checkpoint of {names[0][1]} names")
        if after is None:
            self.found(self.seq, "the head is missing")
        elif before is not None and _seq(before) > self.seq:
            self.found(_seq(before), "is missing, which the head names")
        elif _seq(after) < self.seq:
            self.found(self.seq, f"lies behind the head, which names {_seq(after)}")
        elif _seq(after) == self.seq and after.get("hash") != self._previous:
            self.found(self.seq, "is another entry than the head names")

    def _nothing(self) -> None:
        if self._named:
            last = max(self._named)
            self.found(last, f"the whole chain is missing, which the checkpoint of {self._named[last][0][1]} names")
        else:
            self.found(0, "there are neither entries nor a head")


def _seq(item: Item) -> int:
    value = item.get("seq")
    return value if type(value) is int else 0
