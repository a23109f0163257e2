"""Somebody of whom nothing was known says who they are: their request becomes theirs, wherever that is cut off."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.errors import Problem
from shared.injection import Point
from tests.export_user_data.requests.counter import MARIA, Counter
from tests.export_user_data.restriction.desk import Killed, killed_at

pytestmark = pytest.mark.wire

DUE = datetime(2026, 12, 22, 22, 59, 59, 999000, tzinfo=UTC)


async def of(counter: Counter, person_id: str) -> set[str]:
    """What lies with a person."""
    query = counter.database["people"].query("SELECT * FROM c", partition=person_id)
    return {item["type"] async for item in query}


async def test_a_request_becomes_that_of_its_person(counter: Counter) -> None:
    """With its clock; of the person whom nothing was known of nothing stays, once the last request has gone."""
    await counter.house.pair(MARIA)
    await counter.answer(await counter.file())
    access, erasure = await counter.enter("access"), await counter.enter("erasure")
    nobody = access.person_id
    for one in (access, erasure):
        await counter.ask(one, nobody)
    counter.forward(days=4)
    who: dict[str, Any] = {"serialNumber": "VEO-000001"}
    known = await counter.identified(access, nobody, who=who)
    assert (known.person_id, known.request_id, known.state) == (MARIA, access.request_id, "in_progress")
    assert (known.due_at, known.repeats) == (DUE + timedelta(days=4), True)
    assert {"person", "rightsRequest"} <= await of(counter, nobody)
    await counter.identified(erasure, nobody, who=who)
    assert await of(counter, nobody) == set()
    assert await counter.identified(access, nobody, who=who) == known
    assert (await counter.actions()).count("request_identified") == 2
    assert "request_identified" in await counter.told()


@pytest.mark.parametrize("point", ["requests.recorded", "requests.rejoined", "requests.told"])
async def test_what_is_cut_off_is_done_by_a_repeat(counter: Counter, point: Point) -> None:
    """At any point: it is theirs once, and nobody's any more."""
    entered = await counter.enter()
    await counter.ask(entered, entered.person_id)
    with pytest.raises(Killed), killed_at(point):
        await counter.identified(entered, entered.person_id, who={"personId": MARIA})
    known = await counter.identified(entered, entered.person_id, who={"personId": MARIA})
    assert (known.person_id, known.state) == (MARIA, "in_progress")
    assert await of(counter, entered.person_id) == set()
    assert (await counter.actions()).count("request_identified") == 1
    assert "telling" not in await counter.stored(entered)


async def test_a_request_of_somebody_who_is_known_stays_theirs(counter: Counter) -> None:
    """Staff cannot hand it to another account; nor to nobody."""
    await counter.house.move_in("jordi")
    filed = await counter.file()
    await counter.ask(filed)
    for who, code in (({"personId": "jordi"}, "request_step_unfit"), ({"personId": "nobody"}, "person_unknown")):
        with pytest.raises(Problem) as refused:
            await counter.identified(filed, who=who)
        assert refused.value.code == code
    assert (await counter.own(filed.request_id)).state == "identity_awaited"


async def test_of_nobody_it_must_be_said_who_they_are(counter: Counter) -> None:
    """That somebody is known without being named would send an answer nowhere."""
    entered = await counter.enter()
    await counter.ask(entered, entered.person_id)
    for who in ({}, {"who": {"personId": entered.person_id}}):
        with pytest.raises(Problem) as refused:
            await counter.identified(entered, entered.person_id, **who)
        assert refused.value.code == "request_step_unfit"
    assert (await counter.stored(entered, entered.person_id))["state"] == "identity_awaited"
