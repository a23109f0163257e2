"""`counters`: how often something was refused, as figures that name nobody."""

from datetime import timedelta
from typing import Final

from shared.data_map.containers.recurring import EXPIRES
from shared.data_map.vocabulary import Category, Container, Field, Record

COUNTERS: Final = Container(
    partition_key="day",
    indexed=("expiresAt",),
    records={
        "counts": Record(
            container="counters",
            about="What one worker process counted in one hour: refusals by reason, and nothing of whom.",
            category=Category.SERVICE,
            retention=timedelta(days=30),
            dated_from="begunAt",
            export=None,
            export_note="figures that name nobody",
            withheld="names_nobody",
            erasure="expires",
            visible_to=("fleet staff",),
            fields={
                "day": Field(about="The day."),
                "begunAt": Field(about="Begin of the hour.", unit="UTC"),
                "counts": Field(about="How often, by declared name."),
                "expiresAt": EXPIRES,
            },
        ),
    },
)
