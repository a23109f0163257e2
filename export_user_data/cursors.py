"""Cursors: opaque and signed, each good for one use; and that of a stream of readings.

A stream's names a page of the database's own change feed and the last item of it that was answered, so that a reader
may go on behind any item.
"""

import base64
import binascii
import hmac
import json
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from shared.errors import Problem
from shared.keys import keyed_id

_KIND: Final = "stream cursor"
_LIMIT: Final = 4096
_SIGNATURE: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Behind which item of which page a reader is."""

    ownership_id: str
    page: str | None = None
    """Where the page begins in the change feed; None at the very beginning."""
    number: int = -1
    """Number of the last change that was answered, and its item."""
    item_id: str = ""
    newest: str | None = None
    """When the service received the newest of what was answered."""


def written(place: Place, *, key: bytes) -> str:
    """The cursor of a place."""
    return signed(asdict(place), use=_KIND, key=key)


def read(cursor: str, *, key: bytes) -> Place:
    """The place of a cursor that this service wrote.

    Raises:
        Problem: cursor_invalid.
    """
    return Place(**opened(cursor, use=_KIND, key=key))


def signed(said: Mapping[str, Any], *, use: str, key: bytes) -> str:
    """A cursor that says this, for one use; the use says whose it is, and is not in it."""
    packed = zlib.compress(json.dumps(said, separators=(",", ":")).encode())
    return base64.urlsafe_b64encode(_signature(packed, use, key) + packed).decode().rstrip("=")


def opened(cursor: str, *, use: str, key: bytes) -> dict[str, Any]:
    """What a cursor says that this service wrote for this use.

    Raises:
        Problem: cursor_invalid, also for a cursor of another use.
    """
    try:
        whole = base64.b64decode(cursor[:_LIMIT] + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        raise Problem("cursor_invalid") from None
    signature, packed = whole[:_SIGNATURE], whole[_SIGNATURE:]
    if not hmac.compare_digest(signature, _signature(packed, use, key)):
        raise Problem("cursor_invalid")
    return dict(json.loads(zlib.decompress(packed)))


def _signature(packed: bytes, use: str, key: bytes) -> bytes:
    return keyed_id(key, use, packed.hex()).encode()
