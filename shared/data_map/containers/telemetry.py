"""`telemetry`: what one period of ownership holds."""

from datetime import timedelta
from typing import Final

from shared.data_map.containers.quarantine import MALFORMED_FIELDS
from shared.data_map.containers.recurring import EXPIRES, GATE_FIELDS, KEPT_BY, YEAR
from shared.data_map.vocabulary import Category, Container, Field, Record, Source

_TIMES: Final = {
    "sentAt": Field(about="When the monitor sent the message, by its own clock.", source=Source.MONITOR, unit="UTC"),
    "receivedAt": Field(about="When this service received the message.", source=Source.OBSERVED, unit="UTC"),
}

_READINGS_FIELDS: Final[dict[str, Field]] = {
    "ownershipId": Field(about="The period of ownership that the readings belong to."),
    "category": Field(about="The category of all readings in the item."),
    "messageId": Field(about="The monitor's id of the message.", source=Source.MONITOR),
    "schemaVersion": Field(about="Version of the telemetry envelope.", source=Source.MONITOR),
    **_TIMES,
    "clockOffsetS": Field(about="How far the monitor's clock was behind when it sent the message.", unit="s"),
    "timeQuality": Field(about="'device' when the monitor's clock was right, 'corrected' when the offset was added."),
    "observedFrom": Field(about="Corrected time of the first reading.", unit="UTC"),
    "observedTo": Field(about="Corrected time of the last reading.", unit="UTC"),
    "count": Field(about="How many readings the item holds.", unit="readings"),
    "columns": Field(
        about="The readings: per kind one list per field, with the declared units in the fields' names.",
        source=Source.MONITOR,
    ),
    "bodyHash": Field(
        about="SHA-256 of the whole message before anything was refused of it, which tells a repeat from another one.",
        exported=False,
    ),
    "storeOnly": Field(about="Whether it was stored while its processing was restricted, and is used for nothing."),
    "epoch": Field(about="The policy under which the item was admitted.", exported=False),
    "expiresAt": EXPIRES,
    "keptBy": KEPT_BY,
}

_USAGE_FIELDS: Final[dict[str, Field]] = {
    **_READINGS_FIELDS,
    "days": Field(about="The days of the readings, by which statistics find them.", unit="UTC"),
    "product": Field(about="Model, firmware and region that the monitor had then.", source=Source.MONITOR),
}


def _annotation(category: Category, retention: timedelta) -> Record:
    return Record(
        container="telemetry",
        about="What the owner says about a reading that is not right; the reading stays as the monitor sent it.",
        category=category,
        retention=retention,
        dated_from="createdAt",
        export="telemetry",
        fields={
            "ownershipId": Field(about="The period of ownership."),
            "annotationId": Field(about="Id of the annotation."),
            "annotates": Field(about="The monitor's id of the message that holds the reading.", source=Source.PERSON),
            "kind": Field(about="Kind of the reading.", source=Source.PERSON),
            "observedAt": Field(about="Corrected time of the reading.", source=Source.PERSON, unit="UTC"),
            "days": Field(about="The day of the reading, by which statistics find it.", unit="UTC"),
            "statement": Field(
                about="What is not right: it was not them, or its value, or its time.", source=Source.PERSON
            ),
            "note": Field(about="What they say beside.", source=Source.PERSON),
            "createdAt": Field(about="When it was made.", source=Source.OBSERVED, unit="UTC"),
            "withdrawnAt": Field(about="While it is being removed: since when.", unit="UTC"),
            "expiresAt": EXPIRES,
            "keptBy": KEPT_BY,
        },
    )


TELEMETRY: Final = Container(
    partition_key="ownershipId",
    indexed=("receivedAt", "observedTo", "days/[]", "enqueuedAt", "annotates", "createdAt", "expiresAt"),
    records={
        "gate": Record(
            container="telemetry",
            about="What may be stored for one period of ownership.",
            category=Category.SERVICE,
            export="telemetry",
            erasure="keep_random_ids",
            fields={"ownershipId": Field(about="The period of ownership."), **GATE_FIELDS},
        ),
        "marker": Record(
            container="telemetry",
            about="The lock of the gate: it exists under the present epoch only.",
            category=Category.SERVICE,
            export=None,
            export_note="a technical lock without data",
            fields={"ownershipId": Field(about="The period of ownership.")},
        ),
        "usageReadings": Record(
            container="telemetry",
            about="How the video door entry system was used.",
            category=Category.USAGE,
            retention=2 * YEAR,
            dated_from="receivedAt",
            export="telemetry",
            fields=_USAGE_FIELDS,
        ),
        "performanceReadings": Record(
            container="telemetry",
            about="How hardware, firmware and software of the monitor performed.",
            category=Category.PERFORMANCE,
            retention=timedelta(days=180),
            dated_from="receivedAt",
            export="telemetry",
            visible_to=("the owner", "support staff while the case is open"),
            fields=_READINGS_FIELDS,
        ),
        "usageAnnotation": _annotation(Category.USAGE, 2 * YEAR),
        "performanceAnnotation": _annotation(Category.PERFORMANCE, timedelta(days=180)),
        "attributableMalformed": Record(
            container="telemetry",
            about="An event of this monitor that could not be stored as readings.",
            category=Category.SERVICE,
            retention=timedelta(days=14),
            dated_from="enqueuedAt",
            export="telemetry",
            visible_to=("the owner", "fleet staff"),
            fields={
                "ownershipId": Field(about="The period of ownership."),
                **MALFORMED_FIELDS,
                "keptBy": KEPT_BY,
            },
        ),
    },
)
