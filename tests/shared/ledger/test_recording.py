"""Recording: every step once, in one unbroken chain, and nothing in it that is somebody's."""

import asyncio

import pytest

from shared import ledger
from shared.callers import Resident, Role
from shared.cosmos import Container, Database, Item
from shared.data_map import ACTIONS, Undeclared
from shared.errors import Problem
from shared.injection import Point, listening
from shared.ledger import SERVICE, THE_PERSON, Actor, Step, record, record_about, recording, staff, subject_of
from shared.ledger.entries import GENESIS, hash_of
from shared.people import new_id, own_record
from tests.conftest import SettableClock

wire = pytest.mark.wire
SUBJECT = "0" * 31 + "1"


def requested(request_id: str = "request", scope: str = "access") -> Step:
    return Step(request_id, "export_requested", THE_PERSON, {"exportId": new_id(), "scope": scope})


async def chain(container: Container, subject: str = SUBJECT) -> list[Item]:
    return [item async for item in container.query(ledger.CHAIN, partition=subject)]


async def move_in(database: Database, clock: SettableClock, *person_ids: str) -> None:
    for person_id in person_ids:
        caller = Resident(person_id, f"{person_id}@resident.example", "identity key")
        await own_record(caller, database=database, now=clock())


@wire
async def test_entries_follow_one_another(database: Database, clock: SettableClock) -> None:
    """Each holds the hash of the one before, and the head names the last."""
    for number in range(3):
        await record(SUBJECT, requested(f"request-{number}"), ledger=database["ledger"], now=clock())
    entries = await chain(database["ledger"])
    assert [entry["seq"] for entry in entries] == [1, 2, 3]
    assert [entry["previous"] for entry in entries] == [GENESIS, entries[0]["hash"], entries[1]["hash"]]
    assert [hash_of(entry) for entry in entries] == [entry["hash"] for entry in entries]
    head = await database["ledger"].read(SUBJECT, "head")
    assert head is not None
    assert (head["seq"], head["hash"]) == (3, entries[2]["hash"])


@wire
async def test_a_step_counts_once(database: Database, clock: SettableClock) -> None:
    """Its repeat, later and with other details, returns the first entry."""
    first = await record(SUBJECT, requested(), ledger=database["ledger"], now=clock())
    clock.forward(hours=1)
    again = await record(SUBJECT, requested(scope="portability"), ledger=database["ledger"], now=clock())
    assert again == first
    assert len(await chain(database["ledger"])) == 1


@wire
async def test_a_step_that_is_repeated_at_once_counts_once(database: Database, clock: SettableClock) -> None:
    """Twenty workers do the same step: all get the one entry."""
    step = requested()
    entries = await asyncio.gather(*(record(SUBJECT, step, ledger=database["ledger"], now=clock()) for _ in range(20)))
    assert {entry["hash"] for entry in entries} == {(await chain(database["ledger"]))[0]["hash"]}
    assert len(await chain(database["ledger"])) == 1


@wire
async def test_one_request_may_have_several_steps_of_one_action(database: Database, clock: SettableClock) -> None:
    """They are told apart by their name."""
    for name in ("people", "devices"):
        step = Step("request", "pairing_completed", SERVICE, {"ownershipId": new_id()}, step=name)
        await record(SUBJECT, step, ledger=database["ledger"], now=clock())
    assert [entry["step"] for entry in await chain(database["ledger"])] == ["people", "devices"]


@wire
async def test_fifty_writers_end_in_one_unbroken_chain(database: Database, clock: SettableClock) -> None:
    """However they meet, nothing is lost, doubled or forked."""
    steps = [requested(f"request-{number}") for number in range(50)]
    await asyncio.gather(*(record(SUBJECT, step, ledger=database["ledger"], now=clock()) for step in steps))
    entries = await chain(database["ledger"])
    assert [entry["seq"] for entry in entries] == list(range(1, 51))
    assert {entry["requestId"] for entry in entries} == {step.request_id for step in steps}
    hashes = [entry["hash"] for entry in entries]
    assert [entry["previous"] for entry in entries] == [GENESIS, *hashes[:-1]]


class Overtaker:
    """Records a step of its own in the same chain whenever another is between reading the head and moving it."""

    def __init__(self, container: Container, clock: SettableClock, *, times: int) -> None:
        self.times = times
        self._container = container
        self._clock = clock
        self._busy = False

    async def __call__(self, point: Point) -> None:
        if point != "ledger.read" or self._busy or not self.times:
            return
        self._busy, self.times = True, self.times - 1
        await record(SUBJECT, requested(f"faster-{self.times}"), ledger=self._container, now=self._clock())
        self._busy = False


@wire
async def test_a_step_that_others_overtook_follows_them(database: Database, clock: SettableClock) -> None:
    """It has read the head when another step moves it: it is tried again, behind that one."""
    with listening(Overtaker(database["ledger"], clock, times=2)):
        await record(SUBJECT, requested("slower"), ledger=database["ledger"], now=clock())
    entries = await chain(database["ledger"])
    assert [entry["requestId"] for entry in entries] == ["faster-1", "faster-0", "slower"]
    assert entries[2]["previous"] == entries[1]["hash"]


@wire
async def test_a_step_that_is_always_overtaken_is_given_up(
    database: Database, clock: SettableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its caller is told to come back; nothing waits for ever."""
    monkeypatch.setattr(recording, "PAUSE_LIMIT_S", 0)
    overtaker = Overtaker(database["ledger"], clock, times=recording.TRIES + 5)
    with listening(overtaker), pytest.raises(Problem, match="busy"):
        await record(SUBJECT, requested("slower"), ledger=database["ledger"], now=clock())
    assert overtaker.times == 5


@wire
async def test_a_recorded_step_without_its_entry_is_told(database: Database, clock: SettableClock) -> None:
    """A repeat does not paper over an entry that somebody has removed."""
    entry = await record(SUBJECT, requested(), ledger=database["ledger"], now=clock())
    await database["ledger"]._proxy.delete_item(entry["id"], SUBJECT)
    with pytest.raises(ledger.Broken):
        await record(SUBJECT, requested(), ledger=database["ledger"], now=clock())


@wire
async def test_a_person_has_one_name_in_the_ledger(database: Database, clock: SettableClock) -> None:
    """Asked for by many at once, too; it is not their id."""
    await move_in(database, clock, "maria", "jordi")
    names = await asyncio.gather(*(subject_of("maria", people=database["people"]) for _ in range(10)))
    assert len(set(names)) == 1
    assert await subject_of("jordi", people=database["people"]) != names[0] != "maria"


@wire
async def test_without_the_mapping_nobody_can_tell_whose_it_is(database: Database, clock: SettableClock) -> None:
    """What stays when it is destroyed names no person, and nothing that is stored elsewhere names the chain."""
    await move_in(database, clock, "maria")
    for number in range(2):
        await record_about("maria", requested(f"request-{number}"), database=database, now=clock())
    subject = await subject_of("maria", people=database["people"])
    await database["people"]._proxy.delete_item("ledgerSubject", "maria")
    items = [item async for item in database["ledger"].query("SELECT * FROM c")]
    assert {item["subject"] for item in items} == {subject}
    assert "maria" not in str(items)
    everywhere_else = [
        item
        for name in ("people", "identities", "devices", "telemetry", "jobs")
        async for item in database[name].query("SELECT * FROM c")
    ]
    assert subject not in str(everywhere_else)


@pytest.mark.parametrize(
    ("action", "details"),
    [
        ("export_requested", {"exportId": "0" * 32, "scope": "access", "email": "0" * 32}),
        ("export_requested", {"exportId": "0" * 32}),
        ("export_requested", {"exportId": "maria@resident.example", "scope": "access"}),
        ("export_requested", {"exportId": "0" * 32, "scope": "Maria"}),
        ("support_case_opened", {"caseId": "0" * 32, "ownershipId": "0" * 32, "days": "seven"}),
        ("support_case_opened", {"caseId": "0" * 32, "ownershipId": "0" * 32, "days": True}),
        ("checkpoint_begun", {"date": "yesterday"}),
        ("gossip", {}),
    ],
)
def test_undeclared_details_are_refused(action: str, details: dict[str, str | int]) -> None:
    """Another key, a missing one, a value that could be personal, an action that the map lacks."""
    with pytest.raises(Undeclared) as refused:
        Step("request", action, THE_PERSON, details)
    assert "maria@" not in str(refused.value)


@pytest.mark.parametrize("request_id", ["maria@resident.example", "a/b", "", "a b", "x" * 129])
def test_a_request_id_is_an_id(request_id: str) -> None:
    """It becomes part of an item's id, and it is kept for ever."""
    with pytest.raises(Undeclared):
        requested(request_id)


def test_an_actor_is_named_by_an_id() -> None:
    """Staff by theirs, the service by its fixed name, and nobody by an address."""
    assert staff(Role.PRIVACY, SUBJECT).kind == "staff:privacy"
    with pytest.raises(Undeclared):
        Actor("staff:privacy", "privacy.officer@maker.example")


@pytest.mark.parametrize("action", ACTIONS)
def test_every_action_says_what_it_is(action: str) -> None:
    """In a sentence that a person reads in their export."""
    assert ACTIONS[action].about.endswith(".")


@wire
async def test_a_name_that_was_not_stored_is_never_used(
    database: Database, clock: SettableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another request made the name, and the replica that is asked does not have it yet: the caller comes back."""
    await move_in(database, clock, "maria")
    people = database["people"]
    name = await subject_of("maria", people=people)
    read = Container.read

    async def lagging(self: Container, partition: str, item_id: str) -> Item | None:
        return None if item_id == "ledgerSubject" else await read(self, partition, item_id)

    with monkeypatch.context() as lag:
        lag.setattr(Container, "read", lagging)
        with pytest.raises(Problem, match="busy"):
            await subject_of("maria", people=people)
    assert await subject_of("maria", people=people) == name
