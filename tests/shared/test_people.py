"""People: one person per identity, whoever signs in first, and nobody where somebody was erased."""

import asyncio
from dataclasses import replace

import pytest

from shared.callers import Resident
from shared.cosmos import Create, Database
from shared.errors import Problem
from shared.gate import Erased, write_behind_gate
from shared.injection import Point, listening
from shared.people import own_record, person_without_account, resident
from shared.sign_in import Identity
from tests.conftest import SettableClock
from tests.doubles import changed
from tests.people import IDENTITY_KEY

pytestmark = pytest.mark.wire

MARIA = Identity("https://sign-in.example", "subject-maria", "maria@resident.example", frozenset())


async def sign_in(database: Database, clock: SettableClock, identity: Identity = MARIA) -> Resident:
    return await resident(identity, database=database, identity_key=IDENTITY_KEY, now=clock())


async def people_in(database: Database) -> list[str]:
    query = "SELECT c.personId FROM c WHERE c.type = 'person'"
    return [item["personId"] async for item in database["people"].query(query)]


async def test_the_first_sign_in_makes_the_person(database: Database, clock: SettableClock) -> None:
    """With a random id that says nothing of the sign-in, and the e-mail as the only datum."""
    caller = await sign_in(database, clock)
    record = await own_record(caller, database=database, now=clock())
    assert record["email"] == "maria@resident.example"
    assert "maria" not in caller.person_id


async def test_a_second_sign_in_is_the_same_person(database: Database, clock: SettableClock) -> None:
    """The identity decides, whatever address it has today."""
    first = await sign_in(database, clock)
    again = await sign_in(database, clock, replace(MARIA, email="other@resident.example"))
    assert again.person_id == first.person_id


async def test_a_hundred_simultaneous_first_sign_ins_make_one_person(database: Database, clock: SettableClock) -> None:
    """All of them get the same one."""
    callers = await asyncio.gather(*(sign_in(database, clock) for _ in range(100)))
    assert len({caller.person_id for caller in callers}) == 1
    assert await people_in(database) == [callers[0].person_id]


async def test_a_sign_up_that_was_cut_off_is_completed(database: Database, clock: SettableClock) -> None:
    """The worker died between the identity and the person's record."""

    async def die(point: Point) -> None:
        if point == "sign_up.identified":
            raise KeyboardInterrupt

    with listening(die), pytest.raises(KeyboardInterrupt):
        await sign_in(database, clock)
    assert await people_in(database) == []
    caller = await sign_in(database, clock)
    await own_record(caller, database=database, now=clock())
    assert await people_in(database) == [caller.person_id]


async def test_the_same_subject_of_another_issuer_is_another_person(database: Database, clock: SettableClock) -> None:
    """A subject means something to its issuer only."""
    first = await sign_in(database, clock)
    other = await sign_in(database, clock, replace(MARIA, issuer="https://other.example"))
    assert other.person_id != first.person_id


async def test_an_unverified_address_makes_nobody(database: Database, clock: SettableClock) -> None:
    """Nothing is stored for it."""
    with pytest.raises(Problem, match="email_not_verified"):
        await sign_in(database, clock, replace(MARIA, email=None))
    assert await people_in(database) == []


async def test_who_was_known_without_an_account_is_joined(database: Database, clock: SettableClock) -> None:
    """The verified address of the first sign-in joins what was given to a technician."""
    known = await person_without_account(
        " Maria@Resident.example ", database=database, identity_key=IDENTITY_KEY, now=clock()
    )
    caller = await sign_in(database, clock)
    record = await own_record(caller, database=database, now=clock())
    assert caller.person_id == known
    assert "identityKey" in record
    assert await people_in(database) == [known]


OTHER = Identity("https://another-sign-in.example", "subject-other", "maria@resident.example", frozenset())


async def test_an_address_lets_nobody_into_an_account(database: Database, clock: SettableClock) -> None:
    """Another sign-in with the same verified address is another person, also of one who was known before."""
    await person_without_account("maria@resident.example", database=database, identity_key=IDENTITY_KEY, now=clock())
    first, second = await sign_in(database, clock), await sign_in(database, clock, OTHER)
    assert first.person_id != second.person_id
    assert len(await people_in(database)) == 2


async def test_of_two_sign_ins_at_once_one_joins(database: Database, clock: SettableClock) -> None:
    """The other is told to come back, and is a person of its own then."""
    given = await person_without_account(
        "maria@resident.example", database=database, identity_key=IDENTITY_KEY, now=clock()
    )
    waiting = asyncio.Barrier(2)

    async def together(point: Point) -> None:
        if point == "sign_up.identified":
            await waiting.wait()

    with listening(together):
        ends = await asyncio.gather(sign_in(database, clock), sign_in(database, clock, OTHER), return_exceptions=True)
    [joined] = [end for end in ends if isinstance(end, Resident)]
    [refused] = [end for end in ends if isinstance(end, Problem)]
    assert (joined.person_id, refused.code) == (given, "busy")
    loser = OTHER if isinstance(ends[1], Problem) else MARIA
    assert (await sign_in(database, clock, loser)).person_id != given


async def test_what_is_entered_of_an_address_is_its_account_holders(database: Database, clock: SettableClock) -> None:
    """Sales know the address alone, and the account came first."""
    caller = await sign_in(database, clock)
    given = await person_without_account(
        "Maria@resident.example", database=database, identity_key=IDENTITY_KEY, now=clock()
    )
    assert given == caller.person_id
    assert await people_in(database) == [given]


async def test_the_same_address_given_twice_is_one_person(database: Database, clock: SettableClock) -> None:
    """To sales today, to a technician tomorrow, at the same time by the website."""
    given = await asyncio.gather(
        *(
            person_without_account("maria@resident.example", database=database, identity_key=IDENTITY_KEY, now=clock())
            for _ in range(20)
        )
    )
    assert len(set(given)) == 1


async def test_nothing_is_written_for_an_erased_person(database: Database, clock: SettableClock) -> None:
    """Their token is still good for a while; their gate says no."""
    caller = await sign_in(database, clock)
    await changed(database["people"], caller.person_id, lambda policy: replace(policy, tombstone=True))
    item = {"id": "link:x", "type": "link", "personId": caller.person_id}
    with pytest.raises(Erased):
        await write_behind_gate(database["people"], caller.person_id, [Create(item)])


async def test_the_stored_look_ups_name_nobody(database: Database, clock: SettableClock) -> None:
    """They are keyed hashes."""
    await person_without_account("jordi@lead.example", database=database, identity_key=IDENTITY_KEY, now=clock())
    await sign_in(database, clock)
    stored = str([item async for item in database["identities"].query("SELECT * FROM c")])
    assert [word for word in ("maria", "jordi", "subject", "sign-in.example") if word in stored] == []
