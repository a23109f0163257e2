"""What the steps of an erasure work with."""

from dataclasses import dataclass
from typing import Self

from shared.blobs import Blobs
from shared.cosmos import Database
from shared.gate import NarrowingJournal
from shared.hubs import Hub
from shared.keys import KeySet
from shared.mail import Mailer
from shared.services import Services
from shared.vault import VaultStore
from shared.webhooks import Webhooks


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """Stores, senders and keys."""

    database: Database
    blobs: Blobs
    journal: NarrowingJournal
    hub: Hub
    mailer: Mailer
    keys: KeySet
    vault: VaultStore
    webhooks: Webhooks

    @classmethod
    def of(cls, services: Services) -> Self:
        """Those of a worker."""
        return cls(
            database=services.database,
            blobs=services.blobs,
            journal=services.journal,
            hub=services.hubs.jobs,
            mailer=services.mailer,
            keys=services.export_keys,
            vault=services.vault,
            webhooks=services.webhooks,
        )
