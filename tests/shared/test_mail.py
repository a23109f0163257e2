"""The SMTP adapter against a real server: what it sends, over what, and what it says when it cannot."""

import asyncio
import datetime as dt
import ipaddress
import ssl
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from local.mail import MailSink, _Session
from shared import mail
from shared.mail import Mail, Mailer, NotSent

SENDER = "no-reply@blue.example"
MAIL = Mail(
    message_id="0123abc",
    recipient="maria@resident.example",
    subject="Su exportación está lista",
    body=f"Un párrafo.\n\n{'Otro, muy largo: ' * 20}",
    language="es",
    written_at=dt.datetime(2026, 11, 22, 10, 45, tzinfo=dt.UTC),
)


@pytest.fixture
async def sink() -> AsyncIterator[MailSink]:
    async with MailSink() as running:
        yield running


def mailer(sink: MailSink, password: str | None = None) -> Mailer:
    return Mailer.of(sink.address, sender=SENDER, password=password)


@pytest.mark.wire
async def test_a_mail_says_what_it_is(sink: MailSink) -> None:
    """Plain text for one address, and no machine answers it."""
    await mailer(sink).send(MAIL)
    [received] = sink.messages
    sent = received.parsed
    assert (received.sender, received.recipients) == (SENDER, (MAIL.recipient,))
    assert {name: sent[name] for name in ("From", "To", "Subject", "Message-ID", "Auto-Submitted")} == {
        "From": SENDER,
        "To": MAIL.recipient,
        "Subject": MAIL.subject,
        "Message-ID": "<0123abc@blue.example>",
        "Auto-Submitted": "auto-generated",
    }
    assert sent["Date"].datetime == MAIL.written_at
    assert sent["Content-Language"] == "es"
    assert sent.get_content_type() == "text/plain"
    assert sent.get_content().replace("\r\n", "\n").rstrip("\n") == MAIL.body.rstrip("\n")
    assert max(len(line) for line in received.content.splitlines()) <= 78


@pytest.mark.wire
async def test_a_repeat_is_the_same_to_the_byte(sink: MailSink) -> None:
    """So that mail systems recognise it."""
    for _ in range(2):
        await mailer(sink).send(MAIL)
    first, second = sink.messages
    assert first.content == second.content


@pytest.mark.wire
async def test_a_login_is_made_when_there_is_a_user(sink: MailSink) -> None:
    """The name comes from the address, the password from elsewhere."""
    url = sink.address.replace("//", "//blue%40mail@")
    await Mailer.of(url, sender=SENDER, password="from a vault").send(MAIL)
    assert sink.logins == [("blue@mail", "from a vault")]


@pytest.mark.wire
@pytest.mark.parametrize("reply", ["451 later maria@resident.example", "550 no maria@resident.example"])
async def test_a_refusal_is_told_by_its_code(sink: MailSink, reply: str) -> None:
    """Without the server's words, which hold the address."""
    sink.refuse_next(1, reply)
    with pytest.raises(NotSent, match=reply[:3]) as caught:
        await mailer(sink).send(MAIL)
    assert "maria" not in str(caught.value)
    assert caught.value.__suppress_context__


@pytest.mark.wire
async def test_no_server_is_not_sent() -> None:
    """Nothing listens there any more."""
    async with MailSink() as sink:
        away = mailer(sink)
    with pytest.raises(NotSent, match="SMTPConnectError"):
        await away.send(MAIL)


@pytest.mark.wire
async def test_a_server_that_says_nothing_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """It took the connection, and that was all."""
    monkeypatch.setattr(mail, "SEND_TIMEOUT_S", 0.05)
    came = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        came.set()
        await reader.read()
        writer.close()

    async with await asyncio.start_server(silent, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(NotSent, match="Timeout"):
            await Mailer.of(f"smtp://127.0.0.1:{port}", sender=SENDER, password=None).send(MAIL)
    assert came.is_set()


@pytest.mark.wire
async def test_how_the_server_parts_does_not_matter(sink: MailSink, monkeypatch: pytest.MonkeyPatch) -> None:
    """It took the mail: a connection that breaks then must not make it sent again."""

    async def hang_up(_session: Any, _rest: bytes) -> str:
        raise ConnectionResetError

    monkeypatch.setattr("local.mail._Session._bye", hang_up)
    await mailer(sink).send(MAIL)
    assert len(sink.messages) == 1


@pytest.mark.wire
async def test_nothing_is_said_in_clear_to_a_server_elsewhere(sink: MailSink) -> None:
    """One that does not offer TLS is told neither login nor mail."""
    elsewhere = replace(mailer(sink), starttls=True, user="blue", password="from a vault")
    with pytest.raises(NotSent, match="SMTPException"):
        await elsewhere.send(MAIL)
    assert sink.messages == []
    assert sink.logins == []


@pytest.mark.parametrize(
    ("url", "port", "implicit_tls", "starttls"),
    [
        ("smtps://mail.example", 465, True, False),
        ("smtp://mail.example", 587, False, True),
        ("smtp://mail.example:2525", 2525, False, True),
        ("smtp://127.0.0.1:1025", 1025, False, False),
        ("smtp://localhost:1025", 1025, False, False),
        ("smtps://127.0.0.1:1025", 1025, True, False),
    ],
)
def test_tls_is_used_everywhere_but_on_loopback(url: str, port: int, implicit_tls: bool, starttls: bool) -> None:
    """From the first byte or by STARTTLS, as the address says."""
    made = Mailer.of(url, sender=SENDER, password=None)
    assert (made.port, made.implicit_tls, made.starttls) == (port, implicit_tls, starttls)


@pytest.mark.parametrize("address", ["a@b, c@d", "a@b\r\nBcc: c@d", "nobody", "", "a@b>"])
async def test_an_address_that_is_not_one_is_not_written_to(address: str) -> None:
    """Whatever the sign-in provider vouched for: it adds no header and no second recipient."""
    nowhere = Mailer.of("smtp://127.0.0.1:9", sender=SENDER, password=None)
    with pytest.raises(NotSent, match="cannot be written to"):
        await nowhere.send(replace(MAIL, recipient=address))


def test_the_password_does_not_show() -> None:
    """Not in a log either."""
    assert "hidden" not in repr(Mailer.of("smtps://u@mail.example", sender=SENDER, password="hidden"))


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate of 127.0.0.1 with its key, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a test")])
    now = dt.datetime.now(dt.UTC)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file = tmp_path / "server.pem"
    file.write_bytes(private + made.public_bytes(pem))
    return file


def tls_of(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


@pytest.mark.wire
async def test_tls_from_the_first_byte(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a server whose certificate is trusted."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    async with MailSink(tls=tls_of(certificate)) as sink:
        assert urlsplit(sink.address).scheme == "smtps"
        await mailer(sink).send(MAIL)
        assert len(sink.messages) == 1


@pytest.mark.wire
async def test_tls_by_starttls(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Login and mail come after it."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    secured: list[str] = []
    login = _Session._login

    async def seen(session: _Session, rest: bytes) -> str:
        secured.append(session._writer.get_extra_info("ssl_object").version())
        return await login(session, rest)

    monkeypatch.setattr(_Session, "_login", seen)
    async with MailSink(starttls=tls_of(certificate)) as sink:
        await replace(mailer(sink), starttls=True, user="blue", password="from a vault").send(MAIL)
        assert (sink.logins, len(sink.messages)) == ([("blue", "from a vault")], 1)
    assert secured == ["TLSv1.3"]


@pytest.mark.wire
async def test_a_server_that_cannot_prove_its_name_gets_nothing(certificate: Path) -> None:
    """A certificate that nobody vouches for."""
    async with MailSink(tls=tls_of(certificate)) as sink:
        with pytest.raises(NotSent, match="SMTPConnectError"):
            await mailer(sink).send(MAIL)
        assert sink.messages == []
