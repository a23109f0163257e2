"""`people`: everything that belongs to one person."""

from typing import Final

from shared.data_map.containers.choices import CHOICES
from shared.data_map.containers.recurring import EXPIRES, GATE_FIELDS, KEPT_BY, YEAR
from shared.data_map.vocabulary import Category, Container, Field, Record, Source

_GATE_NAMES: Final = ("epoch", "start", "windows", "storeOnly", "held", "tombstone", "changedAt")

_SCOPE: Final[dict[str, Field]] = {
    "personId": Field(about="Random id of the person."),
    "scope": Field(about="What it is about: the person, a device or a category."),
    "deviceId": Field(about="Id of the device."),
    "ownershipId": Field(about="The period of ownership of that device."),
    "category": Field(about="The category."),
    "ground": Field(about="On which ground, a word of a closed list."),
    "since": Field(about="Since when.", unit="UTC"),
    "nextLookAt": Field(about="When the timer next looks at it.", unit="UTC", exported=False),
}
"""Of a restriction as of a legal hold."""

PEOPLE: Final = Container(
    partition_key="personId",
    indexed=("type", "createdAt", "nextAttemptAt", "pendingSince", "nextLookAt", "expiresAt"),
    records={
        "person": Record(
            container="people",
            about="A person, with or without an account.",
            category=Category.PERSON,
            dated_from="createdAt",
            export="person",
            fields={
                "personId": Field(about="Random id of the person."),
                "email": Field(
                    about="The e-mail address: of the account, or given without one.", source=Source.SIGN_IN
                ),
                "createdAt": Field(about="First sign-in.", unit="UTC"),
                "identityKey": Field(about="Key of the sign-in identity, so that an erasure finds it.", exported=False),
                "contactKey": Field(
                    about="Key of the address, so that invitations to it are found, and by an erasure all of it.",
                    exported=False,
                ),
            },
        ),
        "appInstallation": Record(
            container="people",
            about="The mobile application on one phone.",
            category=Category.APP,
            dated_from="registeredAt",
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
                "country": Field(about="Country that the phone is in, and nothing closer.", source=Source.APP),
                "subdivision": Field(about="Province or state of that country.", source=Source.APP),
                "pushKeys": Field(
                    about="Keys of the push addresses' look-ups, so that an erasure finds them.", exported=False
                ),
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
                **{name: GATE_FIELDS[name] for name in _GATE_NAMES},
                "objected": Field(
                    about="What the person objects to; and that a minor's own consent does not count.",
                    source=Source.PERSON,
                ),
                "consented": Field(about="The purposes that the person consents to.", source=Source.PERSON),
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
            dated_from="since",
            export="person",
            fields={
                "personId": Field(about="Random id of the person."),
                "deviceId": Field(about="Id of the device."),
                "ownershipId": Field(about="The period of ownership."),
                "role": Field(about="What the person is to the device: owner or guest."),
                "guestId": Field(about="Id of the guest, who the person is to the device."),
                "state": Field(about="pending while pairing or accepting is under way, then active or ended."),
                "pendingSince": Field(about="While pending: since when.", unit="UTC"),
                "invoicedOn": Field(about="Date of the invoice that the warranty counts from.", source=Source.PERSON),
                "country": Field(about="Country that it was paired in, by which it is known what needs consent."),
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
        **CHOICES,
        "blockedData": Record(
            container="people",
            about="What of the person's data is blocked: kept apart for courts and authorities, and used for nothing.",
            category=Category.SERVICE,
            dated_from="at",
            export="person",
            fields={
                "personId": Field(about="Random id of the person."),
                "caseId": Field(about="Id of what was blocked together."),
                "requestId": Field(about="Random id of the request that blocked it."),
                "category": Field(about="Category of what is blocked."),
                "ground": Field(about="erasure, rectification or expiry."),
                "why": Field(about="Why it is blocked and not destroyed."),
                "until": Field(about="The day on which it is destroyed.", unit="UTC"),
                "at": Field(about="When it was blocked.", unit="UTC"),
                "expiresAt": EXPIRES,
            },
        ),
        "recipientsTold": Record(
            container="people",
            about="That recipients of the person's data were told of a change; their answers lie with the request.",
            category=Category.SERVICE,
            retention=3 * YEAR,
            dated_from="createdAt",
            export="person",
            fields={
                "personId": Field(about="Random id of the person."),
                "requestId": Field(about="Id of the request."),
                "event": Field(about="What became of the data."),
                "createdAt": Field(about="When the notices were made.", unit="UTC"),
                "expiresAt": EXPIRES,
            },
        ),
        "notification": Record(
            container="people",
            about="Something that the person was told, in the app and by mail.",
            category=Category.SERVICE,
            retention=YEAR,
            dated_from="createdAt",
            export="person",
            fields={
                "personId": Field(about="Random id of the person."),
                "notificationId": Field(about="Id of the notification, derived from what it is about."),
                "template": Field(about="Which text it has."),
                "subjectId": Field(about="Id of the ownership, guest, support case or export that it is about."),
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
                "keptBy": KEPT_BY,
                "expiresAt": EXPIRES,
            },
        ),
        "restriction": Record(
            container="people",
            about="A restriction of processing: what it covers is stored, and used for nothing else (GDPR 18).",
            category=Category.SERVICE,
            export="person",
            visible_to=("the person", "privacy staff"),
            fields={
                **_SCOPE,
                "restrictionId": Field(about="Id of the restriction."),
                "state": Field(about="active, lifting once it was announced that it ends, then lifted."),
                "by": Field(about="Who began it: the person, staff for them, or a replay after a restore."),
                "liftsAt": Field(about="When it ends, once that was announced.", unit="UTC"),
                "liftedAt": Field(about="When it ended.", unit="UTC"),
                "liftedBy": Field(about="Who ended it: the person, or staff who announced it."),
            },
        ),
        "legalHold": Record(
            container="people",
            about="A legal hold: what it covers is not destroyed before its end (GDPR 17(3)).",
            category=Category.SERVICE,
            export="person",
            visible_to=("the person, unless that is forbidden", "privacy staff"),
            fields={
                **_SCOPE,
                "holdId": Field(about="Id of the hold."),
                "reference": Field(about="Number of the matter; it names nobody.", source=Source.STAFF),
                "until": Field(about="When it ends at the latest.", unit="UTC"),
                "setBy": Field(about="Random id of the member of staff.", exported=False),
                "untold": Field(about="Whether telling the person is forbidden.", exported=False),
                "endedAt": Field(about="When it ended.", unit="UTC"),
            },
        ),
    },
)
