"""Master-key authorization: is a request signed with the account's key?"""

import base64
import hashlib
import hmac
import urllib.parse
from collections.abc import Sequence
from http import HTTPStatus
from typing import Final

from local.cosmos.failures import Failure

_ENCODED_PREFIX: Final = "type%3Dmaster%26ver%3D1.0%26sig%3D"
_PARTITION_DELETE: Final = ("operations", "partitionkeydelete")


class Signer:
    """Verifies signatures made with one key.

    The age of a signature is not looked at, so that the endpoint's clock may be set apart from the client's.
    """

    def __init__(self, key: str) -> None:
        self._key = base64.b64decode(key)

    def verify(self, method: str, path: Sequence[str], date: str, authorization: str) -> None:
        """Check the authorization of a request to the decoded segments of `path`.

        Raises:
            Failure: 401, it is missing or made with another key or for another request.
        """
        sent = _signature(authorization)
        kind, link = _resource(path)
        candidates = (link, link.rsplit("/", 1)[-1].lower())  # a resource named by its _rid signs that alone
        if not any(hmac.compare_digest(sent, self._sign(method, kind, named, date)) for named in candidates):
            raise Failure(
                HTTPStatus.UNAUTHORIZED,
                "The input authorization token can't serve the request. The wrong key is being used or the expected "
                "payload is not built as per the protocol.",
            )

    def _sign(self, method: str, kind: str, link: str, date: str) -> bytes:
        text = f"{method.lower()}\n{kind}\n{link}\n{date.lower()}\n\n"
        return base64.b64encode(hmac.digest(self._key, text.encode(), hashlib.sha256))


def _signature(authorization: str) -> bytes:
    kind, _, signature = authorization.partition(_ENCODED_PREFIX)
    if kind or not signature:
        return b""
    return urllib.parse.unquote_to_bytes(signature)


def _resource(path: Sequence[str]) -> tuple[str, str]:
    """The type and the link that a client signs for a path."""
    if tuple(path[-2:]) == _PARTITION_DELETE:
        return "colls", "/".join(path[:-2])
    if len(path) % 2:
        return path[-1].lower(), "/".join(path[:-1])
    return (path[-2].lower() if path else ""), "/".join(path)
