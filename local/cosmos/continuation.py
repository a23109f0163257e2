"""Continuations: where the next page of a query starts.

They name a place in the order of results, never a count of results, so items that come or go between two pages make no
other item appear twice or not at all. They hold no state of the server and outlive its restart.
"""

import base64
import binascii
import hashlib
from typing import Any, Final, NamedTuple

from local.cosmos import values
from local.cosmos.failures import Failure, bad_request, unsupported

_MAX_LENGTH: Final = 8000  # what the clients' transport takes in one header


class Continuation(NamedTuple):
    """The place of the last result given; what of OFFSET is still to skip, and of TOP or LIMIT still to give."""

    place: Any
    skip: int
    left: int | None

    def encode(self, query: str) -> str:
        """As sent in `x-ms-continuation`.

        Raises:
            Failure: it would not fit into a header.
        """
        text = base64.b64encode(values.dump([_digest(query), *self])).decode()
        if len(text) > _MAX_LENGTH:
            raise unsupported("Paging by an ORDER BY over values that are this long")
        return text


def decode(text: str, query: str) -> Continuation:
    """Read a continuation of the same query.

    Raises:
        Failure: it is none, or belongs to another query.
    """
    try:
        digest, place, skip, left = values.load(base64.b64decode(text, validate=True))
    except (ValueError, TypeError, binascii.Error):
        raise invalid() from None
    if digest != _digest(query):
        raise invalid()
    return Continuation(place, int(skip), left)


def _digest(query: str) -> str:
    return hashlib.blake2b(query.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def invalid() -> Failure:
    """The continuation is not one that this query gave."""
    return bad_request("Invalid Continuation Token: it is malformed, or belongs to another query.")
