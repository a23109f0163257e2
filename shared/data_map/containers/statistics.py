"""`statistics`: figures without anybody in them."""

from datetime import timedelta
from typing import Final

from shared.data_map.containers.recurring import EXPIRES, YEAR
from shared.data_map.vocabulary import Category, Container, Field, Record

STATISTICS: Final = Container(
    partition_key="cell",
    indexed=("date", "expiresAt"),
    records={
        "fleetFigures": Record(
            container="statistics",
            about="How many monitors ran what on one day.",
            category=Category.DEVICE,
            retention=timedelta(days=400),
            dated_from="countedAt",
            on_expiry="destroy",
            expiry_note="figures that name nobody",
            export=None,
            export_note="numbers of monitors per model, firmware and region; they name nobody",
            withheld="names_nobody",
            erasure="names_nobody",
            visible_to=("fleet staff",),
            fields={
                "cell": Field(about="What the figures are of: the fleet."),
                "date": Field(about="The day.", unit="UTC"),
                "countedAt": Field(about="When they were counted to the end.", unit="UTC"),
                "cells": Field(
                    about="Numbers of monitors per model, firmware, region, whether it has an owner, and last-seen."
                ),
                "other": Field(about="Number of monitors in cells too small to be kept apart.", unit="monitors"),
                "expiresAt": EXPIRES,
            },
        ),
        "usageFigures": Record(
            container="statistics",
            about="How monitors were used on one day, in cells of ten monitors at least.",
            category=Category.USAGE,
            retention=5 * YEAR,
            dated_from="countedAt",
            export=None,
            export_note="sums over ten monitors at least per model, firmware and region; they name nobody",
            withheld="names_nobody",
            erasure="names_nobody",
            visible_to=("fleet staff",),
            fields={
                "cell": Field(about="What the figures are of: use."),
                "date": Field(about="The day.", unit="UTC"),
                "age": Field(about="How long after the day it was computed.", unit="d"),
                "closed": Field(about="Whether the figures are final."),
                "begunAt": Field(about="When the computation was asked for.", unit="UTC"),
                "countedAt": Field(about="When they were counted to the end.", unit="UTC"),
                "cohort": Field(about="Fewest monitors of a cell.", unit="monitors"),
                "cells": Field(about="Monitors, calls, openings and uses of functions per model, firmware and region."),
                "expiresAt": EXPIRES,
            },
        ),
        "retentionReport": Record(
            container="statistics",
            about="How old the oldest item of each kind was on one day, and what was past its time.",
            category=Category.SERVICE,
            retention=timedelta(days=400),
            dated_from="countedAt",
            export=None,
            export_note="numbers and dates per kind of item; they name nobody",
            withheld="names_nobody",
            erasure="names_nobody",
            visible_to=("privacy staff",),
            fields={
                "cell": Field(about="What the figures are of: retention."),
                "date": Field(about="The day.", unit="UTC"),
                "countedAt": Field(about="When they were counted to the end.", unit="UTC"),
                "lines": Field(
                    about="Per kind of item: number, oldest, how many are past their time or kept beyond it."
                ),
                "expiresAt": EXPIRES,
            },
        ),
    },
)
