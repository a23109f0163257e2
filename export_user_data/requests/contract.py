"""What is said to and by requests: of people, of privacy staff for them, and on the board of deadlines."""

from datetime import date
from typing import Annotated, Final, Literal, Self

from pydantic import Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from export_user_data.requests.rules import Doubt, Ground, Outcome, Reason, Right
from export_user_data.whom import Channel, Id, Who
from shared.contract import Body, Moment, Purpose, View

ThingId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
Reference = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2,8}-\d{4}-\d{1,6}$")]
"""Number of the office's file, such as RQ-2026-17. Nothing that names a person has this form."""

Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]

State = Literal["received", "identity_awaited", "in_progress", "extended", "answered", "refused", "withdrawn"]
OPEN_STATES: Final = ("received", "identity_awaited", "in_progress", "extended")
Identity = Literal["session", "device", "address", "awaited"]
Sent = Literal["app", "mail", "post", "in_person"]
LetterKind = Literal["receipt", "identity", "extension", "refusal", "answer"]
LanguageTag = Literal["en", "es"]


class RequestBody(Body):
    """A person exercises a right."""

    right: Right
    text: Words | None = None
    """What they want, in their words."""


class StaffRequestBody(Body):
    """Staff enter a request that came otherwise than by the app."""

    purpose: Purpose
    reference: Reference
    right: Right
    channel: Channel
    received_at: Moment
    """When it came; never in the future."""
    who: Who | None = None
    """None: nothing that came says who it is; the clock runs all the same."""


class FindRequests(Body):
    """Staff look for requests: of somebody, or those of one file of the office."""

    purpose: Purpose
    who: Who | None = None
    reference: Reference | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.who is None) == (self.reference is None):
            raise PydanticCustomError("who", "either somebody or a file")
        return self


class StaffStep(Body):
    """Staff move a request on."""

    person_id: Id
    purpose: Purpose


class IdentityQuestion(StaffStep):
    """Staff ask who it is that asks, and say why they must."""

    question: Doubt


class IdentityAnswer(StaffStep):
    """It is known now, and by what."""

    identity: Literal["session", "device", "address"]
    who: Who | None = None
    """Who it is, where that was not known at all."""


class ExtensionBody(StaffStep):
    """Staff need more time."""

    reason: Reason
    sent: Sent
    language: LanguageTag | None = None
    """Of the notice; None: the person's, or else Spanish."""


class Links(Body):
    """What carried the request out."""

    export_id: ThingId | None = None
    erasure_id: ThingId | None = None
    restriction_id: ThingId | None = None
    rectification_id: ThingId | None = None


class AnswerBody(StaffStep):
    """Staff answer a request."""

    outcome: Outcome
    text: Words | None = None
    """What the letter says of it; of what is granted in part, why the rest is not."""
    ground: Ground | None = None
    """Of what is granted in part: on which the rest is refused."""
    sent: Sent
    language: LanguageTag | None = None
    links: Links = Field(default_factory=Links)

    @model_validator(mode="after")
    def _reasoned(self) -> Self:
        """Refuse a partial refusal without ground and reason (GDPR 12(4)), and a ground where all is granted."""
        in_part = self.outcome is Outcome.PARTLY_GRANTED
        if (self.ground is not None) is not in_part or (in_part and self.text is None):
            raise PydanticCustomError("ground", "what is granted in part has a ground and a reason, and nothing else")
        return self


class RefusalBody(StaffStep):
    """Staff refuse a request."""

    ground: Ground
    reason: Words
    """Why the ground is given in this case; the letter says it."""
    sent: Sent
    language: LanguageTag | None = None


class LetterBody(StaffStep):
    """Staff want a letter."""

    kind: LetterKind
    language: LanguageTag | None = None


class LetterGiven(View):
    """That a letter was given: what it says is known by its hash."""

    kind: str
    language: str
    sha256: str
    """Of the letter as HTML."""
    sent: str


class Extension(View):
    """That the time was extended."""

    at: Moment
    reason: str
    letter: LetterGiven


class Question(View):
    """That it was asked who asks."""

    question: str
    asked_at: Moment
    answered_at: Moment | None = None
    stops_the_clock: bool
    """False when it was asked late."""


class Blocked(View):
    """What is not there to be seen any more, and not destroyed yet."""

    category: str
    why: str
    until: date


class Decision(View):
    """How a request was decided."""

    outcome: str
    """`refused`, what the answer says that was done, or `closed_by_erasure`."""
    ground: str | None = None
    article: str | None = None
    text: str | None = None
    at: Moment
    by: str
    is_late: bool
    letter: LetterGiven | None = None
    """None when an erasure answered it."""
    export_id: str | None = None
    erasure_id: str | None = None
    restriction_id: str | None = None
    rectification_id: str | None = None
    complaint_route: list[str]
    blocked: list[Blocked] | None = None
    """Of access: what was blocked when it was answered."""


class RightsRequest(View):
    """A request and how far it is."""

    request_id: str
    reference: str | None = None
    right: str
    text: str | None = None
    channel: str
    state: State
    identity: Identity
    identity_question: Question | None = None
    received_at: Moment
    due_at: Moment
    """The last instant at which an answer is in time; while it is asked who asks it moves on."""
    extension: Extension | None = None
    waits_for: str | None = None
    """Of an erasure: what goes before it."""
    repeats: bool
    decision: Decision | None = None
    closed_at: Moment | None = None


class RightsRequests(View):
    """What the caller asked for, the newest first."""

    requests: list[RightsRequest]


class StaffRequest(RightsRequest):
    """A request as staff see it."""

    person_id: str
    percent: int
    overdue: bool


class StaffRequests(View):
    """What was found."""

    requests: list[StaffRequest]


class BoardEntry(View):
    """An open request on the board: ids, words and dates, and nothing of the person."""

    request_id: str
    person_id: str
    right: str
    channel: str
    state: State
    received_at: Moment
    due_at: Moment
    percent: int
    warned: int
    overdue: bool


class Board(View):
    """Open requests, the most urgent first."""

    requests: list[BoardEntry]
    cursor: str | None = None


class Letter(View):
    """A letter, fit to print and to mail; it is not kept, its hash is."""

    kind: str
    language: str
    html: str
    text: str
    sha256: str
    """Of the HTML."""
