"""Acts under a request with a legal clock: refused before they are done where it is unfit, and its answer once done."""

from collections.abc import Mapping
from typing import Final

from export_user_data.on_behalf.acting import Act
from export_user_data.on_behalf.contract import OnBehalf
from export_user_data.requests import rules
from export_user_data.requests.contract import Sent
from export_user_data.requests.deciding import KNOWN, answered_by
from export_user_data.requests.moving import check_state
from export_user_data.requests.records import Register, is_open, item_id
from export_user_data.whom import Channel
from shared.cosmos import Item

_SENT: Final[Mapping[Channel, Sent]] = {
    Channel.LETTER: "post",
    Channel.CALL: "mail",
    Channel.EMAIL: "mail",
    Channel.WALK_IN: "in_person",
}
"""How the answer is given: as it was asked for."""


async def check_fit(person_id: str, said: OnBehalf, register: Register) -> None:
    """Let nothing be done under an open request of the person's while it is not known whether it is they who ask.

    Raises:
        Problem: request_step_unfit.
    """
    found = await _request(person_id, said, register)
    if found is not None and is_open(found):
        check_state(found, *KNOWN)


async def answer(act: Act, said: OnBehalf, asked: rules.Right, register: Register, **links: str) -> None:
    """Close the request that the act was done under, if that is open and asked for this; a repeat completes it.

    Raises:
        Problem: request_closed or request_step_unfit, when it was moved on meanwhile; busy.
    """
    found = await _request(act.person_id, said, register)
    if found is None or found["right"] != asked or not (is_open(found) or _is_granted(found)):
        return
    await answered_by(
        act.person_id,
        found["requestId"],
        links,
        register,
        purpose=said.purpose,
        sent=_SENT[act.channel],
        staff_id=act.staff_id,
    )


async def _request(person_id: str, said: OnBehalf, register: Register) -> Item | None:
    if said.request_id is None:
        return None
    return await register.people.read(person_id, item_id(said.request_id))


def _is_granted(found: Item) -> bool:
    return bool(found.get("decision", {}).get("outcome") == rules.Outcome.GRANTED)
