"""Who may use what on a connection: shared access signatures, and the tokens that this endpoint was told to accept.

A token grants all that lies below its resource until it expires. Its resource's host is not compared, because clients
name this endpoint differently; rights (send, listen, manage) are not told apart, as with the emulator's root key.
Tokens are looked at when a link is opened and when management is asked, not while a link stays open. They expire by
real time, also when the endpoint's clock is put forward: their makers go by it.
"""

import base64
import hashlib
import hmac
import math
import time
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple
from urllib.parse import unquote_plus, urlsplit

from local.eventhubs.errors import AmqpError, Condition

KEY_NAME: Final = "RootManageSharedAccessKey"
KEY_VALUE: Final = "SAS_KEY_VALUE"
"""The published key of Microsoft's own emulator: it opens nothing but a development endpoint."""

JWT: Final = "jwt"
"""What clients call the tokens of an identity provider."""

_SCHEME: Final = "SharedAccessSignature "


class Grant(NamedTuple):
    """What one token allows."""

    path: tuple[str, ...]
    expires_at: float


class Grants:
    """What the tokens put on one connection allow."""

    def __init__(self) -> None:
        self._grants: dict[tuple[str, ...], float] = {}

    def add(self, grant: Grant) -> None:
        """A renewed token replaces the one for the same resource."""
        self._grants[grant.path] = grant.expires_at

    def check(self, resource: str) -> None:
        """Let pass what a valid token covers.

        Raises:
            AmqpError: none does.
        """
        path, now = _path(resource), time.time()
        if not any(path[: len(granted)] == granted and expires > now for granted, expires in self._grants.items()):
            raise AmqpError(
                Condition.UNAUTHORIZED_ACCESS,
                f"Unauthorized access to '{resource}'. Put a valid token on the connection first.",
            )


def _path(resource: str) -> tuple[str, ...]:
    return tuple(part.lower() for part in urlsplit(resource).path.split("/") if part)


def verify(token: str, keys: Mapping[str, str]) -> Grant:
    """What a token grants.

    Raises:
        AmqpError: it is not a shared access signature, its key is unknown, its signature is wrong, or it is expired.
    """
    if not token.startswith(_SCHEME):
        raise _refused("InvalidToken: the token is not a shared access signature.")
    fields = dict(field.partition("=")[::2] for field in token.removeprefix(_SCHEME).split("&"))
    if not {"sr", "sig", "se", "skn"} <= fields.keys() or not fields["se"].isdecimal():
        raise _refused("MalformedToken: the token needs the fields sr, sig, se and skn.")
    key = keys.get(unquote_plus(fields["skn"]))
    if key is None or not hmac.compare_digest(_sign(fields["sr"], fields["se"], key), unquote_plus(fields["sig"])):
        raise _refused("InvalidSignature: The token has an invalid signature.")
    expires_at = int(fields["se"])
    if expires_at <= time.time():
        raise _refused("ExpiredToken: The token is expired.")
    return Grant(_path(unquote_plus(fields["sr"])), expires_at)


def recognise(token: str, resource: object, accepted: Iterable[str]) -> Grant:
    """What a token of an identity provider grants: nothing is read from it, it is one of the accepted or it is not.

    Raises:
        AmqpError: it is not, or it is not said what for.
    """
    if not isinstance(resource, str):
        raise _refused("MalformedToken: put-token needs the name of what the token is for.")
    if not any(hmac.compare_digest(token.encode(), known.encode()) for known in accepted):
        raise _refused("InvalidToken: of tokens of an identity provider only those given at the start are accepted.")
    return Grant(_path(resource), math.inf)


def _sign(resource: str, expiry: str, key: str) -> str:
    digest = hmac.digest(key.encode(), f"{resource}\n{expiry}".encode(), hashlib.sha256)
    return base64.b64encode(digest).decode()


def _refused(description: str) -> AmqpError:
    return AmqpError(Condition.UNAUTHORIZED_ACCESS, description)
