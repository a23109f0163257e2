"""What restrictions and holds are carried out with."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol

from shared.cosmos import Container, Database
from shared.data_map import Category
from shared.gate import NarrowingJournal
from shared.hubs import Hub

Event = Literal["restriction", "restriction_lifted"]


class TellRecipients(Protocol):
    """Lets everybody know who is given something of these categories (GDPR 19)."""

    async def __call__(
        self,
        request_id: str,
        event: Event,
        about: Mapping[str, Any],
        *,
        categories: Collection[Category],
        person_id: str,
    ) -> None:
        """Tell each of them once; a repeat changes nothing."""


async def tell_no_recipient(
    request_id: str,
    event: Event,
    about: Mapping[str, Any],
    *,
    categories: Collection[Category],
    person_id: str,
) -> None:
    """Nobody else is given anything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Office:
    """Stores, sender and time."""

    database: Database
    journal: NarrowingJournal
    hub: Hub
    now: datetime
    tell_recipients: TellRecipients = tell_no_recipient

    @property
    def people(self) -> Container:
        """Where the records lie."""
        return self.database["people"]
