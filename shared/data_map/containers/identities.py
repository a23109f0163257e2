"""`identities`: who a sign-in or an address is."""

from typing import Final

from shared.data_map.vocabulary import Category, Container, Field, Record, Source

IDENTITIES: Final = Container(
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
        "pushAddress": Record(
            container="identities",
            about="Which installation a push token rings for: one at a time, also when a phone changes hands.",
            category=Category.APP,
            export=None,
            export_note="a keyed hash of the push token, which is in the bundle itself",
            fields={
                "key": Field(about="Keyed hash of the push token.", source=Source.APP),
                "personId": Field(about="Random id of the person."),
                "installationId": Field(about="Id of the installation."),
                "takenAt": Field(about="When the installation registered the token.", unit="UTC"),
                "formerPersonId": Field(about="The one before, until their installation has lost the token."),
                "formerInstallationId": Field(about="The installation before, until it has lost the token."),
            },
        ),
    },
)
