"""What is held outside the database: in hubs, in blobs, and by others; and when it is gone from there."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from shared.data_map.vocabulary import Field, Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Hub:
    """The events of one hub: their properties and the fields of their body."""

    about: str
    properties: Mapping[str, Field]
    body: Mapping[str, Field]
    lapse: timedelta
    """How long after an erasure an event may still lie there; admission refuses it meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BlobContainer:
    """The blobs of one container."""

    about: str
    name_pattern: str
    """Regular expression that every blob's name matches: a name holds random ids only."""
    lapse: timedelta | None
    """How long a blob is kept; None: its content names nobody."""
    export: str
    erasure: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OutsidePlace:
    """A place that this service does not write itself, and that holds something because of it."""

    about: str
    holds: str
    lapse: timedelta | None
    """How long after an erasure it may still hold it; None: until the person or the provider removes it."""
    export: str
    erasure: str


_ID: Final = "[0-9a-f]{32}"

HUBS: Final[dict[str, Hub]] = {
    "telemetry": Hub(
        about="Messages of monitors on their way into the database.",
        properties={
            "ownershipId": Field(about="The period of ownership, verified by the gateway."),
            "policy": Field(about="The policy that the monitor's token carried."),
            "receivedAt": Field(about="When this service received the message.", unit="UTC"),
            "clockOffsetS": Field(about="How far the monitor's clock was behind when it sent the message.", unit="s"),
            "product": Field(about="Model, firmware and region that the monitor's token names."),
            "messageHash": Field(about="SHA-256 of the whole message, before anything was refused of it."),
            "replayOf": Field(about="Of an event that staff have tried again: under which id it had been set aside."),
        },
        body={
            "schemaVersion": Field(about="Version of the telemetry envelope.", source=Source.MONITOR),
            "messageId": Field(about="The monitor's id of the message.", source=Source.MONITOR),
            "sentAt": Field(about="When the monitor sent it, by its own clock.", source=Source.MONITOR, unit="UTC"),
            "columns": Field(
                about="The accepted readings, without undeclared fields: per kind one list per field.",
                source=Source.MONITOR,
            ),
        },
        lapse=timedelta(days=1),
    ),
    "jobs": Hub(
        about="Nudges: that there is a job to do.",
        properties={},
        body={"jobId": Field(about="Random id of the job.")},
        lapse=timedelta(days=1),
    ),
}

BLOBS: Final[dict[str, BlobContainer]] = {
    "exports": BlobContainer(
        about="Bundles that people have asked for, and beside one that is being made what its steps tell each other.",
        name_pattern=rf"{_ID}/(\d+\.zip|work/\d+-\d+\.json)",
        lapse=timedelta(days=7),
        export="the bundle is the export",
        erasure="copies made before are deleted, whether everything or a part is erased, and one that is being made "
        "ends or begins anew; what a worker was just writing expires by the storage account's lifecycle rule",
    ),
    "journal": BlobContainer(
        about="Written once and never changed: checkpoints of the ledger, and every change that narrows a policy.",
        name_pattern=(
            r"(ledger/checkpoints/\d{4}-\d{2}-\d{2}|ledger/heads/[0-9a-f]{64}"
            rf"|narrowed/\d{{16}}-{_ID}-\d+\.json)"
        ),
        lapse=None,
        export="holds random ids only",
        erasure="holds random ids only",
    ),
    "vault": BlobContainer(
        about="Bodies of what is blocked, sealed; names and keys mean nothing without the database.",
        name_pattern=rf"\d{{4}}-\d{{2}}/{_ID}/[0-9a-z][0-9a-z._-]{{0,63}}",
        lapse=None,
        export="what is blocked, why and until when is in the bundle",
        erasure="it is what an erasure blocks; destroyed on its date with the key of its month",
    ),
    "vault-keys": BlobContainer(
        about="The key of each month of destruction, wrapped. Neither soft delete nor versioning nor a backup.",
        name_pattern=r"\d{4}-\d{2}",
        lapse=None,
        export="names nobody",
        erasure="names nobody; deleted on the first day of its month, which destroys what was blocked until then",
    ),
    "azure-webjobs-eventhub": BlobContainer(
        about="How far each consumer has read; made by the platform.",
        name_pattern=r".*",
        lapse=None,
        export="names nobody",
        erasure="names nobody",
    ),
}

OUTSIDE: Final[dict[str, OutsidePlace]] = {
    "backups": OutsidePlace(
        about="Continuous backup of the database.",
        holds="everything that the database held",
        lapse=timedelta(days=7),
        export="not separately: it is a copy",
        erasure="lapses; a restored database serves nothing before erasures were replayed",
    ),
    "sign-in provider": OutsidePlace(
        about="Where residents and staff sign in.",
        holds="e-mail address and credentials of the account",
        lapse=None,
        export="by the provider, to whom the notice points",
        erasure="the person is told how; the provider is a recipient",
    ),
    "push services": OutsidePlace(
        about="Google's and Apple's delivery of calls to phones.",
        holds="push tokens, for as long as they are registered",
        lapse=timedelta(days=270),
        export="the tokens are in the person's export",
        erasure="tokens are forgotten here, and lapse there when unused",
    ),
    "traces": OutsidePlace(
        about="Logs and traces of requests.",
        holds="operation, status, duration and a random request id; nothing of the person",
        lapse=timedelta(days=30),
        export="holds nothing of the person",
        erasure="holds nothing of the person",
    ),
}
