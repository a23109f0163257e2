"""Webhooks: the only module that sends to recipients of data, by HTTPS and under a signature of this service."""

import asyncio
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, Literal

from shared.keys import KeySet

if TYPE_CHECKING:
    import aiohttp

ANSWER_TIMEOUT_S: Final = 20
"""Bound on telling one recipient once, connection included."""

ANSWER_LIMIT_BYTES: Final = 4096
"""More of an answer is not read: it has one word to say."""

SIGNATURE_HEADER: Final = "X-Blue-Signature"
REPEAT_HEADER: Final = "Idempotency-Key"

_TAKEN: Final = 202

Heard = Literal["acknowledged", "taken"]
"""Done there; or taken, to be acknowledged later."""


class NotHeard(Exception):
    """The recipient did not take it, or did not say so. The reason holds nothing that it sent."""

    def __init__(self, reason: str, *, silent: bool = False) -> None:
        """Say why, and whether it did not answer at all."""
        super().__init__(reason)
        self.silent = silent


class Webhooks:
    """The addresses of the recipients that are in use."""

    def __init__(self, addresses: Mapping[str, str], keys: KeySet, session: "aiohttp.ClientSession") -> None:
        """Take addresses that the settings have checked, and a session that unpacks nothing."""
        self._addresses = dict(addresses)
        self._keys = keys
        self._session = session

    @property
    def names(self) -> frozenset[str]:
        """Which recipients are in use."""
        return frozenset(self._addresses)

    async def tell(self, recipient: str, body: bytes, *, repeat_key: str) -> Heard:
        """Tell one recipient once; a repeat has the same key.

        Raises:
            NotHeard: it did not take it, or did not say so. It may have taken it all the same.
        """
        address = self._addresses.get(recipient)
        if address is None:
            raise NotHeard("the settings have no address of it", silent=True)
        headers = {
            "Content-Type": "application/json",
            "Accept-Encoding": "identity",
            SIGNATURE_HEADER: self._keys.sign_detached(body),
            REPEAT_HEADER: repeat_key,
        }
        status, answer = await self._posted(address, body, headers)
        if status == _TAKEN:
            return "taken"
        if not 200 <= status < 300:  # noqa: PLR2004 - also a redirection: data goes to the stated address and no other
            raise NotHeard(f"it answered {status}")
        if not _acknowledges(answer):
            raise NotHeard("it took it and did not acknowledge it")
        return "acknowledged"

    async def _posted(self, address: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, bytes]:
        import aiohttp  # noqa: PLC0415 - loaded where used

        try:
            async with (
                asyncio.timeout(ANSWER_TIMEOUT_S),
                self._session.post(address, data=body, headers=headers, allow_redirects=False) as answer,
            ):
                return answer.status, await _bounded(answer.content)
        except (aiohttp.ClientError, OSError, ValueError) as error:  # a timeout is an OSError
            raise NotHeard(type(error).__qualname__, silent=True) from None  # the original repeats the address


async def _bounded(content: "aiohttp.StreamReader") -> bytes:
    read = bytearray()
    while len(read) <= ANSWER_LIMIT_BYTES:
        piece = await content.read(ANSWER_LIMIT_BYTES + 1 - len(read))
        if not piece:
            break
        read += piece
    return bytes(read)


def _acknowledges(answer: bytes) -> bool:
    if len(answer) > ANSWER_LIMIT_BYTES:
        return False
    try:
        said = json.loads(answer)
    except (ValueError, RecursionError):
        return False
    return isinstance(said, dict) and said.get("acknowledged") is True
