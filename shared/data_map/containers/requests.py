"""What `people` holds of the rights that a person exercises."""

from typing import Final

from shared.data_map.containers.recurring import EXPIRES, KEPT_BY, YEAR
from shared.data_map.vocabulary import Category, Field, Record, Source

REQUESTS: Final[dict[str, Record]] = {
    "rightsRequest": Record(
        container="people",
        about="A request of the person to exercise a right, how it was dealt with, and how it was answered.",
        category=Category.PERSON,
        retention=3 * YEAR,
        dated_from="updatedAt",
        on_expiry="destroy",
        expiry_note="three years after its last step nobody is liable for it any more (LOPDGDD 72)",
        export="person",
        visible_to=("the person", "privacy staff"),
        fields={
            "personId": Field(about="Random id of the person."),
            "requestId": Field(about="Id of the request."),
            "reference": Field(about="Number of the office's file; it names nobody.", source=Source.STAFF),
            "right": Field(about="The right that is exercised.", source=Source.PERSON),
            "text": Field(about="What the person wrote to it.", source=Source.PERSON),
            "channel": Field(about="How it came: app, letter, call, email or walk_in."),
            "enteredBy": Field(about="Who entered it: the random id of a member of staff.", exported=False),
            "receivedAt": Field(
                about="When it was received; the clock runs from there.", source=Source.OBSERVED, unit="UTC"
            ),
            "filedAt": Field(about="When it was entered here.", unit="UTC"),
            "state": Field(
                about="received, identity_awaited, in_progress, extended; then answered, refused or withdrawn."
            ),
            "identity": Field(about="By what it is known who asks: session, device or address; or awaited."),
            "identityQuestion": Field(about="Why it had to be asked who asks, and when it was asked and answered."),
            "repeats": Field(about="Whether it is an access, and one was asked for within the six months before."),
            "extension": Field(about="When the time was extended, why, and how that was said."),
            "decision": Field(
                about="What was decided, when, by which role, on which ground and for which reason, what carried it "
                "out, what was blocked then, and the SHA-256 of the letter that says so with how it was sent."
            ),
            "closedAt": Field(about="When it was answered, refused or withdrawn.", unit="UTC"),
            "dueAt": Field(about="Until when it is to be answered, as of the last look.", unit="UTC"),
            "warned": Field(about="Per cent of the time at which staff were last warned.", unit="%"),
            "boardKey": Field(about="While it is open: its place on the board of deadlines.", exported=False),
            "nextWarnAt": Field(about="When the timer next looks at it.", unit="UTC", exported=False),
            "telling": Field(about="The notification of the last step, until it was made.", exported=False),
            "updatedAt": Field(about="When it was last changed.", unit="UTC"),
            "expiresAt": EXPIRES,
            "keptBy": KEPT_BY,
        },
    ),
}
