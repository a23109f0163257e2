"""`jobs`: long work."""

from datetime import timedelta
from typing import Final

from shared.data_map.containers.recurring import EXPIRES, YEAR
from shared.data_map.vocabulary import Category, Container, Field, Record, Source

_PROGRESS: Final[dict[str, Field]] = {
    "jobId": Field(about="Id of the job."),
    "state": Field(about="queued, running, done or parked."),
    "cursor": Field(about="Where the next step begins."),
    "failures": Field(about="How often the present step has failed."),
    "failure": Field(about="What kind of fault the last failure was."),
    "createdAt": Field(about="When it was asked for.", unit="UTC"),
    "leaseUntil": Field(about="Until when a worker holds it.", unit="UTC"),
    "attempt": Field(about="How many workers have taken it."),
    "stepsDone": Field(about="Progress."),
    "stepsTotal": Field(about="Progress."),
    "expiresAt": EXPIRES,
}

JOBS: Final = Container(
    partition_key="jobId",
    indexed=("state", "nextAttemptAt", "expiresAt"),
    records={
        "export": Record(
            container="jobs",
            about="A copy of the person's data that is being made or ready to download.",
            category=Category.SERVICE,
            retention=timedelta(days=7),
            dated_from="createdAt",
            export=None,
            export_note="the export itself is its content",
            withheld="in_the_bundle",
            fields={
                **_PROGRESS,
                "personId": Field(about="Random id of the person."),
                "scope": Field(about="What the person asked for.", source=Source.PERSON),
                "channel": Field(
                    about="When staff asked for them, how the person had asked: letter, call, email or walk_in.",
                    source=Source.STAFF,
                ),
                "readyAt": Field(about="When it was ready.", unit="UTC"),
                "blobName": Field(about="Where the ZIP lies."),
                "bytes": Field(about="Size of the ZIP.", unit="B"),
                "transfers": Field(about="Ids of the transfers to other providers."),
            },
        ),
        "exportTransfer": Record(
            container="jobs",
            about="That a portable copy is sent to another provider, whom the person names.",
            category=Category.SERVICE,
            retention=timedelta(days=1),
            dated_from="createdAt",
            export=None,
            export_note="progress of a transfer; that there was one, and how it ended, is in the ledger's entries",
            fields={
                **_PROGRESS,
                "personId": Field(about="Random id of the person."),
                "exportId": Field(about="Id of the export."),
                "endpoint": Field(about="Where it is sent, until that has ended.", source=Source.PERSON),
                "outcome": Field(about="Whether the other side took it."),
                "endedAt": Field(about="When it was taken, or refused.", unit="UTC"),
            },
        ),
        "erasure": Record(
            container="jobs",
            about="An erasure: under way, and then the receipt that it was done.",
            category=Category.SERVICE,
            retention=4 * YEAR,
            dated_from="createdAt",
            export=None,
            export_note="it is shown by itself, and holds random ids only once it is done",
            erasure="keep_random_ids",
            visible_to=("the person", "privacy staff"),
            fields={
                **_PROGRESS,
                "personId": Field(about="Random id of the person; it goes with the identifiers."),
                "scope": Field(about="person, device or category.", source=Source.PERSON),
                "deviceId": Field(about="Of an erasure of one device's period: the device.", source=Source.PERSON),
                "category": Field(about="Of an erasure of one category: which.", source=Source.PERSON),
                "through": Field(about="What was received until then is erased.", unit="UTC"),
                "identifiers": Field(
                    about="Keys and random ids under which things lie, and the address for the last mail; they go once "
                    "nothing is left."
                ),
                "places": Field(
                    about="The partitions that are purged, and what of them; they go with the identifiers."
                ),
                "ledgerSubject": Field(about="Random name in the ledger, until the receipt is complete."),
                "waitsFor": Field(about="What comes before it: a legal hold, a restriction, or another request."),
                "held": Field(about="How many items of each record there were to erase.", unit="items"),
                "narrowedAt": Field(about="Since when nothing more of it is stored.", unit="UTC"),
                "erasedAt": Field(about="When the scan found nothing left.", unit="UTC"),
                "lapsesAt": Field(about="When the last place outside the database has let go.", unit="UTC"),
                "mailsTried": Field(about="How often the last mail was tried."),
                "told": Field(about="Whether a mail server took the last mail."),
                "receipt": Field(about="The signed receipt: counts, dates, places, and what is blocked until when."),
            },
        ),
        "fleetFigures": Record(
            container="jobs",
            about="A count of the fleet that is under way.",
            category=Category.SERVICE,
            retention=timedelta(days=7),
            dated_from="createdAt",
            export=None,
            export_note="numbers of monitors per model, firmware and region; they name nobody",
            withheld="names_nobody",
            erasure="names_nobody",
            visible_to=(),
            fields={**_PROGRESS, "date": Field(about="The day that is counted.", unit="UTC")},
        ),
        "retentionReport": Record(
            container="jobs",
            about="A report of retention that is under way.",
            category=Category.SERVICE,
            retention=timedelta(days=7),
            dated_from="createdAt",
            export=None,
            export_note="numbers and dates per kind of item; they name nobody",
            withheld="names_nobody",
            erasure="names_nobody",
            visible_to=(),
            fields={**_PROGRESS, "date": Field(about="The day of the report.", unit="UTC")},
        ),
        "usageFigures": Record(
            container="jobs",
            about="A computation of the figures of use of one day that is under way.",
            category=Category.SERVICE,
            retention=timedelta(days=7),
            dated_from="createdAt",
            export=None,
            export_note="sums per model, firmware and region; they name nobody",
            withheld="names_nobody",
            erasure="names_nobody",
            visible_to=(),
            fields={
                **_PROGRESS,
                "date": Field(about="The day that is computed.", unit="UTC"),
                "age": Field(about="How long after the day it is computed.", unit="d"),
            },
        ),
        "keepData": Record(
            container="jobs",
            about="Work that keeps data from expiring, or lets it go, as restrictions and legal holds say.",
            category=Category.SERVICE,
            retention=timedelta(days=7),
            dated_from="createdAt",
            export=None,
            export_note="progress of a work whose ground, the restriction, is in the bundle itself",
            withheld="in_the_bundle",
            visible_to=(),
            fields={
                **_PROGRESS,
                "personId": Field(about="Random id of the person."),
                "lifted": Field(about="Whether it was started because something is let go."),
            },
        ),
        "recipientNotice": Record(
            container="jobs",
            about="That a recipient is told of what became of a person's data here; it outlives their erasure.",
            category=Category.SERVICE,
            retention=3 * YEAR,
            dated_from="createdAt",
            export="person",
            erasure="expires",
            visible_to=("the person", "the recipient"),
            fields={
                "jobId": Field(about="Id of the request that it is part of."),
                "recipient": Field(about="Which recipient of the data map is told."),
                "event": Field(about="What became of the data: erasure, restriction, its lifting, or rectification."),
                "categories": Field(about="Of which categories."),
                "state": Field(
                    about="pending until acknowledged; or why nothing is to be acknowledged: the recipient learns it "
                    "from the person, what it has lapses, or its own storage was changed."
                ),
                "about": Field(
                    about="What the recipient needs to find its copy, such as the e-mail address; removed when it has "
                    "acknowledged."
                ),
                "attempts": Field(about="How often sending it was begun."),
                "nextAttemptAt": Field(
                    about="While pending: until when a worker holds it, and when the next one tries.", unit="UTC"
                ),
                "createdAt": Field(about="When it was made.", unit="UTC"),
                "acknowledgedAt": Field(about="When the recipient had done the same.", unit="UTC"),
                "expiresAt": EXPIRES,
            },
        ),
    },
)
