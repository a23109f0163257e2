"""Sending a copy to an address that a resident names: into the public internet, and never into our own network."""

import asyncio
import ipaddress
import socket
from collections.abc import AsyncIterator
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit

from shared.errors import Problem

SENDING_LIMIT_S: Final = 50
"""Bound on one attempt, connection included; a step of a job has a minute."""

CONNECTION_LIMIT_S: Final = 10
REPEAT_HEADER: Final = "Idempotency-Key"

_HTTPS_PORT: Final = 443
_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")
_TAKEN: Final = range(200, 300)
_FOR_NOW: Final = frozenset({408, 425, 429})
"""Refusals that another attempt may not meet."""


class NotTaken(Exception):
    """The other side did not take it this time. The reason holds nothing that it sent, and no address."""


def check_endpoint(endpoint: str, *, is_deployed: bool) -> None:
    """Let an address pass that a copy may be sent to; one on this machine during development alone.

    Raises:
        Problem: endpoint_unusable.
    """
    from shared.settings import LOOPBACK_HOSTS  # noqa: PLC0415 - no cold start waits for it

    try:
        parts = urlsplit(endpoint)
        port = parts.port
    except ValueError:  # brackets or a port that are none
        raise Problem("endpoint_unusable", pointer="/endpoint") from None
    if not endpoint.isascii():  # a client may read other digits as an address
        raise Problem("endpoint_unusable", pointer="/endpoint")
    is_local = not is_deployed and parts.hostname in LOOPBACK_HOSTS and parts.scheme in {"http", "https"}
    if not (is_local or (_is_public(parts) and port in {None, _HTTPS_PORT})):
        raise Problem("endpoint_unusable", pointer="/endpoint")


def _is_public(parts: SplitResult) -> bool:
    has_name = parts.hostname is not None and "." in parts.hostname and not _is_address(parts.hostname)
    return parts.scheme == "https" and has_name and parts.username is None and not parts.fragment


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


async def hand_over(
    endpoint: str, content: AsyncIterator[bytes], size: int, *, repeat_key: str, is_deployed: bool
) -> bool:
    """Send a ZIP; whether it was taken. A refusal is an answer, too, and no reason to try again.

    Raises:
        NotTaken: it did not answer, or not well.
    """
    import aiohttp  # noqa: PLC0415 - loaded where used

    headers = {
        "Content-Type": "application/zip",
        "Content-Length": str(size),
        "Accept-Encoding": "identity",
        REPEAT_HEADER: repeat_key,
    }
    connector = aiohttp.TCPConnector(limit=1, socket_factory=_into_the_internet if is_deployed else None)
    timeout = aiohttp.ClientTimeout(total=SENDING_LIMIT_S, sock_connect=CONNECTION_LIMIT_S)
    try:
        async with (
            asyncio.timeout(SENDING_LIMIT_S),
            aiohttp.ClientSession(
                connector=connector, timeout=timeout, trust_env=False, cookie_jar=aiohttp.DummyCookieJar()
            ) as session,
            session.put(endpoint, data=content, headers=headers, allow_redirects=False) as answer,
        ):
            status = answer.status
    except (aiohttp.ClientError, OSError, ValueError) as error:  # a timeout is an OSError
        raise NotTaken(type(error).__qualname__) from None  # the original repeats the address
    if status >= 500 or status in _FOR_NOW:  # noqa: PLR2004 - faults of the other side
        raise NotTaken(f"it answered {status}")
    return status in _TAKEN


def _into_the_internet(found: tuple[Any, ...]) -> socket.socket:
    """A socket for an address that is about to be connected to: a stranger's name may lead into our own network.

    What it is asked for is what is connected to, however it was written or looked up.
    """
    family, kind, protocol, _, address = found
    if not is_public_address(address[0]):
        raise OSError("this is no public address")
    return socket.socket(family, kind, protocol)


def is_public_address(written: str) -> bool:
    """Whether an IP address is one of the public internet, and so is an IPv4 one that is written within it."""
    address = ipaddress.ip_address(written.partition("%")[0])
    return all(one.is_global and not one.is_multicast for one in (address, *_within(address)))


def _within(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> list[ipaddress.IPv4Address]:
    """The IPv4 addresses that an IPv6 address stands for."""
    if isinstance(address, ipaddress.IPv4Address):
        return []
    known = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    if address in _NAT64:
        known.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    return [one for one in known if one is not None]
