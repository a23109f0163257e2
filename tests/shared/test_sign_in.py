"""Sign-in: whose tokens are believed, and how often their provider is asked."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import Any

import aiohttp
import jwt
import pytest
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from shared.errors import Problem
from shared.sign_in import DOCUMENT_LIMIT_BYTES, KEYS_KEPT_S, REFRESH_AT_MOST_EVERY_S, RETRY_AT_MOST_EVERY_S, SignIn

pytestmark = pytest.mark.wire

AUDIENCE = "blue-app"
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Provider:
    """An OpenID provider with one key, that counts how often it is asked; and the service's view of it."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self.address = ""
        self.asked = 0
        self.is_away = False
        self.padding = 0
        self.seconds = 0.0
        self._key = ec.generate_private_key(ec.SECP256R1())
        public: dict[str, str] = json.loads(ECAlgorithm.to_jwk(self._key.public_key()))
        self.keys = [public | {"kid": "one", "alg": "ES256"}]
        self._session = session
        self._sign_in: SignIn | None = None

    async def start(self, stack: AsyncExitStack) -> None:
        app = web.Application()
        app.router.add_get("/.well-known/openid-configuration", self._discovery)
        app.router.add_get("/keys", self._published)
        runner = web.AppRunner(app)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.address = f"http://127.0.0.1:{runner.addresses[0][1]}"
        self._sign_in = SignIn(self.address, AUDIENCE, self._session, seconds=lambda: self.seconds)

    async def _discovery(self, _request: web.Request) -> web.Response:
        self.asked += 1
        if self.is_away:
            return web.Response(status=503)
        return web.json_response({"jwks_uri": f"{self.address}/keys"})

    async def _published(self, request: web.Request) -> web.StreamResponse:
        """In two parts, each sent on its own."""
        body = json.dumps({"keys": self.keys, "padding": "x" * self.padding}).encode()
        answer = web.StreamResponse()
        await answer.prepare(request)
        for part in (body[:50], body[50:]):
            await answer.write(part)
            await asyncio.sleep(0)
        await answer.write_eof()
        return answer

    def token(self, kid: str = "one", **claims: object) -> str:
        said = {"iss": self.address, "aud": AUDIENCE, "sub": "maria", "exp": NOW.timestamp() + 60} | claims
        return jwt.encode(said, self._key, algorithm="ES256", headers={"kid": kid})

    async def outcome(self, token: str) -> str:
        """The subject of a verified token, or why it is none."""
        assert self._sign_in is not None
        try:
            return (await self._sign_in.verify(token, now=NOW)).subject
        except Problem as problem:
            return problem.code


@pytest.fixture
async def provider() -> AsyncIterator[Provider]:
    async with AsyncExitStack() as stack:
        made = Provider(await stack.enter_async_context(aiohttp.ClientSession()))
        await made.start(stack)
        yield made


async def test_keys_that_come_in_parts_are_read_to_their_end(provider: Provider) -> None:
    """A network cuts an answer where it likes."""
    provider.padding = DOCUMENT_LIMIT_BYTES // 2
    assert await provider.outcome(provider.token()) == "maria"


async def test_an_endless_answer_is_given_up(provider: Provider) -> None:
    """What is larger than any set of keys is none."""
    provider.padding = DOCUMENT_LIMIT_BYTES
    assert await provider.outcome(provider.token()) == "sign_in_unavailable"


@pytest.mark.parametrize(
    ("claims", "code"),
    [
        ({"iss": "https://another.example"}, "token_foreign"),
        ({"aud": "another-app"}, "token_foreign"),
        ({"exp": NOW.timestamp()}, "token_expired"),
        ({"nbf": NOW.timestamp() + 3600}, "token_invalid"),
    ],
)
async def test_a_token_for_something_else_is_refused(provider: Provider, claims: dict[str, Any], code: str) -> None:
    """Although the provider's key has signed it."""
    assert await provider.outcome(provider.token(**claims)) == code


async def test_a_forger_does_not_make_us_hammer_the_provider(provider: Provider) -> None:
    """Unknown key ids, many at once and one after another: the keys are fetched once in a while."""
    await asyncio.gather(*(provider.outcome(provider.token(f"forged {number}")) for number in range(20)))
    for number in range(5):
        assert await provider.outcome(provider.token(f"forged {number}")) == "token_foreign"
    assert provider.asked == 1
    provider.seconds += REFRESH_AT_MOST_EVERY_S
    assert await provider.outcome(provider.token("forged")) == "token_foreign"
    assert provider.asked == 2


async def test_a_provider_that_is_away_is_not_asked_by_everybody_in_turn(provider: Provider) -> None:
    """All who wait are told at once; it is asked again after a pause."""
    provider.is_away = True
    tokens = [provider.token(f"key {number}") for number in range(20)]
    outcomes = await asyncio.gather(*(provider.outcome(token) for token in tokens))
    assert set(outcomes) == {"sign_in_unavailable"}
    assert provider.asked == 1
    provider.is_away = False
    provider.seconds += RETRY_AT_MOST_EVERY_S
    assert await provider.outcome(provider.token()) == "maria"


async def test_a_failure_does_not_sign_out_whose_key_is_known(provider: Provider) -> None:
    """A forged key id, while the provider is away, is nobody else's trouble."""
    assert await provider.outcome(provider.token()) == "maria"
    provider.is_away = True
    provider.seconds += REFRESH_AT_MOST_EVERY_S
    assert await provider.outcome(provider.token("forged")) == "sign_in_unavailable"
    assert await provider.outcome(provider.token()) == "maria"


async def test_a_key_that_was_withdrawn_is_forgotten(provider: Provider) -> None:
    """After an hour at the latest, also when the provider is away then."""
    assert await provider.outcome(provider.token()) == "maria"
    provider.seconds += KEYS_KEPT_S
    provider.is_away = True
    for _ in range(2):
        assert await provider.outcome(provider.token()) == "sign_in_unavailable"
    provider.is_away, provider.keys = False, [provider.keys[0] | {"kid": "two"}]
    provider.seconds += RETRY_AT_MOST_EVERY_S
    assert await provider.outcome(provider.token()) == "token_foreign"
