"""What `people` keeps of a person's choices."""

from typing import Final

from shared.data_map.vocabulary import Category, Field, Record, Source

_MADE: Final[dict[str, Field]] = {
    "personId": Field(about="Random id of the person."),
    "at": Field(about="When it was said.", source=Source.OBSERVED, unit="UTC"),
    "channel": Field(about="Through what: the app; or as staff entered it: letter, call, email, walk_in."),
    "enteredBy": Field(about="Who entered it, when staff did: the random id of one of them.", exported=False),
    "by": Field(about="Who said it: the person, or a guardian for them.", is_context=True),
    "guardianshipId": Field(about="When a guardian said it: random id of the guardianship."),
    "guardianPersonId": Field(about="When a guardian said it: random id of theirs.", exported=False),
}

CHOICES: Final[dict[str, Record]] = {
    "objection": Record(
        container="people",
        about="That the person objected to statistics, or took that back; it is never changed.",
        category=Category.PERSON,
        export="person",
        fields={
            **_MADE,
            "objectionId": Field(about="Random id of the entry."),
            "category": Field(about="What is objected to.", is_context=True),
            "deviceId": Field(about="The monitor that it is about; without one it is about all.", source=Source.PERSON),
            "objected": Field(about="Whether it is an objection, or takes one back.", source=Source.PERSON),
        },
    ),
    "consent": Record(
        container="people",
        about="That the person consented to a purpose, or withdrew that; it is never changed.",
        category=Category.PERSON,
        export="person",
        fields={
            **_MADE,
            "consentId": Field(about="Random id of the entry."),
            "purpose": Field(about="What it is consented to.", source=Source.PERSON),
            "given": Field(about="Whether the consent is given, or withdrawn.", source=Source.PERSON),
            "noticeVersion": Field(about="Version of the text that was shown.", is_context=True),
            "noticeHash": Field(about="SHA-256 of the text as it was shown."),
            "country": Field(about="Country that the phone was in by its app.", source=Source.APP),
        },
    ),
    "attestedAge": Record(
        container="people",
        about="That the person said that they are under 14, and who acts for them until they are.",
        category=Category.PERSON,
        export="person",
        fields={
            "personId": Field(about="Random id of the person."),
            "isUnder14": Field(about="What the person said of their age.", source=Source.PERSON),
            "attestedAt": Field(about="When they said so.", source=Source.OBSERVED, unit="UTC"),
            "state": Field(about="asked while a guardian is, then accepted; none when there is none."),
            "guardianshipId": Field(about="Random id of the guardianship that was asked for last."),
            "guardianKey": Field(about="While asked: keyed hash of the guardian's address.", exported=False),
            "askedAt": Field(about="When the guardian was asked.", unit="UTC"),
            "asksOn": Field(about="The day of the last asking, of which they are counted.", unit="UTC"),
            "asks": Field(about="How often a guardian was asked on that day."),
            "guardianPersonId": Field(about="While accepted: random id of the guardian.", exported=False),
            "since": Field(about="While accepted: since when.", unit="UTC"),
            "actsFrom": Field(
                about="From when on the person is 14 and acts for themself, as the guardian said.", source=Source.PERSON
            ),
        },
    ),
    "ward": Record(
        container="people",
        about="That the person was asked to act for a minor, and agreed.",
        category=Category.PERSON,
        export="person",
        fields={
            "personId": Field(about="Random id of the person."),
            "guardianshipId": Field(about="Random id of the guardianship."),
            "wardPersonId": Field(about="Random id of the minor.", exported=False),
            "acceptedAt": Field(about="When they agreed.", unit="UTC"),
        },
    ),
    "unsettledChoice": Record(
        container="people",
        about="That an objection or a consent is under way; it is gone once everything follows it.",
        category=Category.SERVICE,
        export=None,
        export_note="names an entry which is in the bundle itself, for the moments until it has taken effect",
        withheld="in_the_bundle",
        fields={
            "personId": Field(about="Random id of the person."),
            "entryId": Field(about="Id of the entry."),
            "pendingSince": Field(about="Since when.", unit="UTC"),
        },
    ),
}
