"""Stored records: every container, every kind of item in it, every field."""

from datetime import timedelta
from typing import Final

from shared.data_map.ledger import LEDGER
from shared.data_map.vocabulary import Category, Container, Field, Record, Source

_YEAR: Final = timedelta(days=365)

_TIMES: Final = {
    "sentAt": Field(about="When the monitor sent the message, by its own clock.", source=Source.MONITOR, unit="UTC"),
    "receivedAt": Field(about="When this service received the message.", unit="UTC"),
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
    "epoch": Field(about="The policy under which the item was admitted.", exported=False),
    "expiresAt": Field(about="When the item is destroyed.", unit="UTC"),
}

_GATE_FIELDS: Final[dict[str, Field]] = {
    "epoch": Field(about="Number of the policy; every change raises it."),
    "start": Field(about="Begin of the period.", unit="UTC"),
    "end": Field(about="End of the period.", unit="UTC"),
    "windows": Field(about="Per category the times during which it is collected.", unit="UTC"),
    "tombstone": Field(about="Whether it was erased."),
    "changedAt": Field(about="When the present policy began.", unit="UTC"),
}

_EXPIRES: Final = Field(about="When the item is destroyed.", unit="UTC")

CONTAINERS: Final[dict[str, Container]] = {
    "people": Container(
        partition_key="personId",
        indexed=("type", "createdAt", "nextAttemptAt"),
        records={
            "person": Record(
                container="people",
                about="A person, with or without an account.",
                category=Category.PERSON,
                export="person",
                fields={
                    "personId": Field(about="Random id of the person."),
                    "email": Field(
                        about="The e-mail address: of the account, or given without one.", source=Source.SIGN_IN
                    ),
                    "createdAt": Field(about="First sign-in.", unit="UTC"),
                    "identityKey": Field(
                        about="Key of the sign-in identity, so that an erasure finds it.", exported=False
                    ),
                    "contactKey": Field(
                        about="Key of the address that was given without an account, so that an erasure finds it.",
                        exported=False,
                    ),
                },
            ),
            "appInstallation": Record(
                container="people",
                about="The mobile application on one phone.",
                category=Category.APP,
                export="person",
                fields={
                    "personId": Field(about="Random id of the person."),
                    "installationId": Field(about="Id of the installation."),
                    "pushToken": Field(about="Address for push notifications.", source=Source.APP),
                    "apnsToken": Field(about="Address for push notifications through Apple.", source=Source.APP),
                    "apnsSandbox": Field(about="Whether that address is Apple's test service.", source=Source.APP),
                    "os": Field(about="Mobile operating system.", source=Source.APP),
                    "osVersion": Field(about="Its version.", source=Source.APP),
                    "appVersion": Field(about="Version of the application.", source=Source.APP),
                    "appBuild": Field(about="Build of the application.", source=Source.APP),
                    "phoneModel": Field(about="Model of the phone.", source=Source.APP),
                    "language": Field(about="Language of the application.", source=Source.APP),
                    "active": Field(about="Whether calls are forwarded to this phone.", source=Source.APP),
                    "registeredAt": Field(about="First registration.", unit="UTC"),
                    "updatedAt": Field(about="Last change.", unit="UTC"),
                },
            ),
            "gate": Record(
                container="people",
                about="What may be stored about the person.",
                category=Category.SERVICE,
                export="person",
                erasure="keep_random_ids",
                fields={
                    "personId": Field(about="Random id of the person."),
                    **{name: field for name, field in _GATE_FIELDS.items() if name != "end"},
                },
            ),
            "marker": Record(
                container="people",
                about="The lock of the gate: it exists under the present epoch only.",
                category=Category.SERVICE,
                export=None,
                export_note="a technical lock without data",
                fields={"personId": Field(about="Random id of the person.")},
            ),
            "link": Record(
                container="people",
                about="The person's tie to one device.",
                category=Category.DEVICE,
                export="person",
                fields={
                    "personId": Field(about="Random id of the person."),
                    "deviceId": Field(about="Id of the device."),
                    "ownershipId": Field(about="The period of ownership."),
                    "role": Field(about="What the person is to the device."),
                    "state": Field(about="pending while the registration is under way, then active or ended."),
                    "since": Field(about="Begin of the period.", unit="UTC"),
                    "until": Field(about="End of the period.", unit="UTC"),
                },
            ),
            "ledgerSubject": Record(
                container="people",
                about="The random name under which the ledger keeps what was done; without it nobody can tell whose.",
                category=Category.SERVICE,
                export="person",
                fields={
                    "personId": Field(about="Random id of the person."),
                    "ledgerSubject": Field(about="Random name of the person in the ledger."),
                },
            ),
            "notification": Record(
                container="people",
                about="Something that the person was told, in the app and by mail.",
                category=Category.SERVICE,
                retention=_YEAR,
                dated_from="createdAt",
                export="person",
                fields={
                    "personId": Field(about="Random id of the person."),
                    "notificationId": Field(about="Id of the notification, derived from what it is about."),
                    "template": Field(about="Which text it has."),
                    "subjectId": Field(about="Id of the ownership, support case or export that it is about."),
                    "parameters": Field(about="The values in its text."),
                    "createdAt": Field(about="When it was made.", unit="UTC"),
                    "mail": Field(about="pending until a mail server has taken it, then sent."),
                    "attempts": Field(about="How often sending it was begun."),
                    "nextAttemptAt": Field(
                        about="While pending: until when a worker holds it, and when the next one tries.", unit="UTC"
                    ),
                    "language": Field(about="Language that it was sent in."),
                    "sentAt": Field(about="When a mail server took it.", unit="UTC"),
                    "readAt": Field(about="When the person had read it in the app.", unit="UTC"),
                    "expiresAt": _EXPIRES,
                },
            ),
        },
    ),
    "identities": Container(
        partition_key="key",
        records={
            "identity": Record(
                container="identities",
                about="Which person a sign-in identity is.",
                category=Category.SERVICE,
                export=None,
                export_note="a keyed hash without meaning outside this service",
                fields={
                    "key": Field(about="Keyed hash of issuer and subject.", source=Source.SIGN_IN),
                    "personId": Field(about="Random id of the person."),
                    "createdAt": Field(about="First sign-in.", unit="UTC"),
                },
            ),
            "contact": Record(
                container="identities",
                about="Which person without an account gave an e-mail address.",
                category=Category.SERVICE,
                export=None,
                export_note="a keyed hash without meaning outside this service",
                fields={
                    "key": Field(about="Keyed hash of the normalised address.", source=Source.PERSON),
                    "personId": Field(about="Random id of the person."),
                    "createdAt": Field(about="When the address was first given.", unit="UTC"),
                },
            ),
        },
    ),
    "devices": Container(
        partition_key="deviceId",
        indexed=("type",),
        records={
            "device": Record(
                container="devices",
                about="A monitor, and who owns it now.",
                category=Category.DEVICE,
                export="device",
                visible_to=("the owner", "support staff"),
                fields={
                    "deviceId": Field(about="Id of the device, derived from its serial number under a key."),
                    "serialNumber": Field(about="Serial number.", source=Source.MONITOR),
                    "macAddress": Field(about="Address of its network interface.", source=Source.MONITOR),
                    "family": Field(about="Product family.", source=Source.MONITOR),
                    "productType": Field(about="Product type.", source=Source.MONITOR),
                    "subtype": Field(about="Product subtype.", source=Source.MONITOR),
                    "model": Field(about="Model.", source=Source.MONITOR),
                    "firmwareVersion": Field(about="Firmware version.", source=Source.MONITOR),
                    "hardwareVersion": Field(about="Hardware version.", source=Source.MONITOR),
                    "region": Field(about="Region it was made for.", source=Source.MONITOR),
                    "manufacturedAt": Field(about="Manufacture date.", source=Source.MONITOR, unit="UTC"),
                    "firstConnectedAt": Field(about="Date first connected; it never changes.", unit="UTC"),
                    "updatedAt": Field(about="Last change of the device data.", unit="UTC"),
                    "enrolmentGroup": Field(about="Which group key proved its make.", exported=False),
                    "ownershipId": Field(about="The present period of ownership."),
                    "ownerPersonId": Field(about="Random id of the present owner.", exported=False),
                    "ownedSince": Field(about="Begin of the present period.", unit="UTC"),
                },
            ),
            "pastOwnership": Record(
                container="devices",
                about="A period of ownership that has ended.",
                category=Category.DEVICE,
                export="device",
                fields={
                    "deviceId": Field(about="Id of the device."),
                    "ownershipId": Field(about="The period of ownership."),
                    "ownerPersonId": Field(about="Random id of the owner then.", exported=False),
                    "since": Field(about="Begin of the period.", unit="UTC"),
                    "until": Field(about="End of the period.", unit="UTC"),
                },
            ),
            "supportCase": Record(
                container="devices",
                about="A support case, during which performance data of the device is collected.",
                category=Category.PERFORMANCE,
                export="device",
                visible_to=("the owner", "support staff"),
                fields={
                    "deviceId": Field(about="Id of the device."),
                    "caseId": Field(about="Id of the case."),
                    "ownershipId": Field(about="The period of ownership it belongs to."),
                    "openedAt": Field(about="When it was opened.", unit="UTC"),
                    "caseExpiresAt": Field(about="When it closes by itself.", unit="UTC"),
                    "closedAt": Field(about="When it was closed.", unit="UTC"),
                },
            ),
        },
    ),
    "claims": Container(
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
                    "expiresAt": _EXPIRES,
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
                    "expiresAt": _EXPIRES,
                },
            ),
        },
    ),
    "telemetry": Container(
        partition_key="ownershipId",
        indexed=("receivedAt",),
        records={
            "gate": Record(
                container="telemetry",
                about="What may be stored for one period of ownership.",
                category=Category.SERVICE,
                export="telemetry",
                erasure="keep_random_ids",
                fields={"ownershipId": Field(about="The period of ownership."), **_GATE_FIELDS},
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
                retention=2 * _YEAR,
                dated_from="receivedAt",
                export="telemetry",
                fields=_READINGS_FIELDS,
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
            "attributableMalformed": Record(
                container="telemetry",
                about="An event of this monitor that could not be stored as readings.",
                category=Category.SERVICE,
                retention=timedelta(days=14),
                dated_from="enqueuedAt",
                export="telemetry",
                visible_to=("the owner", "engineers"),
                fields={
                    "ownershipId": Field(about="The period of ownership."),
                    "reason": Field(about="Why it could not be stored."),
                    "enqueuedAt": Field(about="When the hub took it.", unit="UTC"),
                    "body": Field(about="The event as received, in base64.", source=Source.MONITOR),
                    "truncated": Field(about="Whether the body was cut to its limit."),
                    "expiresAt": _EXPIRES,
                },
            ),
        },
    ),
    "quarantine": Container(
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
                    "expiresAt": _EXPIRES,
                },
            ),
        },
    ),
    "jobs": Container(
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
                    "expiresAt": _EXPIRES,
                },
            ),
        },
    ),
    "ledger": LEDGER,
}
