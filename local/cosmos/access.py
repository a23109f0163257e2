"""Who may do what: whoever signs with the account's key everything, whoever has a token what data-plane roles allow."""

import hmac
import urllib.parse
from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Final

from local.cosmos.failures import Failure
from local.cosmos.signature import Signer

_PREFIX: Final = "type=aad&ver=1.0&sig="
_NOT_BY_TOKEN: Final = 5300
_CONTAINER_DEPTH: Final = 4


class Access:
    """Checks the authorization of requests.

    Tokens of an identity provider are known as a whole: neither their content nor their age is looked at. As in Azure
    they are good for items, and for reading what containers there are; making or changing these is not for them.
    """

    def __init__(self, signer: Signer, tokens: Iterable[str]) -> None:
        self._signer = signer
        self._tokens = frozenset(token.encode() for token in tokens)

    def check(self, method: str, path: Sequence[str], headers: Mapping[str, str]) -> None:
        """Let a request to the decoded segments of `path` pass.

        Raises:
            Failure: 401, who sent it is not known; 403, they must not do this.
        """
        authorization = headers.get("authorization", "")
        if authorization.startswith(("type=aad", "type%3Daad")):
            self._check_token(urllib.parse.unquote(authorization), method, path)
        else:
            self._signer.verify(method, path, headers.get("x-ms-date", ""), authorization)

    def _check_token(self, authorization: str, method: str, path: Sequence[str]) -> None:
        token = authorization.removeprefix(_PREFIX).encode()
        if not any(hmac.compare_digest(token, accepted) for accepted in self._tokens):
            raise Failure(HTTPStatus.UNAUTHORIZED, "The token is not one that the endpoint was told to accept.")
        if tuple(path[:1]) == ("offers",) or (method != "GET" and len(path) <= _CONTAINER_DEPTH):
            message = f"Request '{method} /{'/'.join(path)}' cannot be authorized by a token in the data plane."
            raise Failure(HTTPStatus.FORBIDDEN, message, substatus=_NOT_BY_TOKEN)
