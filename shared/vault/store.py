"""Where the vault lies: cases in the database, bodies and keys of the months in Blob storage."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from shared.blobs import VAULT, VAULT_KEYS, Blobs
from shared.cosmos import Conflict, Container, Database
from shared.data_map import CATEGORIES, Category
from shared.keys import keyed_id
from shared.vault.sealing import Damaged, KeyEncryptionKeys, new_key

CASE_ITEM: Final = "case"
MONTH_ITEM: Final = "month"


def destruction_date(blocked_for: timedelta, now: datetime) -> date:
    """The first day of the month after the period is over: all of a month is destroyed at once."""
    over = (now + blocked_for).date()
    return (over.replace(day=1) + timedelta(days=32)).replace(day=1)


def blocked_until(category: Category, now: datetime) -> date:
    """On which day something is destroyed that is blocked now.

    Raises:
        ValueError: the data map says to destroy it, not to block it.
    """
    rule = CATEGORIES[category]
    if rule.on_expiry != "block" or rule.blocked_for is None:
        raise ValueError(f"'{category.value}' is not blocked")
    return destruction_date(rule.blocked_for, now)


def month_of(until: date) -> str:
    """The month on whose first day something is destroyed."""
    return f"{until:%Y-%m}"


@dataclass(frozen=True, slots=True)
class VaultStore:
    """The vault's places, and the keys that wrap those of the months."""

    database: Database
    blobs: Blobs
    keys: KeyEncryptionKeys

    @property
    def cases(self) -> Container:
        """The cases, with what is known of each without opening it."""
        return self.database["vault"]

    async def month_key(self, month: str) -> bytes | None:
        """The key of a month; None when there is none yet, or it was destroyed.

        Raises:
            Damaged: it is not what was written, or the settings lack the key that wrapped it.
        """
        content = await self.blobs.read(VAULT_KEYS, month)
        return None if content is None else self.keys.unwrapped(content, _about(month))

    async def new_month_key(self, month: str) -> bytes:
        """The key of a month, made here when it is the first time; of several at once one makes it."""
        known = await self.month_key(month)
        if known is not None:
            return known
        made = new_key()
        try:
            await self.blobs.create(VAULT_KEYS, month, self.keys.wrapped(made, _about(month)))
        except Conflict:
            known = await self.month_key(month)
            if known is None:
                raise
            return known
        return made

    async def months(self) -> AsyncIterator[str]:
        """The months that have a key, in their order."""
        async for name in self.blobs.names(VAULT_KEYS, ""):
            yield name

    async def wrap_anew(self) -> int:
        """Bring the keys of all months under the first of the settings; return how many were not."""
        brought = 0
        async for month in self.months():
            content, etag = await self.blobs.read_tagged(VAULT_KEYS, month)
            if content is None or self.keys.is_under_first(content):
                continue
            key = self.keys.unwrapped(content, _about(month))
            # Under its ETag: a key that is destroyed meanwhile must not come back.
            if await self.blobs.replace(VAULT_KEYS, month, self.keys.wrapped(key, _about(month)), etag):
                brought += 1
        return brought

    async def body(self, month: str, case_id: str, part: str) -> bytes:
        """A sealed body.

        Raises:
            Damaged: the case names it, and it is gone.
        """
        found = await self.blobs.read(VAULT, blob_name(month, case_id, part))
        if found is None:
            raise Damaged("a part of a case is gone")
        return found


def _about(month: str) -> str:
    return f"month\n{month}"


def blob_name(month: str, case_id: str, part: str) -> str:
    """Where the sealed body of a part lies: with all others of its month, so that it goes whoever still knows of it."""
    return f"{month}/{case_id}/{part}"


def address_key(month_key: bytes, kind: str, value: str) -> str:
    """Under which key a case is found by whom or what it is about: it means nothing without the key of the month."""
    written = value.strip().lower() if kind == "email" else value
    return keyed_id(month_key, f"vault {kind}", written)
