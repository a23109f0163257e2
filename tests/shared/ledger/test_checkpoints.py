"""Checkpoints: once a day, over all that is there, in bounded pieces."""

import asyncio
import re

import pytest

from shared.blobs import JOURNAL, Blobs
from shared.cosmos import Database
from shared.data_map import BLOBS
from shared.keys import KeySet
from shared.ledger import SERVICE_SUBJECT, THE_PERSON, Broken, Step, checkpoints, record
from shared.ledger.checkpoints import Checkpoint, checkpoint, checkpoint_name, content_hash, heads_in
from shared.ledger.entries import CHAIN, GENESIS, Head
from shared.ledger.heads import Root
from tests.conftest import SettableClock

wire = pytest.mark.wire


class Timer:
    """What the timer does, day after day."""

    def __init__(self, database: Database, blobs: Blobs, keys: KeySet, clock: SettableClock) -> None:
        self.ledger = database["ledger"]
        self.blobs = blobs
        self.keys = keys
        self.clock = clock

    async def fires(self) -> str:
        return await checkpoint(ledger=self.ledger, blobs=self.blobs, keys=self.keys, now=self.clock())

    async def opened(self) -> Checkpoint:
        content = await self.blobs.read(JOURNAL, checkpoint_name(self.clock().date().isoformat()))
        assert content is not None
        return Checkpoint.opened(content, self.keys)

    async def named(self) -> set[Head]:
        return {head for part in (await self.opened()).parts async for head in heads_in(part, blobs=self.blobs)}

    async def write(self, subject: str) -> None:
        step = Step(f"of-{subject}-{self.clock():%j}", "export_ready", THE_PERSON, {"exportId": "0" * 32})
        await record(subject, step, ledger=self.ledger, now=self.clock())


@pytest.fixture
def timer(database: Database, blobs: Blobs, export_keys: KeySet, clock: SettableClock) -> Timer:
    return Timer(database, blobs, export_keys, clock)


@wire
async def test_a_checkpoint_sums_up_every_chain(timer: Timer) -> None:
    """How many entries, where each chain ends, and what it follows: nothing, as the first one."""
    for number in range(5):
        await timer.write(f"{number:032}")
    await timer.fires()
    opened, named = await timer.opened(), await timer.named()
    assert {head.subject for head in named} == {*(f"{number:032}" for number in range(5)), SERVICE_SUBJECT}
    assert opened.entries == sum(head.seq for head in named) == 6
    root = Root()
    for head in named:
        root.add(head)
    assert opened.root == root.written()
    assert opened.previous == GENESIS


@wire
async def test_what_is_written_to_the_journal_is_declared(timer: Timer) -> None:
    """Names hold a day or a hash, and nothing else."""
    await timer.fires()
    names = [name async for name in timer.blobs.names(JOURNAL, "")]
    assert len(names) == 2
    assert [name for name in names if not re.fullmatch(BLOBS["journal"].name_pattern, name)] == []


@wire
async def test_the_same_day_again_changes_nothing(timer: Timer) -> None:
    """However much was written since; the next day has its own, which names the one before."""
    first = await timer.fires()
    timer.clock.forward(seconds=1)
    await timer.write("0" * 32)
    assert await timer.fires() == first
    assert [entry["action"] async for entry in timer.ledger.query(CHAIN, partition=SERVICE_SUBJECT)] == [
        "checkpoint_begun",
        "checkpoint_signed",
    ]
    timer.clock.forward(days=1)
    assert await timer.fires() != first
    assert (await timer.opened()).previous == first


@wire
async def test_two_timers_at_once_make_one_checkpoint(timer: Timer) -> None:
    """The first to write it is right."""
    assert len(set(await asyncio.gather(*(timer.fires() for _ in range(4))))) == 1


@wire
async def test_a_missed_day_is_made_up_for(timer: Timer) -> None:
    """The next checkpoint names what moved on it."""
    await timer.fires()
    timer.clock.forward(days=1)
    await timer.write("1" * 32)
    timer.clock.forward(days=2)
    await timer.fires()
    assert "1" * 32 in {head.subject for head in await timer.named()}


@wire
async def test_only_what_moved_is_named_again(timer: Timer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A chain at rest is in the sums alone."""
    monkeypatch.setattr(checkpoints, "STORE_CLOCKS_APART_S", -3600)  # as if the first one had been an hour later
    await timer.write("1" * 32)
    await timer.fires()
    entries = (await timer.opened()).entries
    timer.clock.forward(days=1)
    await timer.fires()
    assert await timer.named() == set()
    assert (await timer.opened()).entries == entries + 2


@wire
async def test_heads_lie_in_parts_of_bounded_size(timer: Timer, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of them are found again."""
    monkeypatch.setattr(checkpoints, "HEADS_PER_PART", 3)
    for number in range(7):
        await timer.write(f"{number:032}")
    await timer.fires()
    assert len((await timer.opened()).parts) == 3
    assert len(await timer.named()) == 8


@wire
async def test_a_run_that_was_cut_off_is_taken_up(timer: Timer) -> None:
    """Its parts are there, and its beginning is recorded: the next run signs, and records nothing twice."""
    await timer.write("1" * 32)
    first = await timer.fires()
    await timer.blobs.delete(JOURNAL, checkpoint_name(timer.clock().date().isoformat()))
    [_, signed] = [entry async for entry in timer.ledger.query(CHAIN, partition=SERVICE_SUBJECT)]
    await timer.ledger._proxy.delete_item(signed["id"], SERVICE_SUBJECT)
    await timer.ledger._proxy.delete_item(f"step:{signed['requestId']}:{signed['step']}", SERVICE_SUBJECT)
    begun = signed | {"id": "head", "type": "ledgerHead", "seq": 1, "hash": signed["previous"]}
    await timer.ledger._proxy.upsert_item({name: begun[name] for name in ("id", "type", "subject", "seq", "hash")})
    again = await timer.fires()
    assert again != first  # a signature of ES256 is another one each time
    assert (await timer.opened()).entries == 2
    actions = [entry["action"] async for entry in timer.ledger.query(CHAIN, partition=SERVICE_SUBJECT)]
    assert actions == ["checkpoint_begun", "checkpoint_signed"]


@wire
async def test_what_somebody_else_has_put_there_is_an_alarm(timer: Timer) -> None:
    """The timer fails instead of recording it as its own."""
    await timer.blobs.create(JOURNAL, checkpoint_name(timer.clock().date().isoformat()), b"{}\nforged")
    with pytest.raises(Broken):
        await timer.fires()


@wire
async def test_after_a_broken_checkpoint_everything_is_named_again(timer: Timer) -> None:
    """The one that lies there is linked as it is, and what it should have named is not lost."""
    await timer.write("1" * 32)
    await timer.fires()
    name = checkpoint_name(timer.clock().date().isoformat())
    await timer.blobs.delete(JOURNAL, name)
    await timer.blobs.create(JOURNAL, name, b"{}\nforged")
    timer.clock.forward(days=1)
    await timer.fires()
    assert (await timer.opened()).previous == content_hash(b"{}\nforged")
    assert "1" * 32 in {head.subject for head in await timer.named()}


HEADS = [Head(f"{number:032}", number + 1, f"{number:064}") for number in range(20)]


def test_the_root_does_not_depend_on_the_order() -> None:
    """Partitions may be read in any."""
    forward, backward = Root(), Root()
    for head in HEADS:
        forward.add(head)
    for head in reversed(HEADS):
        backward.add(head)
    assert forward.written() == backward.written()


@pytest.mark.parametrize(
    "other",
    [HEADS[1:], [*HEADS, HEADS[0]], [HEADS[0]._replace(seq=2), *HEADS[1:]], [HEADS[0]._replace(hash="f"), *HEADS[1:]]],
)
def test_the_root_tells_sets_apart(other: list[Head]) -> None:
    """One head less, one twice, another number, another hash."""
    roots = []
    for heads in (HEADS, other):
        root = Root()
        for head in heads:
            root.add(head)
        roots.append(root.written())
    assert roots[0] != roots[1]


def test_a_head_can_be_exchanged() -> None:
    """As if the other one had never been in."""
    root, other = Root(), Root()
    root.add(HEADS[0])
    root.remove(HEADS[0])
    root.add(HEADS[1])
    other.add(HEADS[1])
    assert root.written() == other.written()
