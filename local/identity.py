"""An OpenID provider for development: it gives a token to anyone for any e-mail address and any role.

It has what a resource server needs: discovery, keys, tokens. There is no sign-in page and no authorization endpoint,
so no browser flow works with it. Its key ids start with `dev-`, which a deployed app refuses.
"""

import argparse
import contextlib
import json
import sys
import time
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import jwt
from aiohttp import web
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from local import keys
from local.serving import LOOPBACK, listening_socket, serve

WARNING: Final = (
    "INSECURE: this provider gives anyone a token for any e-mail address and any role. "
    "It is for development on this machine only; a deployed app refuses its keys."
)
AUDIENCE: Final = "blue-app"
SUBJECTS: Final = uuid.UUID("6f1c1c0e-6a0b-5d0c-9d38-1f6f0a5f3b11")
"""Name space of the subjects: an e-mail address keeps its subject over restarts."""
DAY: Final = 86400

type Role = Literal["support", "privacy", "sales", "fleet"]


def _words(value: object) -> object:
    """A form has one string where JSON has a list."""
    return value.replace(",", " ").split() if isinstance(value, str) else value


class TokenRequest(BaseModel):
    """Who the token shall be for. A lifetime below zero gives a token that has expired."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid", frozen=True)

    email: str = Field(pattern=r"^[^@\s]+@[^@\s]+$", max_length=254)
    roles: Annotated[list[Role], BeforeValidator(_words)] = []
    email_verified: bool = True
    subject: str | None = Field(default=None, min_length=1, max_length=255)
    audience: str = AUDIENCE
    lifetime_seconds: int = Field(default=3600, ge=-DAY, le=DAY)

    def claims(self, issuer: str, now: int) -> dict[str, Any]:
        """The claims of both tokens."""
        issued = now + min(self.lifetime_seconds, 0) - (self.lifetime_seconds <= 0)
        return {
            "iss": issuer,
            "sub": self.subject or str(uuid.uuid5(SUBJECTS, self.email.strip().casefold())),
            "aud": self.audience,
            "iat": issued,
            "nbf": issued,
            "exp": now + self.lifetime_seconds,
            "email": self.email,
            "email_verified": self.email_verified,
            "roles": self.roles,
        }


class Provider:
    """The provider at one issuer address, with one signing key."""

    def __init__(self, issuer: str, jwk: dict[str, Any]) -> None:
        self.issuer = issuer
        self._public = keys.public_part(jwk)
        self._key = jwt.PyJWK(jwk)

    def application(self) -> web.Application:
        """The endpoints."""
        app = web.Application(client_max_size=16 << 10)
        app.router.add_get("/.well-known/openid-configuration", self._discovery)
        app.router.add_get("/jwks", self._jwks)
        app.router.add_post("/token", self._token)
        return app

    async def _discovery(self, _: web.Request) -> web.Response:
        return web.json_response(
            {
                "warning": WARNING,
                "issuer": self.issuer,
                "jwks_uri": f"{self.issuer}/jwks",
                "token_endpoint": f"{self.issuer}/token",
                "token_endpoint_auth_methods_supported": ["none"],
                "grant_types_supported": ["urn:blue-data-service:development"],
                "response_types_supported": [],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["ES256"],
                "claims_supported": sorted(TokenRequest(email="a@b").claims(self.issuer, 0)),
            }
        )

    async def _jwks(self, _: web.Request) -> web.Response:
        return web.json_response({"keys": [self._public]})

    async def _token(self, request: web.Request) -> web.Response:
        try:
            wanted = TokenRequest.model_validate(await _fields(request))
        except (ValidationError, ValueError) as error:
            return web.json_response({"error": "invalid_request", "error_description": _reason(error)}, status=400)
        token = self.token(wanted)
        return web.json_response(
            {"access_token": token, "id_token": token, "token_type": "Bearer", "expires_in": wanted.lifetime_seconds},
            headers={"Cache-Control": "no-store"},
        )

    def token(self, wanted: TokenRequest) -> str:
        """A signed token."""
        claims = wanted.claims(self.issuer, int(time.time()))
        return jwt.encode(claims, self._key, algorithm="ES256", headers={"kid": self._public["kid"]})


async def _fields(request: web.Request) -> dict[str, Any]:
    if request.content_type == "application/json":
        content: dict[str, Any] = await request.json()
        return content
    form = await request.post()
    fields: dict[str, Any] = dict(form)
    if roles := form.getall("roles", []):
        fields["roles"] = " ".join(map(str, roles))
    return fields


def _reason(error: ValueError) -> str:
    """What is wrong, without the values: they may be somebody's."""
    if isinstance(error, ValidationError):
        return "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors(include_input=False))
    return "the body is neither a form nor JSON"


def signing_key(file: Path | None) -> dict[str, Any]:
    """The key kept in `file`, made when there is none; without a file a new one."""
    if file is None:
        return keys.signing_jwk()
    if not file.exists():
        keys.write_secret(file, keys.signing_jwk())
    kept: dict[str, Any] = json.loads(file.read_text())
    return kept


@contextlib.asynccontextmanager
async def identity(port: int = 0, data: Path | None = None) -> AsyncIterator[str]:
    """A running provider; yields its issuer, `http://127.0.0.1:PORT`."""
    sock = listening_socket(port, name="identity")
    issuer = f"http://{LOOPBACK}:{sock.getsockname()[1]}"
    # No access log: a request line could be somebody's.
    runner = web.AppRunner(Provider(issuer, signing_key(data)).application(), access_log=None)
    await runner.setup()
    try:
        await web.SockSite(runner, sock).start()
        yield issuer
    finally:
        await runner.cleanup()
        sock.close()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command line."""
    parser.description = __doc__
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = (
        "POST /token takes a form or JSON: email, and optionally roles (support, privacy, sales, fleet),\n"
        f"emailVerified, subject, audience ({AUDIENCE}), lifetimeSeconds (3600; below zero: expired). For example:\n"
        "  curl -s http://127.0.0.1:8090/token -d email=resident@example.org"
    )
    parser.add_argument("--port", type=int, default=8090, help="port on 127.0.0.1, 0 for any free one (%(default)s)")
    parser.add_argument(
        "--data", type=Path, help="file that keeps the signing key; without it every start has a new one"
    )


async def run(args: argparse.Namespace) -> int:
    """Serve until a signal."""
    print(WARNING, file=sys.stderr, flush=True)
    return await serve("identity", identity(args.port, args.data))
