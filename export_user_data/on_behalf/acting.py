"""An act in a person's place: in their ledger before anything is done, under the name and role of who does it."""

import hashlib
from dataclasses import dataclass
from datetime import datetime

from export_user_data.on_behalf.contract import Acted, OnBehalf, Right
from export_user_data.requests.records import Register
from export_user_data.whom import Channel
from shared.callers import Role
from shared.errors import Problem
from shared.gate import Erased
from shared.injection import reached
from shared.ledger import Actor, Step, record_about, staff
from shared.notifications import notify
from shared.people import PERSON, new_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """One thing that a member of staff does for one person."""

    person_id: str
    right: Right
    act_id: str
    channel: Channel
    staff_id: str
    at: datetime

    @property
    def actor(self) -> Actor:
        """Who does it, for the ledger."""
        return staff(Role.PRIVACY, self.staff_id)

    @property
    def view(self) -> Acted:
        """What staff are told of it."""
        return Acted(act_id=self.act_id, right=self.right, channel=self.channel, at=self.at)


async def check_there(person_id: str, register: Register) -> None:
    """Let somebody be acted for who is there, with an account or without.

    Raises:
        Problem: person_unknown.
    """
    if await register.people.read(person_id, PERSON) is None:
        raise Problem("person_unknown")


def named(person_id: str, right: Right, said: OnBehalf, *what: str) -> str:
    """The id of an act: the same for what is said again under the same request, else a random one."""
    if said.request_id is None:
        return new_id()
    parts = (person_id, right.value, said.request_id, *what)
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]


async def begin(
    person_id: str,
    right: Right,
    said: OnBehalf,
    *,
    act_id: str,
    staff_id: str,
    register: Register,
    is_one_of_many: bool = False,
) -> Act:
    """Keep in the person's ledger that staff do this, for what purpose and how they were asked; then it may be done.

    An act of an id is recorded once, unless it is one of many, such as the links to one copy.

    Raises:
        Problem: person_unknown.
    """
    details = {"actId": act_id, "right": right.value, "channel": said.channel.value, "purpose": said.purpose.value}
    act = Act(person_id=person_id, right=right, act_id=act_id, channel=said.channel, staff_id=staff_id, at=register.now)
    name = new_id() if is_one_of_many else act_id
    step = Step(said.request_id or act_id, "acted_for_person", act.actor, details, step=f"{right.value}:{name}")
    try:
        await record_about(person_id, step, database=register.database, now=register.now)
    except Erased as erased:
        raise Problem("person_unknown") from erased
    await reached("on_behalf.recorded")
    return act


async def tell(act: Act, register: Register) -> None:
    """Let the person know that it was not they who did it: whoever wrote the letter may have been somebody else."""
    template = "copy_handed_over" if act.right is Right.COPY_HANDED_OVER else "acted_for_you"
    await notify(act.person_id, template, act.act_id, {"since": act.at}, people=register.people, now=act.at)
