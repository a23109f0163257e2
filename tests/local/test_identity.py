"""The development sign-in: what a resource server needs, and loud about what it is."""

import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import jwt
import pytest

from local.identity import AUDIENCE, identity

pytestmark = pytest.mark.wire

RESIDENT = "resident@example.org"


@pytest.fixture
async def issuer(tmp_path: Path) -> AsyncIterator[str]:
    async with identity(data=tmp_path / "key.json") as address:
        yield address


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def get(http: aiohttp.ClientSession, url: str) -> dict[str, Any]:
    async with http.get(url) as answer:
        assert answer.status == 200
        content: dict[str, Any] = await answer.json()
        return content


async def claims(http: aiohttp.ClientSession, issuer: str, **wanted: object) -> dict[str, Any]:
    """The claims of a token, verified as a resource server does: discovery, keys, signature, audience, expiry."""
    discovery = await get(http, f"{issuer}/.well-known/openid-configuration")
    async with http.post(discovery["token_endpoint"], json={"email": RESIDENT, **wanted}) as answer:
        assert answer.status == 200, await answer.text()
        token = (await answer.json())["access_token"]
    keys = jwt.PyJWKSet.from_dict(await get(http, discovery["jwks_uri"]))
    key = keys[jwt.get_unverified_header(token)["kid"]]
    found: dict[str, Any] = jwt.decode(
        token,
        key,
        algorithms=["ES256"],
        audience=str(wanted.get("audience", AUDIENCE)),
        issuer=issuer,
        options={"require": ["sub", "nbf", "iat"]},
    )
    return found


async def test_a_token_verifies_against_the_published_keys(http: aiohttp.ClientSession, issuer: str) -> None:
    """A resource server that follows discovery accepts it, and finds the e-mail and that it is verified."""
    found = await claims(http, issuer)
    assert (found["email"], found["email_verified"], found["roles"]) == (RESIDENT, True, [])
    assert found["exp"] - found["iat"] == 3600


async def test_every_claim_can_be_asked_for(http: aiohttp.ClientSession, issuer: str) -> None:
    """Tests need staff, unverified addresses, chosen subjects and foreign audiences."""
    found = await claims(
        http,
        issuer,
        audience="elsewhere",
        roles=["privacy", "support"],
        emailVerified=False,
        subject="s-1",
    )
    assert (found["roles"], found["email_verified"], found["sub"]) == (["privacy", "support"], False, "s-1")


async def test_an_expired_token_can_be_asked_for(http: aiohttp.ClientSession, issuer: str) -> None:
    """A lifetime below zero gives a token that is refused for that reason alone."""
    with pytest.raises(jwt.ExpiredSignatureError):
        await claims(http, issuer, lifetimeSeconds=-60)


async def test_an_address_keeps_its_subject_and_the_provider_its_key(
    http: aiohttp.ClientSession, tmp_path: Path
) -> None:
    """After a restart with the same file a person is the same person, however they write their address."""
    subjects, key_sets = set(), []
    for address in (RESIDENT, "Resident@Example.ORG"):
        async with identity(data=tmp_path / "kept.json") as issuer:
            subjects.add((await claims(http, issuer, email=address))["sub"])
            key_sets.append(await get(http, f"{issuer}/jwks"))
    assert len(subjects) == 1
    assert key_sets[0] == key_sets[1]
    assert (await _subject_of_another(http, tmp_path)) not in subjects


async def _subject_of_another(http: aiohttp.ClientSession, tmp_path: Path) -> str:
    async with identity(data=tmp_path / "kept.json") as issuer:
        return str((await claims(http, issuer, email="guest@example.org"))["sub"])


async def test_a_form_is_as_good_as_json(http: aiohttp.ClientSession, issuer: str) -> None:
    """Curl's -d is enough."""
    form = [("email", RESIDENT), ("roles", "support,fleet"), ("lifetimeSeconds", "60")]
    async with http.post(f"{issuer}/token", data=form) as answer:
        token = (await answer.json())["id_token"]
    assert jwt.decode(token, options={"verify_signature": False})["roles"] == ["support", "fleet"]


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"email": "nobody"}, "email"),
        ({"email": RESIDENT, "roles": ["king"]}, "roles"),
        ({"email": RESIDENT, "lifetimeSeconds": 10**9}, "lifetimeSeconds"),
        ({"email": RESIDENT, "password": "x"}, "password"),
        ({}, "email"),
        ("[", "neither a form nor JSON"),
    ],
)
async def test_a_wrong_request_is_refused_by_name_and_echoes_nothing(
    http: aiohttp.ClientSession, issuer: str, body: object, says: str
) -> None:
    """The answer names the field, never its value."""
    sent = {"data": body, "headers": {"Content-Type": "application/json"}} if isinstance(body, str) else {"json": body}
    async with http.post(f"{issuer}/token", **sent) as answer:
        said = await answer.json()
    assert (answer.status, said["error"]) == (400, "invalid_request")
    assert says in said["error_description"]
    assert RESIDENT not in said["error_description"]


async def test_it_says_that_it_is_insecure_and_shows_no_private_key(http: aiohttp.ClientSession, issuer: str) -> None:
    """Nobody can mistake it for a real provider; its key id is one that a deployed app refuses."""
    assert "INSECURE" in (await get(http, f"{issuer}/.well-known/openid-configuration"))["warning"]
    (key,) = (await get(http, f"{issuer}/jwks"))["keys"]
    assert key["kid"].startswith("dev-")
    assert "d" not in key


async def test_no_address_is_logged(http: aiohttp.ClientSession, issuer: str, caplog: pytest.LogCaptureFixture) -> None:
    """Not even at the most talkative level."""
    caplog.set_level(logging.DEBUG)
    await claims(http, issuer)
    assert RESIDENT not in caplog.text
