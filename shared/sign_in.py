"""Sign-in: verifies the access tokens of the OpenID provider that residents and staff sign in with."""

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import jwt

from shared.callers import Role
from shared.errors import Problem

if TYPE_CHECKING:
    import aiohttp

ALGORITHMS: Final = ("RS256", "PS256", "ES256")
FETCH_TIMEOUT_S: Final = 5
KEYS_KEPT_S: Final = 3600
"""After so long the provider's keys are fetched again: one that it has withdrawn is not trusted any longer."""

CLOCK_SKEW_S: Final = 60
REFRESH_AT_MOST_EVERY_S: Final = 30
"""An unknown key id makes us fetch the provider's keys again, but no oftener: a forger must not make us hammer it."""

RETRY_AT_MOST_EVERY_S: Final = 5
"""A provider that did not answer is asked again after so long, however many wait for it."""

DOCUMENT_LIMIT_BYTES: Final = 256 * 1024


@dataclass(frozen=True, slots=True)
class Identity:
    """A verified sign-in: issuer and subject are who it is; the e-mail is only a datum."""

    issuer: str
    subject: str
    email: str | None
    roles: frozenset[Role]


class SignIn:
    """Verifier for one provider and one audience; its keys are fetched when first needed and kept."""

    def __init__(
        self,
        issuer: str,
        audience: str,
        session: "aiohttp.ClientSession",
        *,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take the issuer (its address), the audience that tokens must name, an HTTP session, and what counts time."""
        self._issuer = issuer.rstrip("/")
        self._audience = audience
        self._session = session
        self._keys: dict[str, jwt.PyJWK] = {}
        self._seconds = seconds
        self._fetched_at = float("-inf")
        self._failed_at = float("-inf")
        self._fetching = asyncio.Lock()

    async def verify(self, token: str, *, now: datetime) -> Identity:
        """Who a token is about.

        Raises:
            Problem: token_invalid, token_foreign, token_expired or sign_in_unavailable.
        """
        try:
            kid = str(jwt.get_unverified_header(token).get("kid", ""))
            key = await self._key(kid)
            claims = jwt.decode(
                token,
                key,
                algorithms=[key.algorithm_name],  # the key's own: a token does not choose it
                audience=self._audience,
                options={
                    "verify_exp": False,
                    "verify_iat": False,
                    "verify_nbf": False,
                    "require": ["exp", "sub", "iss"],
                },
            )
        except jwt.InvalidAudienceError as error:
            raise Problem("token_foreign") from error
        except jwt.InvalidTokenError as error:
            raise Problem("token_invalid") from error
        if str(claims["iss"]).rstrip("/") != self._issuer:
            raise Problem("token_foreign")
        if claims["exp"] <= now.timestamp():  # the clock is a parameter, so the library's own check is off
            raise Problem("token_expired")
        if claims.get("nbf", 0) > now.timestamp() + CLOCK_SKEW_S:
            raise Problem("token_invalid")
        verified = claims.get("email") if claims.get("email_verified") is True else None
        known = {role.value for role in Role}
        return Identity(
            issuer=self._issuer,
            subject=str(claims["sub"]),
            email=str(verified).strip().lower() if verified else None,
            roles=frozenset(Role(role) for role in claims.get("roles", ()) if role in known),
        )

    async def _key(self, kid: str) -> jwt.PyJWK:
        if self._needs_keys(kid):
            async with self._fetching:
                if self._needs_keys(kid):
                    await self._refresh_keys()
        if kid not in self._keys:
            raise Problem("token_foreign")
        return self._keys[kid]

    def _needs_keys(self, kid: str) -> bool:
        age_s = self._seconds() - self._fetched_at
        return age_s >= KEYS_KEPT_S or (kid not in self._keys and age_s >= REFRESH_AT_MOST_EVERY_S)

    async def _refresh_keys(self) -> None:
        if self._seconds() - self._failed_at < RETRY_AT_MOST_EVERY_S:  # those who waited meanwhile do not ask in turn
            raise Problem("sign_in_unavailable", retry_after_s=RETRY_AT_MOST_EVERY_S)
        try:
            self._keys = await self._fetch_keys()
        except Problem:
            self._failed_at = self._seconds()
            raise
        self._fetched_at = self._seconds()

    async def _fetch_keys(self) -> dict[str, jwt.PyJWK]:
        discovery = await self._document(f"{self._issuer}/.well-known/openid-configuration")
        try:
            jwks = await self._document(str(discovery["jwks_uri"]))
            keys = jwt.PyJWKSet(jwks["keys"]).keys
        except (KeyError, TypeError, jwt.PyJWTError) as error:
            raise Problem("sign_in_unavailable", retry_after_s=FETCH_TIMEOUT_S) from error
        return {key.key_id or "": key for key in keys if key.algorithm_name in ALGORITHMS}

    async def _document(self, url: str) -> dict[str, Any]:
        import aiohttp  # noqa: PLC0415 - loaded where used

        timeout = aiohttp.ClientTimeout(total=FETCH_TIMEOUT_S)
        try:
            async with self._session.get(url, timeout=timeout, allow_redirects=False) as answer:
                answer.raise_for_status()
                body = bytearray()
                async for chunk in answer.content.iter_any():
                    body += chunk
                    if len(body) > DOCUMENT_LIMIT_BYTES:
                        raise Problem("sign_in_unavailable", retry_after_s=FETCH_TIMEOUT_S)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Problem("sign_in_unavailable", retry_after_s=FETCH_TIMEOUT_S) from error
        try:
            document = json.loads(body)
        except ValueError as error:
            raise Problem("sign_in_unavailable", retry_after_s=FETCH_TIMEOUT_S) from error
        if not isinstance(document, dict):
            raise Problem("sign_in_unavailable", retry_after_s=FETCH_TIMEOUT_S)
        return document
