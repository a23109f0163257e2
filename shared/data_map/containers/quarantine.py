"""`quarantine`: events that belong to nobody, and what is kept of an event that could not be stored."""

from datetime import timedelta
from typing import Final

from shared.data_map.containers.recurring import EXPIRES
from shared.data_map.vocabulary import Category, Container, Field, Record, Source

MALFORMED_FIELDS: Final[dict[str, Field]] = {
    "reason": Field(about="Why it could not be stored."),
    "enqueuedAt": Field(about="When the hub took it.", unit="UTC"),
    "body": Field(about="The event as received, in base64.", source=Source.MONITOR),
    "properties": Field(about="What this service had written on the event when it received it."),
    "sizeBytes": Field(about="How long the event was.", unit="bytes"),
    "truncated": Field(about="Whether it was cut because it was too long to be kept."),
    "replayedAt": Field(about="When staff last had it tried again.", unit="UTC"),
    "releasedAt": Field(about="When staff decided that it is not tried again.", unit="UTC"),
    "handledBy": Field(about="Who did that: the random id of a member of staff.", exported=False),
    "purpose": Field(about="Why they did that."),
    "expiresAt": EXPIRES,
}
"""Of every event that was set aside, whether or not it belongs to somebody."""

QUARANTINE: Final = Container(
    partition_key="hubPartition",
    indexed=("enqueuedAt", "expiresAt"),
    records={
        "malformed": Record(
            container="quarantine",
            about="An event that belongs to nobody and could not be read.",
            category=Category.SERVICE,
            retention=timedelta(days=14),
            dated_from="enqueuedAt",
            export=None,
            export_note="it cannot be attributed to anybody",
            withheld="not_attributable",
            erasure="expires",
            visible_to=("fleet staff",),
            fields={
                "hubPartition": Field(about="Hub and partition it came through."),
                **MALFORMED_FIELDS,
            },
        ),
    },
)
