"""How the vault seals: AES-256-GCM, with what a thing is as associated data, so that none passes for another."""

import base64
import json
import secrets
import zlib
from collections.abc import Mapping, Sequence
from typing import Any, Final

from shared.cosmos import Item, declared
from shared.keys import WRAPPING_KEY_BYTES, wrapping_key

_NONCE_BYTES: Final = 12
_GZIP: Final = 31

PART_LIMIT_BYTES: Final = 16 * 1024 * 1024
"""Largest body of one part before it is packed: whoever blocks goes page by page."""


class Damaged(Exception):
    """What lies in the vault was not sealed under this key for this place, or was changed."""


def new_key() -> bytes:
    """A random key."""
    return secrets.token_bytes(WRAPPING_KEY_BYTES)


def sealed(key: bytes, content: bytes, about: str) -> bytes:
    """The content under a key, bound to what it is about."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415 - no cold start waits for it

    nonce = secrets.token_bytes(_NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, content, about.encode())


def opened(key: bytes, body: bytes, about: str) -> bytes:
    """What was sealed.

    Raises:
        Damaged: it was sealed under another key or about something else, or was changed.
    """
    from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - no cold start waits for it
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415 - no cold start waits for it

    try:
        return AESGCM(key).decrypt(body[:_NONCE_BYTES], body[_NONCE_BYTES:], about.encode())
    except (InvalidTag, ValueError) as error:
        raise Damaged("what lies in the vault does not fit its key") from error


def packed(items: Sequence[tuple[str, Item]]) -> bytes:
    """Items with the names of their containers, as they are sealed.

    Raises:
        ValueError: there are too many for one part.
    """
    lines = "".join(json.dumps({"container": name, "item": declared(item)}) + "\n" for name, item in items).encode()
    if len(lines) > PART_LIMIT_BYTES:
        raise ValueError("one part of the vault cannot hold that much: block it in pages")
    return zlib.compress(lines, wbits=_GZIP)


def unpacked(content: bytes) -> list[str]:
    """The lines of a body, one item each."""
    return zlib.decompress(content, wbits=_GZIP).decode().split("\n")[:-1]


class KeyEncryptionKeys:
    """A JWK Set: the first key wraps, all unwrap, so that a key is replaced by putting the new one first."""

    def __init__(self, jwks: Mapping[str, Sequence[Mapping[str, str]]]) -> None:
        """Take the parsed JWK Set."""
        self._keys = {jwk["kid"]: wrapping_key(jwk) for jwk in jwks["keys"]}
        self.first = next(iter(self._keys))

    def wrapped(self, key: bytes, about: str) -> bytes:
        """A key under the first of these, and which that is."""
        body = base64.b64encode(sealed(self._keys[self.first], key, about)).decode()
        return json.dumps({"kid": self.first, "wrapped": body}).encode()

    def unwrapped(self, content: bytes, about: str) -> bytes:
        """The key.

        Raises:
            Damaged: none of these has wrapped it.
        """
        written = _written(content)
        key = self._keys.get(written["kid"])
        if key is None:
            raise Damaged("a key of the vault was wrapped by one that the settings lack")
        return opened(key, base64.b64decode(written["wrapped"]), about)

    def is_under_first(self, content: bytes) -> bool:
        """Whether it was wrapped by the key that wraps now."""
        return bool(_written(content)["kid"] == self.first)


def _written(content: bytes) -> dict[str, Any]:
    try:
        written = json.loads(content)
        return {"kid": str(written["kid"]), "wrapped": str(written["wrapped"])}
    except (ValueError, KeyError, TypeError) as error:
        raise Damaged("a key of the vault is not what was written") from error
