"""Set-Cookie headers from the cookies that the worker hands over apart from the other headers."""

from collections.abc import Iterator
from email.utils import formatdate
from typing import Final

from local.host.protos import RpcHttpCookie

_SAME_SITE: Final = {1: "Lax", 2: "Strict", 3: "None"}


def set_cookie(cookie: RpcHttpCookie) -> str:
    """The value of one Set-Cookie header."""
    return "; ".join((f"{cookie.name}={cookie.value}", *_attributes(cookie)))


def _attributes(cookie: RpcHttpCookie) -> Iterator[str]:
    if cookie.expires is not None:
        yield f"Expires={formatdate(cookie.expires.value.seconds, usegmt=True)}"
    if cookie.max_age is not None:
        yield f"Max-Age={int(cookie.max_age.value)}"
    if cookie.domain is not None and cookie.domain.value:
        yield f"Domain={cookie.domain.value}"
    if cookie.path is not None and cookie.path.value:
        yield f"Path={cookie.path.value}"
    if cookie.secure is not None and cookie.secure.value:
        yield "Secure"
    if cookie.http_only is not None and cookie.http_only.value:
        yield "HttpOnly"
    if cookie.same_site in _SAME_SITE:
        yield f"SameSite={_SAME_SITE[cookie.same_site]}"
