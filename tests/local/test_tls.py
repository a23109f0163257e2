import asyncio
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from local import tls
from local.serving import LOOPBACK, CannotStart
from local.tls import ca_file, server_context


async def handshake(directory: Path, context: ssl.SSLContext, host: str) -> None:
    """Reach a server with the directory's certificate under this name, trusting its authority only."""

    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    strict = ssl.create_default_context(cafile=ca_file(directory))
    async with await asyncio.start_server(hang_up, LOOPBACK, 0, ssl=context) as server:
        port = server.sockets[0].getsockname()[1]
        _, writer = await asyncio.open_connection(LOOPBACK, port, ssl=strict, server_hostname=host)
        writer.close()
        await writer.wait_closed()


@pytest.mark.wire
@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
async def test_a_client_that_trusts_the_authority_gets_in(tmp_path: Path, host: str) -> None:
    """By name and by address, with the strictest checks that the library has."""
    await handshake(tmp_path, server_context(tmp_path), host)


@pytest.mark.wire
async def test_the_certificate_is_for_this_machine_only(tmp_path: Path) -> None:
    """Another name is refused."""
    context = server_context(tmp_path)
    with pytest.raises(ssl.SSLCertVerificationError):
        await handshake(tmp_path, context, "example.org")


def test_what_was_made_is_kept(tmp_path: Path) -> None:
    """A second endpoint, or a second start, serves what clients trust already."""
    server_context(tmp_path)
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    server_context(tmp_path)
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before


@pytest.mark.wire
async def test_what_is_about_to_expire_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The certificate under the same authority; with a new authority, the certificate too."""
    monkeypatch.setattr(tls, "_LIFE", timedelta(days=1))
    server_context(tmp_path)
    authority, certificate = ca_file(tmp_path).read_bytes(), (tmp_path / "localhost.pem").read_bytes()
    monkeypatch.undo()
    await handshake(tmp_path, server_context(tmp_path), "localhost")
    assert ca_file(tmp_path).read_bytes() == authority
    assert (tmp_path / "localhost.pem").read_bytes() != certificate
    ca_file(tmp_path).unlink()
    await handshake(tmp_path, server_context(tmp_path), "localhost")


def test_nobody_else_can_read_the_private_keys(tmp_path: Path) -> None:
    """Of the machine's other users."""
    server_context(tmp_path)
    keys = list(tmp_path.glob("*-key.pem"))
    assert len(keys) == 2
    assert all(key.stat().st_mode & 0o077 == 0 for key in keys)


def test_the_authority_lives_longer_than_the_certificate(tmp_path: Path) -> None:
    """Otherwise clients would lose their trust with every renewal."""
    server_context(tmp_path)
    soon = datetime.now(UTC) + timedelta(days=1000)
    assert tls._kept(tmp_path, "ca.pem", "ca-key.pem", soon) is not None
    assert tls._kept(tmp_path, "localhost.pem", "localhost-key.pem", soon) is None


def test_a_directory_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    """A damaged certificate is not replaced silently: clients may trust it."""
    (tmp_path / "ca.pem").write_text("no certificate")
    (tmp_path / "ca-key.pem").write_text("no key")
    with pytest.raises(CannotStart, match=f"tls: {tmp_path} cannot be used"):
        server_context(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(CannotStart, match="cannot be used"):
        server_context(tmp_path / "file")
