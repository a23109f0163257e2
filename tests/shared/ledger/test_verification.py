"""Verification: whatever somebody does to the ledger or its checkpoints with the rights to change both, it is found."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from local.cosmos.server import CosmosServer
from shared.__main__ import main
from shared.blobs import JOURNAL, Blobs
from shared.cosmos import Container, Database, Item, declared
from shared.keys import KeySet
from shared.ledger import SERVICE_SUBJECT, THE_PERSON, Step, record
from shared.ledger.checkpoints import Checkpoint, checkpoint, checkpoint_name
from shared.ledger.entries import CHAIN, GENESIS, entry_id, hash_of
from shared.ledger.verification import Finding, verify
from tests.conftest import SettableClock
from tests.keys import signing_jwks, symmetric_jwks

pytestmark = pytest.mark.wire

MARIA, JORDI = "a" * 32, "b" * 32


class Book:
    """A ledger with its journal, in the hands of somebody who may change both behind the service's back."""

    def __init__(self, ledger: Container, blobs: Blobs, keys: KeySet, clock: SettableClock) -> None:
        self.ledger = ledger
        self.blobs = blobs
        self.keys = keys
        self.clock = clock
        self._written = 0

    async def write(self, subject: str, entries: int) -> None:
        for _ in range(entries):
            self._written += 1
            step = Step(f"request-{self._written}", "export_ready", THE_PERSON, {"exportId": f"{self._written:032}"})
            await record(subject, step, ledger=self.ledger, now=self.clock())

    async def sign(self) -> str:
        """The checkpoint of the next day; returns which."""
        self.clock.forward(days=1)
        await checkpoint(ledger=self.ledger, blobs=self.blobs, keys=self.keys, now=self.clock())
        return self.clock().date().isoformat()

    async def findings(self, subject: str | None = None) -> list[Finding]:
        found = verify(ledger=self.ledger, blobs=self.blobs, keys=self.keys, subject=subject)
        return [finding async for finding in found]

    async def entry(self, seq: int) -> Item:
        entry = await self.ledger.read(MARIA, entry_id(seq))
        assert entry is not None
        return declared(entry)

    async def put(self, item: Item) -> None:
        await self.ledger._proxy.upsert_item(item)

    async def remove(self, *item_ids: str, subject: str = MARIA) -> None:
        for item_id in item_ids:
            await self.ledger._proxy.delete_item(item_id, subject)

    async def cut(self, after: int, *, head: bool = False) -> None:
        """Take away everything of the chain after an entry; with the head put back nothing in the database tells."""
        async for entry in self.ledger.query(CHAIN, partition=MARIA):
            if entry["seq"] > after:
                await self.remove(entry["id"], f"step:{entry['requestId']}:{entry['step']}")
        if head:
            last = await self.entry(after)
            await self.put({"id": "head", "type": "ledgerHead", "subject": MARIA, "seq": after, "hash": last["hash"]})

    async def burn(self) -> None:
        """Take away everything of a subject."""
        items = [item["id"] async for item in self.ledger.query("SELECT c.id FROM c", partition=MARIA)]
        await self.remove(*items)

    async def replace_checkpoint(self, date: str, content: bytes) -> None:
        await self.blobs.delete(JOURNAL, checkpoint_name(date))
        await self.blobs.create(JOURNAL, checkpoint_name(date), content)

    async def checkpoint(self, date: str) -> bytes:
        content = await self.blobs.read(JOURNAL, checkpoint_name(date))
        assert content is not None
        return content


@pytest.fixture
async def book(database: Database, blobs: Blobs, export_keys: KeySet, clock: SettableClock) -> AsyncIterator[Book]:
    """Two people with five and three entries. What this service would never write is gone again afterwards."""
    opened = Book(database["ledger"], blobs, export_keys, clock)
    await opened.write(MARIA, 5)
    await opened.write(JORDI, 3)
    yield opened
    strange = "SELECT c.id FROM c WHERE IS_DEFINED(c.seq) AND NOT IS_NUMBER(c.seq)"
    await opened.remove(*[item["id"] async for item in opened.ledger.query(strange, partition=MARIA)])


async def test_a_ledger_that_nobody_touched_is_whole(book: Book) -> None:
    """Without a checkpoint, with one, and with more entries and people after it, day after day."""
    assert await book.findings() == []
    for _ in range(3):
        await book.sign()
        await book.write(MARIA, 2)
        await book.write(f"{book.clock().day:032}", 1)
        assert await book.findings() == []


async def test_an_empty_ledger_is_whole(database: Database, blobs: Blobs, export_keys: KeySet) -> None:
    """Before anything was recorded."""
    found = verify(ledger=database["ledger"], blobs=blobs, keys=export_keys)
    assert [finding async for finding in found] == []


async def test_it_is_whole_while_it_is_written_to(book: Book) -> None:
    """What is added while the verification reads is no finding."""
    await book.sign()
    findings, *_ = await asyncio.gather(book.findings(), *(book.write(MARIA, 5) for _ in range(3)), book.sign())
    assert findings == []


Tamper = Callable[[Book], Awaitable[None]]


async def altered(book: Book) -> None:
    await book.put(await book.entry(3) | {"action": "export_requested"})


async def altered_with_its_hash(book: Book) -> None:
    entry = await book.entry(3) | {"action": "export_requested"}
    await book.put(entry | {"hash": hash_of(entry)})


async def given_another_field(book: Book) -> None:
    await book.put(await book.entry(3) | {"ttl": 60})


async def missing(book: Book) -> None:
    await book.remove(entry_id(3))


async def missing_at_the_start(book: Book) -> None:
    await book.remove(entry_id(1))


async def reordered(book: Book) -> None:
    third, fourth = await book.entry(3), await book.entry(4)
    await book.put(fourth | {"id": entry_id(3), "seq": 3})
    await book.put(third | {"id": entry_id(4), "seq": 4})


async def reordered_with_their_hashes(book: Book) -> None:
    for entry in (await book.entry(3) | {"id": entry_id(4), "seq": 4}, await book.entry(4) | {"id": entry_id(3)}):
        moved = entry | {"seq": int(entry["id"].removeprefix("entry:"))}
        await book.put(moved | {"hash": hash_of(moved)})


async def doubled(book: Book) -> None:
    await book.put(await book.entry(3) | {"id": "entry:3"})


async def without_a_number(book: Book) -> None:
    await book.put(await book.entry(3) | {"seq": "3"})


async def cut_off(book: Book) -> None:
    await book.cut(3)


async def without_head(book: Book) -> None:
    await book.remove("head")


async def with_another_head(book: Book) -> None:
    await book.put({"id": "head", "type": "ledgerHead", "subject": MARIA, "seq": 5, "hash": GENESIS})


async def with_the_head_put_back(book: Book) -> None:
    entry = await book.entry(3)
    await book.put({"id": "head", "type": "ledgerHead", "subject": MARIA, "seq": 3, "hash": entry["hash"]})


async def without_entries(book: Book) -> None:
    await book.remove(*(entry_id(seq) for seq in range(1, 6)))


@pytest.mark.parametrize(
    ("tamper", "seq", "what"),
    [
        (altered, 3, "was altered"),
        (altered_with_its_hash, 4, "does not follow from the entry before"),
        (given_another_field, 3, "was altered"),
        (missing, 3, "is missing"),
        (missing_at_the_start, 1, "is missing"),
        (reordered, 3, "was altered"),
        (reordered_with_their_hashes, 3, "does not follow from the entry before"),
        (doubled, 3, "there is another entry of this number, or one without a number"),
        (without_a_number, 3, "is missing"),
        (cut_off, 5, "is missing, which the head names"),
        (without_head, 5, "the head is missing"),
        (with_another_head, 5, "is another entry than the head names"),
        (with_the_head_put_back, 5, "lies behind the head, which names 3"),
        (without_entries, 5, "is missing, which the head names"),
    ],
)
async def test_what_was_done_to_a_chain_is_found_by_the_chain(book: Book, tamper: Tamper, seq: int, what: str) -> None:
    """Without any checkpoint; the other chain is not accused."""
    await tamper(book)
    findings = await book.findings()
    assert Finding(MARIA, seq, what) in findings
    assert {finding.subject for finding in findings} == {MARIA}
    assert await book.findings(MARIA) == findings
    assert await book.findings(JORDI) == []


async def cut_off_with_its_head(book: Book) -> None:
    await book.cut(3, head=True)


async def written_anew(book: Book) -> None:
    """The chain is recomputed from the third entry on, head and all: in itself it is without a fault."""
    await book.cut(2, head=True)
    await book.write(MARIA, 3)


async def burnt(book: Book) -> None:
    await book.burn()


async def burnt_and_begun_anew(book: Book) -> None:
    await book.burn()
    await book.write(MARIA, 5)


@pytest.mark.parametrize(
    ("tamper", "what"),
    [
        (cut_off_with_its_head, "is missing, which the checkpoint of {} names"),
        (written_anew, "is another entry than the checkpoint of {} names"),
        (burnt, "the whole chain is missing, which the checkpoint of {} names"),
        (burnt_and_begun_anew, "is another entry than the checkpoint of {} names"),
    ],
)
async def test_what_a_chain_cannot_tell_is_found_by_the_checkpoint(book: Book, tamper: Tamper, what: str) -> None:
    """The chain agrees with itself; the checkpoint says where it was. One that is signed later changes nothing."""
    date = await book.sign()
    await tamper(book)
    finding = Finding(MARIA, 5, what.format(date))
    assert await book.findings() == [finding]
    assert await book.findings(MARIA) == [finding]
    assert await book.findings(JORDI) == []
    await book.sign()
    assert finding in await book.findings()


async def test_a_subject_that_vanishes_between_two_checkpoints_spoils_the_second(book: Book) -> None:
    """Its sums are over what is there, and do not follow from what was named."""
    await book.sign()
    await book.burn()
    second = await book.sign()
    assert Finding("checkpoint", second, "count or root do not follow from the heads named so far") in (
        await book.findings()
    )


async def test_what_remains_of_a_chain_is_found(book: Book) -> None:
    """Without entries and head its steps are left, and show that there was one."""
    await book.remove("head", *(entry_id(seq) for seq in range(1, 6)))
    assert await book.findings() == [Finding(MARIA, 0, "there are neither entries nor a head")]


class Journal:
    """A book with the checkpoints of three days."""

    def __init__(self, book: Book, dates: list[str]) -> None:
        self.book = book
        self.dates = dates


@pytest.fixture
async def journal(book: Book) -> Journal:
    dates = []
    for _ in range(3):
        dates.append(await book.sign())
        await book.write(MARIA, 1)
    return Journal(book, dates)


@pytest.mark.parametrize("day", [0, 1, 2])
async def test_a_missing_checkpoint_is_found(journal: Journal, day: int) -> None:
    """By the one after it, and by the ledger, which names each: also when it is the last."""
    date = journal.dates[day]
    await journal.book.blobs.delete(JOURNAL, checkpoint_name(date))
    findings = await journal.book.findings()
    assert [finding.what for finding in findings if finding.subject == SERVICE_SUBJECT] == [
        f"the checkpoint of {date} is missing, which this entry names"
    ]
    following = [
        Finding("checkpoint", one, "the checkpoint before it is missing or was altered")
        for one in journal.dates[day + 1 : day + 2]
    ]
    assert [finding for finding in findings if finding.subject == "checkpoint"] == following


@pytest.mark.parametrize("day", [0, 1, 2])
async def test_an_altered_checkpoint_is_found(journal: Journal, day: int) -> None:
    """One digit is enough."""
    date = journal.dates[day]
    content = await journal.book.checkpoint(date)
    await journal.book.replace_checkpoint(date, content.replace(b'"entries":', b'"entries":1'))
    findings = await journal.book.findings()
    assert Finding("checkpoint", date, "not signed by this service as it is") in findings
    assert f"the checkpoint of {date} was altered, which this entry names" in {finding.what for finding in findings}


def by_another_key(document: bytes, _keys: KeySet) -> bytes:
    return document + b"\n" + KeySet(signing_jwks(), "ES256").sign_detached(document).encode()


def by_another_key_of_that_name(document: bytes, keys: KeySet) -> bytes:
    kid = keys.public()["keys"][0]["kid"]
    return document + b"\n" + KeySet(signing_jwks(kid), "ES256").sign_detached(document).encode()


def by_another_algorithm(document: bytes, keys: KeySet) -> bytes:
    kid = keys.public()["keys"][0]["kid"]
    return document + b"\n" + KeySet(symmetric_jwks(kid), "HS256").sign_detached(document).encode()


def by_nobody(document: bytes, _keys: KeySet) -> bytes:
    return document + b"\n"


@pytest.mark.parametrize(
    "forge",
    [by_another_key, by_another_key_of_that_name, by_another_algorithm, by_nobody],
    ids=lambda one: one.__name__,
)
async def test_a_forged_checkpoint_is_found(journal: Journal, forge: Callable[[bytes, KeySet], bytes]) -> None:
    """Whoever signs it is not the service."""
    book, date = journal.book, journal.dates[2]
    document = (await book.checkpoint(date)).partition(b"\n")[0]
    await book.replace_checkpoint(date, forge(document, book.keys))
    assert Finding("checkpoint", date, "not signed by this service as it is") in await book.findings()


async def test_what_was_signed_for_something_else_is_no_checkpoint(journal: Journal) -> None:
    """The service signs exports with the same keys."""
    book, date = journal.book, journal.dates[2]
    manifest = json.dumps({"format": "blue-export/1"}).encode()
    await book.replace_checkpoint(date, manifest + b"\n" + book.keys.sign_detached(manifest).encode())
    assert Finding("checkpoint", date, "signed by this service, but no checkpoint") in await book.findings()


async def test_the_checkpoint_of_another_day_is_found(journal: Journal) -> None:
    """It is genuine, and lies where it does not belong."""
    first, last = journal.dates[0], journal.dates[2]
    await journal.book.replace_checkpoint(last, await journal.book.checkpoint(first))
    assert Finding("checkpoint", last, f"it is the checkpoint of {first}") in await journal.book.findings()


@pytest.mark.parametrize(("content", "what"), [(None, "is missing"), (b"[]\n", "was altered")])
async def test_a_part_of_a_checkpoint_is_held_to_it(journal: Journal, content: bytes | None, what: str) -> None:
    """Its heads lie beside it, under their hash."""
    book, date = journal.book, journal.dates[0]
    [part] = Checkpoint.opened(await book.checkpoint(date), book.keys).parts
    await book.blobs.delete(JOURNAL, f"ledger/heads/{part}")
    if content is not None:
        await book.blobs.create(JOURNAL, f"ledger/heads/{part}", content)
    assert Finding("checkpoint", date, f"a part with heads {what}") in await book.findings()


async def test_the_command_prints_a_line_per_finding(
    book: Book, cosmos: CosmosServer, blob_storage: str, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    """And exits with 1; with 0 when there is none."""
    jwks = book.keys._jwks
    settings = {
        "AZURE_FUNCTIONS_ENVIRONMENT": "Development",
        "BLUE_COSMOS_ENDPOINT": cosmos.endpoint,
        "BLUE_COSMOS_KEY": cosmos.key,
        "EventHubs": "Endpoint=sb://127.0.0.1:1;SharedAccessKeyName=k;SharedAccessKey=k;UseDevelopmentEmulator=true;",
        "BLUE_BLOB_CONNECTION": blob_storage,
        "BLUE_SIGN_IN_ISSUER": "http://127.0.0.1:1",
        "BLUE_IDENTITY_KEY": base64.urlsafe_b64encode(bytes(32)).decode(),
        "BLUE_DEVICE_TOKEN_KEYS": json.dumps(symmetric_jwks()),
        "BLUE_EXPORT_KEYS": json.dumps(jwks),
        "BLUE_VAULT_KEYS": json.dumps(symmetric_jwks()),
        "BLUE_ENROLMENT_GROUPS": "{}",
        "BLUE_SMTP_URL": "smtp://127.0.0.1:1",
        "BLUE_MAIL_FROM": "blue@service.example",
        "BLUE_CONTROLLER": json.dumps(
            {"name": "Blue", "postalAddress": "Calle de Ejemplo 1", "privacyContact": "privacy@blue.example"}
        ),
        "BLUE_STORAGE_PLACE": "This machine",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    await book.sign()
    assert await asyncio.to_thread(main, ["verify-ledger"]) == 0
    assert capsys.readouterr().out == "The ledger is as it was written.\n"
    await altered(book)
    assert await asyncio.to_thread(main, ["verify-ledger"]) == 1
    assert capsys.readouterr().out == f"{MARIA} 3: was altered\n"
    assert await asyncio.to_thread(main, ["verify-ledger", "--subject", JORDI]) == 0


def test_the_command_says_what_it_lacks(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    """Without settings there is nothing to verify: that is neither 0 nor 1."""
    monkeypatch.delenv("BLUE_COSMOS_ENDPOINT", raising=False)
    assert main(["verify-ledger"]) == 2
    assert "BLUE_COSMOS_ENDPOINT" in capsys.readouterr().err
