"""`claims`: credentials that are gone within days."""

from datetime import timedelta
from typing import Final

from shared.data_map.containers.recurring import EXPIRES
from shared.data_map.vocabulary import Category, Container, Field, Record, Source

CLAIMS: Final = Container(
    partition_key="claimId",
    indexed=("expiresAt",),
    records={
        "claim": Record(
            container="claims",
            about="Permission to pair one monitor with an account.",
            category=Category.SERVICE,
            retention=timedelta(days=1),
            dated_from="createdAt",
            export=None,
            export_note="a credential that is gone within a day",
            withheld="security",
            erasure="expires",
            visible_to=(),
            fields={
                "claimId": Field(about="Id of the claim."),
                "secretHash": Field(about="SHA-256 of the claim's secret."),
                "personId": Field(about="Random id of the person who asked for it."),
                "country": Field(about="Country that the app said the monitor is in.", source=Source.APP),
                "createdAt": Field(about="When it was asked for.", unit="UTC"),
                "redeemableUntil": Field(about="Until when it can be redeemed.", unit="UTC"),
                "boundDeviceId": Field(about="The first device that redeemed it."),
                "boundAt": Field(about="When that was.", unit="UTC"),
                "ownershipId": Field(about="The period of ownership that it founds, should it found one."),
                "expiresAt": EXPIRES,
            },
        ),
        "claimCode": Record(
            container="claims",
            about="The typed form of a claim, for a monitor that cannot read the QR code.",
            category=Category.SERVICE,
            retention=timedelta(days=1),
            dated_from="createdAt",
            export=None,
            export_note="a credential that is gone within a day",
            withheld="security",
            erasure="expires",
            visible_to=(),
            fields={
                "claimId": Field(about="Keyed hash of the code."),
                "createdAt": Field(about="When the claim was asked for.", unit="UTC"),
                "namedClaimId": Field(about="The claim that it stands for."),
                "expiresAt": EXPIRES,
            },
        ),
        "claimTries": Record(
            container="claims",
            about="How many claims a monitor has tried that do not exist, so that nobody guesses one.",
            category=Category.SERVICE,
            retention=timedelta(minutes=10),
            export=None,
            export_note="a count that is gone within minutes",
            withheld="security",
            erasure="expires",
            visible_to=(),
            fields={
                "claimId": Field(about="Id of the device that tries."),
                "count": Field(about="How many tries."),
                "expiresAt": EXPIRES,
            },
        ),
        "attestation": Record(
            container="claims",
            about="A used attestation challenge, so that a signature counts once.",
            category=Category.SERVICE,
            retention=timedelta(minutes=5),
            export=None,
            export_note="a random number that is gone within minutes",
            withheld="security",
            erasure="expires",
            visible_to=(),
            fields={
                "claimId": Field(about="The challenge's nonce."),
                "expiresAt": EXPIRES,
            },
        ),
    },
)
