"""What staff say and are told of interactions."""

from typing import Annotated, Self

from pydantic import StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from export_user_data.whom import Who
from shared.contract import Body, Moment, Purpose, View

Id = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
Word = Annotated[str, StringConstraints(pattern=r"^[a-z]{1,32}$")]
Words = Annotated[str, StringConstraints(min_length=1, max_length=2000)]


class FindInteractions(Body):
    """Staff ask what a person told us."""

    who: Who
    purpose: Purpose


class StaffInteraction(View):
    """What a person told us, as staff see it."""

    interaction_id: str
    channel: str
    subject: str
    at: Moment
    text: str
    basis: str | None = None
    created_at: Moment
    updated_at: Moment | None = None
    expires_at: Moment


class StaffInteractions(View):
    """What a person told us, the newest first."""

    person_id: str
    has_account: bool
    interactions: list[StaffInteraction]


class CorrectInteraction(Body):
    """Staff had mistyped something: what it should be, one value at a time."""

    person_id: Id
    purpose: Purpose
    text: Words | None = None
    channel: Word | None = None
    subject: Word | None = None
    at: Moment | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        """Refuse none, and more than one."""
        if len([value for value in (self.text, self.channel, self.subject, self.at) if value is not None]) != 1:
            raise PydanticCustomError("value", "one value is corrected at a time")
        return self


class TakeAwayInteraction(Body):
    """It was entered for the wrong person; whose it is, when that is known."""

    person_id: Id
    purpose: Purpose
    belongs_to: Who | None = None


class InteractionTakenAway(View):
    """It is not with that person any more."""

    interaction_id: str
    moved_to: str | None = None
    """Id of the person who has it now, and under which id."""
    moved_as: str | None = None
