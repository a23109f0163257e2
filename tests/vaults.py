"""A vault for tests: its places, and keys of its own."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from shared.blobs import VAULT, VAULT_KEYS, Blobs
from shared.cosmos import Database, Item
from shared.injection import Point, listening
from shared.vault import KeyEncryptionKeys, VaultStore
from tests.keys import symmetric_jwks

REQUEST = "a" * 32


class Killed(BaseException):
    """The process ends here."""


def new_vault(database: Database, blobs: Blobs) -> VaultStore:
    return VaultStore(database, blobs, KeyEncryptionKeys(symmetric_jwks("dev-vault")))


async def emptied(blobs: Blobs) -> Blobs:
    """Without what an earlier test has left: keys of its own would not open it."""
    for container in (VAULT, VAULT_KEYS):
        for name in [name async for name in blobs.names(container, "")]:
            await blobs.delete(container, name)
    return blobs


async def killed_at(point: Point, doing: Callable[[], Awaitable[Any]]) -> bool:
    """Do it, and die at a point; whether that was reached."""

    async def die(reached: Point) -> None:
        if reached == point:
            raise Killed

    try:
        with listening(die):
            await doing()
    except Killed:
        return True
    return False


def firmware(clock: Callable[[], Any], ownership_id: str = "o" * 32, version: str = "3.2.1") -> Item:
    """A stored item of a category that is blocked."""
    seen = clock() - timedelta(days=730)
    return {
        "id": f"firmware:{version}",
        "type": "firmwareVersion",
        "deviceId": "d" * 32,
        "ownershipId": ownership_id,
        "version": version,
        "firstSeenAt": seen.isoformat(),
        "expiresAt": clock().isoformat(),
    }
