"""`quarantine`: events that belong to nobody."""

from datetime import timedelta
from typing import Final

from shared.data_map.containers.recurring import EXPIRES
from shared.data_map.vocabulary import Category, Container, Field, Record, Source

QUARANTINE: Final = Container(
    partition_key="hubPartition",
    records={
        "malformed": Record(
            container="quarantine",
            about="An event that belongs to nobody and could not be read.",
            category=Category.SERVICE,
            retention=timedelta(days=14),
            dated_from="enqueuedAt",
            export=None,
            export_note="it cannot be attributed to anybody",
            erasure="expires",
            visible_to=("engineers",),
            fields={
                "hubPartition": Field(about="Hub and partition it came through."),
                "reason": Field(about="Why it could not be read."),
                "enqueuedAt": Field(about="When the hub took it.", unit="UTC"),
                "body": Field(about="The event as received, in base64.", source=Source.MONITOR),
                "truncated": Field(about="Whether the body was cut to its limit."),
                "expiresAt": EXPIRES,
            },
        ),
    },
)
