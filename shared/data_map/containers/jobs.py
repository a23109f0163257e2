"""`jobs`: long work."""

from datetime import timedelta
from typing import Final

from shared.data_map.containers.recurring import EXPIRES
from shared.data_map.vocabulary import Category, Container, Field, Record, Source

JOBS: Final = Container(
    partition_key="jobId",
    indexed=("state",),
    records={
        "export": Record(
            container="jobs",
            about="A copy of the person's data that is being made or ready to download.",
            category=Category.SERVICE,
            retention=timedelta(days=7),
            dated_from="createdAt",
            export=None,
            export_note="the export itself is its content",
            fields={
                "jobId": Field(about="Id of the export."),
                "personId": Field(about="Random id of the person."),
                "scope": Field(about="What the person asked for.", source=Source.PERSON),
                "state": Field(about="queued, running, done or parked."),
                "cursor": Field(about="Where the next step begins."),
                "failures": Field(about="How often the present step has failed."),
                "failure": Field(about="What kind of fault the last failure was."),
                "createdAt": Field(about="When it was asked for.", unit="UTC"),
                "readyAt": Field(about="When it was ready.", unit="UTC"),
                "leaseUntil": Field(about="Until when a worker holds it.", unit="UTC"),
                "attempt": Field(about="How many workers have taken it."),
                "stepsDone": Field(about="Progress."),
                "stepsTotal": Field(about="Progress."),
                "blobName": Field(about="Where the ZIP lies."),
                "bytes": Field(about="Size of the ZIP.", unit="B"),
                "expiresAt": EXPIRES,
            },
        ),
    },
)
