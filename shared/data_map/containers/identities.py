"""`identities`: who a sign-in or an address is."""

from datetime import timedelta
from typing import Final

from shared.data_map.containers.recurring import EXPIRES
from shared.data_map.vocabulary import Category, Container, Field, Record, Source

IDENTITIES: Final = Container(
    partition_key="key",
    indexed=("nextAttemptAt", "expiresAt"),
    records={
        "identity": Record(
            container="identities",
            about="Which person a sign-in identity is.",
            category=Category.SERVICE,
            export=None,
            export_note="a keyed hash without meaning outside this service",
            withheld="security",
            fields={
                "key": Field(about="Keyed hash of issuer and subject.", source=Source.SIGN_IN),
                "personId": Field(about="Random id of the person."),
                "createdAt": Field(about="First sign-in.", unit="UTC"),
            },
        ),
        "contact": Record(
            container="identities",
            about="Which person gave an e-mail address, with or without an account: what staff enter is theirs.",
            category=Category.SERVICE,
            export=None,
            export_note="a keyed hash without meaning outside this service",
            withheld="security",
            fields={
                "key": Field(about="Keyed hash of the normalised address.", source=Source.PERSON),
                "personId": Field(about="Random id of the person."),
                "createdAt": Field(about="When the address was first given.", unit="UTC"),
            },
        ),
        "pushAddress": Record(
            container="identities",
            about="Which installation a push token rings for: one at a time, also when a phone changes hands.",
            category=Category.APP,
            export=None,
            export_note="a keyed hash of the push token, which is in the bundle itself",
            withheld="security",
            fields={
                "key": Field(about="Keyed hash of the push token.", source=Source.APP),
                "personId": Field(about="Random id of the person."),
                "installationId": Field(about="Id of the installation."),
                "takenAt": Field(about="When the installation registered the token.", unit="UTC"),
                "formerPersonId": Field(about="The one before, until their installation has lost the token."),
                "formerInstallationId": Field(about="The installation before, until it has lost the token."),
            },
        ),
        "guardianInvitation": Record(
            container="identities",
            about="That a minor named an e-mail address as that of their parent or guardian.",
            category=Category.PERSON,
            retention=timedelta(days=7),
            dated_from="invitedAt",
            on_expiry="destroy",
            expiry_note="nobody answered it: there is no account and no contract that anybody could be liable for",
            export="person",
            fields={
                "key": Field(about="Keyed hash of the normalised address.", source=Source.OTHERS, exported=False),
                "invitationId": Field(about="Random id of the guardianship that it may make."),
                "wardPersonId": Field(about="Random id of the minor.", exported=False),
                "invitedAt": Field(about="When it was made.", unit="UTC"),
                "email": Field(about="The address, until the mail to it was sent.", source=Source.OTHERS),
                "language": Field(about="Language of the mail, until it was sent: the minor's.", exported=False),
                "attempts": Field(about="How often sending the mail was begun."),
                "nextAttemptAt": Field(
                    about="Until the mail was sent: until when a worker holds it, and when the next one tries.",
                    unit="UTC",
                ),
                "sentAt": Field(about="When a mail server took the mail.", unit="UTC"),
                "expiresAt": EXPIRES,
            },
        ),
        "invitation": Record(
            container="identities",
            about="That the owner of a device invited an e-mail address to be a guest of it.",
            category=Category.PERSON,
            retention=timedelta(days=7),
            dated_from="invitedAt",
            on_expiry="destroy",
            expiry_note="nobody answered it: there is no account and no contract that anybody could be liable for",
            export="person",
            fields={
                "key": Field(about="Keyed hash of the normalised address.", source=Source.OTHERS, exported=False),
                "invitationId": Field(about="Random id of the invitation, and of the guest that it may make."),
                "deviceId": Field(about="Id of the device.", exported=False),
                "ownershipId": Field(about="The owner's period of ownership.", exported=False),
                "invitedAt": Field(about="When it was made.", unit="UTC"),
                "email": Field(about="The address, until the mail to it was sent.", source=Source.OTHERS),
                "language": Field(about="Language of the mail, until it was sent: the owner's.", exported=False),
                "attempts": Field(about="How often sending the mail was begun."),
                "nextAttemptAt": Field(
                    about="Until the mail was sent: until when a worker holds it, and when the next one tries.",
                    unit="UTC",
                ),
                "sentAt": Field(about="When a mail server took the mail.", unit="UTC"),
                "expiresAt": EXPIRES,
            },
        ),
    },
)
