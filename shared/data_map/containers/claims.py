"""`claims`: credentials that are gone within days."""

from datetime import timedelta
from typing import Final

from shared.data_map.containers.recurring import EXPIRES
from shared.data_map.vocabulary import Category, Container, Field, Record

CLAIMS: Final = Container(
    partition_key="claimId",
    records={
        "claim": Record(
            container="claims",
            about="Permission to pair one monitor with an account.",
            category=Category.SERVICE,
            retention=timedelta(days=1),
            dated_from="createdAt",
            export=None,
            export_note="a credential that is gone within a day",
            erasure="expires",
            visible_to=(),
            fields={
                "claimId": Field(about="Id of the claim."),
                "secretHash": Field(about="SHA-256 of the claim's secret."),
                "personId": Field(about="Random id of the person who asked for it."),
                "createdAt": Field(about="When it was asked for.", unit="UTC"),
                "redeemableUntil": Field(about="Until when it can be redeemed.", unit="UTC"),
                "boundDeviceId": Field(about="The first device that redeemed it."),
                "boundAt": Field(about="When that was.", unit="UTC"),
                "ownershipId": Field(about="The period of ownership that it founds, should it found one."),
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
            erasure="expires",
            visible_to=(),
            fields={
                "claimId": Field(about="The challenge's nonce."),
                "expiresAt": EXPIRES,
            },
        ),
    },
)
