"""It becomes known who asks: the clock goes on, and a request that was nobody's becomes that person's."""

from collections.abc import Sequence
from contextlib import suppress

from export_user_data.requests.contract import IdentityAnswer, StaffRequest
from export_user_data.requests.looking import proceed
from export_user_data.requests.moving import Move, check_state, move
from export_user_data.requests.people import known_person
from export_user_data.requests.records import Register, as_of, is_repeated, item_id, read, requests_of
from export_user_data.requests.steps import staff_step
from export_user_data.requests.views import staff_view
from shared import clock
from shared.cosmos import Conflict, Create, Delete, Item, Operation, declared
from shared.errors import Problem
from shared.gate import write_behind_gate
from shared.injection import reached
from shared.ledger import record_about
from shared.people import PERSON

_TRACES = ("person", "ledgerSubject", "marker", "gate")
"""What a person consists of whom nothing is known of."""


async def identified(request_id: str, said: IdentityAnswer, register: Register, *, staff_id: str) -> StaffRequest:
    """Keep by what it is known who asks, and who it is where nobody was known; the clock goes on.

    Raises:
        Problem: person_unknown; request_unknown; request_closed; request_step_unfit, also for a request of somebody
            who is known, and for one of nobody without saying who it is; busy.
    """
    person_id = await known_person(said.who, register) if said.who is not None else said.person_id
    if person_id != said.person_id:
        await _become_theirs(request_id, person_id, said, register, staff_id=staff_id)
        return await staff_view(await proceed(person_id, request_id, register), register)
    person = await register.people.read(person_id, PERSON)
    if person is not None and _is_nobody(person):
        raise Problem("request_step_unfit")

    def decide(found: Item) -> Move | None:
        asked = found.get("identityQuestion")
        if asked is not None and "answeredAt" in asked and found["identity"] == said.identity:
            return None
        changes = _known(found, said, register)
        step = staff_step(found, "request_identified", said, staff_id, identity=said.identity)
        return Move(step=step, changes=changes, telling="request_identified")

    return await staff_view(await move(person_id, request_id, decide, register), register)


def _is_nobody(person: Item) -> bool:
    """Whether nothing is known of a person but what they ask for: then it must be said who they are."""
    return not person.keys() & {"email", "identityKey"}


def _known(found: Item, said: IdentityAnswer, register: Register) -> Item:
    check_state(found, "identity_awaited")
    answered = found["identityQuestion"] | {"answeredAt": clock.text(register.now)}
    return {"state": "in_progress", "identity": said.identity, "identityQuestion": answered}


async def _become_theirs(
    request_id: str, person_id: str, said: IdentityAnswer, register: Register, *, staff_id: str
) -> None:
    """Record it with whom it is, copy the request there, and take it away from where it was; a repeat does the rest."""
    people = register.people
    former = await people.read(said.person_id, item_id(request_id))
    if former is None:
        await read(person_id, request_id, people=people)  # a repeat: it is there already
        return
    nobody = await people.read(said.person_id, PERSON)
    if nobody is None or not _is_nobody(nobody):
        raise Problem("request_step_unfit")
    changes = _known(former, said, register) | {"personId": person_id, "telling": "request_identified"}
    before = await requests_of(person_id, people=people)
    repeats = is_repeated(former["right"], clock.moment(former["receivedAt"]), before)
    item = declared(former) | changes | {"repeats": repeats}
    step = staff_step(former, "request_identified", said, staff_id, identity=said.identity)
    await record_about(person_id, step, database=register.database, now=register.now)
    await reached("requests.recorded")
    with suppress(Conflict):  # a repeat
        await write_behind_gate(people, person_id, [Create(item | as_of(item, register.now))])
    await reached("requests.rejoined")
    await people.batch(said.person_id, await _leaving(said.person_id, former, register))


async def _leaving(person_id: str, former: Item, register: Register) -> Sequence[Operation]:
    """The request goes; with the last one the person of whom nothing is known goes as well."""
    others = await requests_of(person_id, people=register.people)
    if len(others) > 1:
        return [Delete(former["id"], former["_etag"])]
    every = [item async for item in register.people.query("SELECT * FROM c", partition=person_id)]
    traces = [item for item in every if item["type"] in _TRACES]
    return [Delete(former["id"], former["_etag"]), *(Delete(item["id"], item["_etag"]) for item in traces)]
