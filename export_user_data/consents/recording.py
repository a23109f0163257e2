"""What every choice has in common: who makes it, and one batch of the person's gate, its entry and a mark.

The entry is never changed. The mark says that not everything follows yet: whoever asks again, or a timer, goes on.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from export_user_data.whom import Channel
from shared import clock
from shared.cosmos import Container, Create, Item, Operation
from shared.gate import Change, Erased, NarrowingJournal, change_policy, load_policy, write_behind_gate
from shared.policy import Policy

ENTRIES: Final = "SELECT * FROM c WHERE c.type = @type"


@dataclass(frozen=True, slots=True)
class By:
    """Whose choice it is, who makes it: themself, or a guardian; and who entered what was not said in the app."""

    person_id: str
    guardianship_id: str | None = None
    guardian_person_id: str | None = None
    channel: Channel | Literal["app"] = "app"
    entered_by: str | None = None
    """Id of the member of staff."""

    def fields(self, now: datetime) -> dict[str, Any]:
        """What an entry says of it."""
        said: dict[str, Any] = {
            "personId": self.person_id,
            "at": clock.text(now),
            "channel": str(self.channel),
            "by": "person",
            **({"enteredBy": self.entered_by} if self.entered_by is not None else {}),
        }
        if self.guardianship_id is None:
            return said
        guardian = {"guardianshipId": self.guardianship_id, "guardianPersonId": self.guardian_person_id}
        return said | {"by": "guardian"} | guardian


async def choices_of(person_id: str, *, people: Container) -> Policy:
    """The policy of a person, which holds their choices.

    Raises:
        Erased: there is none any more.
    """
    try:
        return living(await load_policy(people, person_id))
    except LookupError as error:
        raise Erased from error


def living(policy: Policy) -> Policy:
    """The policy of somebody who was not erased.

    Raises:
        Erased: they were.
    """
    if policy.tombstone:
        raise Erased
    return policy


async def record(entry: Item, change: Change, *, people: Container, journal: NarrowingJournal, now: datetime) -> None:
    """Change the person's choices, and write the entry of it; when nothing changes there is none.

    Raises:
        Erased: there is no such person any more.
    """
    person_id = entry["personId"]

    def changed(policy: Policy) -> Policy:
        return change(living(policy))

    try:
        await change_policy(people, person_id, changed, journal=journal, now=now, beside=written(entry))
    except LookupError as error:
        raise Erased from error


async def record_again(entry: Item, *, people: Container) -> None:
    """Write the entry of a choice that stands already, as when a new text is agreed to."""
    await write_behind_gate(people, entry["personId"], written(entry))


def written(entry: Item) -> list[Operation]:
    """How an entry is stored, with its mark."""
    mark = {
        "id": f"unsettled:{entry['id']}",
        "type": "unsettledChoice",
        "personId": entry["personId"],
        "entryId": entry["id"],
        "pendingSince": entry["at"],
    }
    return [Create(entry), Create(mark)]


async def entries(person_id: str, item_type: str, *, people: Container) -> list[Item]:
    """The entries of a kind, oldest first."""
    found = [item async for item in people.query(ENTRIES, {"type": item_type}, partition=person_id)]
    return sorted(found, key=lambda item: (item["at"], item["_ts"], item["id"]))


def last(history: list[Item], **fields: Any) -> Mapping[str, Any] | None:
    """The newest entry that has these fields."""
    return next((item for item in reversed(history) if all(item.get(name) == fields[name] for name in fields)), None)
