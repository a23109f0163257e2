"""What `people` keeps of a person's choices."""

from typing import Final

from shared.data_map.vocabulary import Category, Field, Record, Source

_MADE: Final[dict[str, Field]] = {
    "personId": Field(about="Random id of the person."),
    "at": Field(about="When it was said.", unit="UTC"),
    "channel": Field(about="Through what: the app."),
    "by": Field(about="Who said it: the person, or a guardian for them."),
    "guardianshipId": Field(about="When a guardian said it: random id of the guardianship."),
    "guardianPersonId": Field(about="When a guardian said it: random id of theirs.", exported=False),
}

CHOICES: Final[dict[str, Record]] = {
    "objection": Record(
        container="people",
        about="That the person objected to statistics, or took that back; it is never changed.",
        category=Category.SERVICE,
        export="person",
        fields={
            **_MADE,
            "objectionId": Field(about="Random id of the entry."),
            "category": Field(about="What is objected to."),
            "deviceId": Field(about="The monitor that it is about; without one it is about all.", source=Source.PERSON),
            "objected": Field(about="Whether it is an objection, or takes one back.", source=Source.PERSON),
        },
    ),
    "consent": Record(
        container="people",
        about="That the person consented to a purpose, or withdrew that; it is never changed.",
        category=Category.SERVICE,
        export="person",
        fields={
            **_MADE,
            "consentId": Field(about="Random id of the entry."),
            "purpose": Field(about="What it is consented to.", source=Source.PERSON),
            "given": Field(about="Whether the consent is given, or withdrawn.", source=Source.PERSON),
            "noticeVersion": Field(about="Version of the text that was shown."),
            "noticeHash": Field(about="SHA-256 of the text as it was shown."),
            "country": Field(about="Country that the phone was in by its app.", source=Source.APP),
        },
    ),
    "unsettledChoice": Record(
        container="people",
        about="That an objection or a consent is under way; it is gone once everything follows it.",
        category=Category.SERVICE,
        export=None,
        export_note="names an entry which is in the bundle itself, for the moments until it has taken effect",
        fields={
            "personId": Field(about="Random id of the person."),
            "entryId": Field(about="Id of the entry."),
            "pendingSince": Field(about="Since when.", unit="UTC"),
        },
    ),
}
