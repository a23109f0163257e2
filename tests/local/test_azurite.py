"""Azurite over TLS, to which the blob clients speak as in Azure: with a credential in the place of a key."""

import functools
import re
import secrets
import ssl
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, Self

import aiohttp
import jwt
import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import ClientAuthenticationError, ServiceRequestError
from azure.storage.blob import BlobSasPermissions, generate_blob_sas
from azure.storage.blob.aio import BlobServiceClient

from local.azurite import ACCOUNT, KEY, blob_part
from local.part import Part
from local.tls import ca_file, server_context

pytestmark = pytest.mark.wire

LISTENS: Final = re.compile(rb"^Azurite Blob service successfully listens on (https://\S+)", re.MULTILINE)
TENANT: Final = "00000000-0000-0000-0000-000000000000"
PERSON: Final = "11111111-1111-1111-1111-111111111111"
ISSUER: Final = f"https://sts.windows.net/{TENANT}/"
AUDIENCE: Final = "https://storage.azure.com"


class Credential:
    """What `azure-identity` has for an app in Azure. Azurite looks at issuer, audience and times of its tokens."""

    def __init__(self, audience: str = AUDIENCE) -> None:
        self.audience = audience
        self.scopes: list[str] = []

    async def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        self.scopes += scopes
        now = int(time.time())
        claims = {"iss": ISSUER, "aud": self.audience, "iat": now, "nbf": now - 60, "exp": now + 3600, "oid": PERSON}
        claims["tid"] = TENANT
        return AccessToken(jwt.encode(claims, secrets.token_bytes(32)), now + 3600)

    async def close(self) -> None:
        pass

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the certificates are kept."""
    directory = tmp_path_factory.mktemp("tls")
    server_context(directory)
    return directory


@pytest.fixture
async def blobs(tls: Path, tmp_path: Path) -> AsyncIterator[str]:
    """The address of Azurite's one account."""
    log = tmp_path / "azurite.log"
    plain = blob_part(port=0, data=tmp_path / "blobs", log=log)
    certificate = ["--cert", str(tls / "localhost.pem"), "--key", str(tls / "localhost-key.pem")]
    part = Part("azurite", [*plain.command, *certificate, "--oauth", "basic"], log=log, ready=LISTENS)
    yield f"{await part.start()}/{ACCOUNT}"
    await part.stop()


async def test_a_credential_opens_blobs(blobs: str, tls: Path, tmp_path: Path) -> None:
    """Over TLS: a token stores and reads. One for another audience does not, nor is another authority trusted."""
    ca, credential = str(ca_file(tls)), Credential()
    async with BlobServiceClient(blobs, credential, connection_verify=ca) as client:
        container = await client.create_container("exports")
        blob = await container.upload_blob("export.zip", b"content")
        assert await (await blob.download_blob()).readall() == b"content"
        await delegated_links_are_refused(client, ca)
    assert set(credential.scopes) == {"https://storage.azure.com/.default"}
    async with BlobServiceClient(blobs, Credential("https://elsewhere.example"), connection_verify=ca) as client:
        with pytest.raises(ClientAuthenticationError):
            await client.create_container("other")
    server_context(tmp_path / "another")
    stranger = str(ca_file(tmp_path / "another"))
    async with BlobServiceClient(blobs, credential, connection_verify=stranger, retry_total=0) as client:
        with pytest.raises(ServiceRequestError, match="CERTIFICATE_VERIFY_FAILED"):
            await client.create_container("other")


async def delegated_links_are_refused(client: BlobServiceClient, ca: str) -> None:
    """Azurite delegates a key, but this version computes another signature than the client does since 2026-04-06.

    So locally a link is signed with the account's key. When this fails, Azurite has learnt it: delegated links work.
    """
    start, end = datetime.now(UTC) - timedelta(minutes=5), datetime.now(UTC) + timedelta(hours=1)
    key = await client.get_user_delegation_key(start, end)
    assert (key.signed_oid, key.signed_tid) == (PERSON, TENANT)
    sign = functools.partial(
        generate_blob_sas, ACCOUNT, "exports", "export.zip", permission=BlobSasPermissions(read=True), expiry=end
    )
    url = client.get_blob_client("exports", "export.zip").url
    trusted = ssl.create_default_context(cafile=ca)
    for signature, status in ((sign(user_delegation_key=key), 403), (sign(account_key=KEY), 200)):
        async with aiohttp.ClientSession() as session, session.get(f"{url}?{signature}", ssl=trusted) as answer:
            assert answer.status == status
