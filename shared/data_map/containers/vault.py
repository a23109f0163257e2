"""`vault`: what is known of blocked data without opening it; the sealed bodies lie in Blob storage."""

from typing import Final

from shared.data_map.vocabulary import Category, Container, Field, Record

_FOR_AUTHORITIES: Final = "blocked for courts and authorities; what is blocked, why and until when is in the bundle"

VAULT: Final = Container(
    partition_key="caseId",
    indexed=("blockedUntil",),
    records={
        "vaultCase": Record(
            container="vault",
            about="What one request, or one expiry, has blocked until one date.",
            category=Category.SERVICE,
            export=None,
            export_note=_FOR_AUTHORITIES,
            withheld="blocked",
            erasure="keep_random_ids",
            visible_to=("privacy staff",),
            fields={
                "caseId": Field(about="Id of the case, derived from the request and the month."),
                "requestId": Field(about="Random id of the request that blocked it."),
                "ground": Field(about="erasure, rectification or expiry."),
                "categories": Field(about="Categories of what is blocked, each with why."),
                "lookups": Field(about="Look-ups of the case, so that they are destroyed with it."),
                "parts": Field(about="Sealed bodies, each with the number of its items."),
                "keyMonth": Field(about="The month on whose first day it is destroyed, and whose key wraps its key."),
                "wrappedKey": Field(about="The key of the bodies, wrapped by the key of the month."),
                "blockedUntil": Field(about="When it is destroyed.", unit="UTC"),
                "createdAt": Field(about="When it was made.", unit="UTC"),
            },
        ),
        "vaultOpening": Record(
            container="vault",
            about="That privacy staff asked to open a case, and who else agreed.",
            category=Category.SERVICE,
            export=None,
            export_note=_FOR_AUTHORITIES,
            withheld="blocked",
            erasure="keep_random_ids",
            visible_to=("privacy staff",),
            fields={
                "caseId": Field(about="Id of the case."),
                "openingId": Field(about="Random id of the opening."),
                "ground": Field(about="Who wants to see it, by a closed list."),
                "reference": Field(about="Reference of the proceedings."),
                "askedBy": Field(about="Who asked: the random id of a member of staff."),
                "askedAt": Field(about="When it was asked.", unit="UTC"),
                "approvedBy": Field(about="Who agreed: the random id of another one."),
                "approvedAt": Field(about="When that was.", unit="UTC"),
                "openUntil": Field(about="Until when it may be agreed to, then until when it may be read.", unit="UTC"),
            },
        ),
        "vaultLookup": Record(
            container="vault",
            about="That a case is about somebody's address, a device or a person.",
            category=Category.SERVICE,
            export=None,
            export_note=_FOR_AUTHORITIES,
            withheld="blocked",
            erasure="keep_random_ids",
            visible_to=(),
            fields={
                "caseId": Field(about="Hash of an address, device id or person id under the key of the month."),
                "found": Field(about="Id of the case."),
            },
        ),
        "vaultMonth": Record(
            container="vault",
            about="That something is to be destroyed on the first day of a month.",
            category=Category.SERVICE,
            export=None,
            export_note="a date; it names nobody",
            erasure="names_nobody",
            visible_to=(),
            fields={
                "caseId": Field(about="The month."),
                "blockedUntil": Field(about="Its first day.", unit="UTC"),
                "createdAt": Field(about="When the first case of it was made.", unit="UTC"),
            },
        ),
    },
)
