"""The local mail server, as independent clients see it: it keeps every mail, and delivers none."""

import asyncio
import contextlib
import smtplib
from collections.abc import AsyncIterator, Callable
from email.message import EmailMessage
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from local.mail import MailSink, kept_in
from local.serving import CannotStart, listening_socket

pytestmark = pytest.mark.wire

TO, FROM = "maria@resident.example", "no-reply@blue.example"


@pytest.fixture
async def sink(tmp_path: Path) -> AsyncIterator[MailSink]:
    async with MailSink(data=tmp_path / "mail") as running:
        yield running


def message(body: str = "Hello.\n") -> EmailMessage:
    written = EmailMessage()
    written["From"], written["To"], written["Subject"] = FROM, TO, "¿Qué tal?"
    written.set_content(body, cte="8bit")
    return written


def send(client: smtplib.SMTP, body: str) -> None:
    client.send_message(message(body))


async def with_client(sink: MailSink, talk: Callable[[smtplib.SMTP], Any]) -> Any:
    """What Python's own client says to it."""

    def talked() -> Any:
        address = urlsplit(sink.address)
        with smtplib.SMTP(str(address.hostname), address.port or 0, timeout=10) as client:
            return talk(client)

    return await asyncio.to_thread(talked)


async def lines(sink: MailSink, *said: bytes) -> list[bytes]:
    """What it answers to lines that no client sends, the greeting left out."""
    reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(sink.address).port)
    await reader.readline()
    answers = []
    for line in said:
        writer.write(line + b"\r\n")
        await writer.drain()
        answers.append(await reader.readline())
    writer.close()
    await writer.wait_closed()
    return answers


async def test_a_mail_is_kept_with_its_envelope(sink: MailSink, tmp_path: Path) -> None:
    """In memory and as a file; lines that begin with a dot and other letters than ASCII arrive as they were."""
    body = ".\n..two dots\nseñal\n"
    await with_client(sink, lambda client: client.send_message(message(body)))
    [received] = sink.messages
    assert (received.sender, received.recipients) == (FROM, (TO,))
    assert received.parsed["Subject"] == "¿Qué tal?"
    assert received.parsed.get_content().replace("\r\n", "\n") == body
    [kept] = kept_in(tmp_path / "mail")
    assert (kept["Return-Path"], kept["Delivered-To"], kept["Subject"]) == (f"<{FROM}>", TO, "¿Qué tal?")


async def test_files_lie_in_the_order_of_arrival(sink: MailSink, tmp_path: Path) -> None:
    """Their names say when; a restart does not write over them."""
    for number in range(3):
        await with_client(sink, partial(send, body=f"{number}\n"))
    async with MailSink(data=tmp_path / "mail") as restarted:
        await with_client(restarted, partial(send, body="3\n"))
    assert [mail.get_content().strip() for mail in kept_in(tmp_path / "mail")] == ["0", "1", "2", "3"]


async def test_it_refuses_on_demand(sink: MailSink) -> None:
    """So many recipients as asked for, and then none."""
    sink.refuse_next(1)
    with pytest.raises(smtplib.SMTPRecipientsRefused) as caught:
        await with_client(sink, lambda client: client.send_message(message()))
    assert caught.value.recipients[TO][0] == 451
    assert sink.messages == []
    await with_client(sink, lambda client: client.send_message(message()))
    assert len(sink.messages) == 1


async def test_any_login_is_good_and_remembered(sink: MailSink) -> None:
    """So that tests see whether one was made."""
    await with_client(sink, lambda client: client.login("user", "pass word"))
    assert sink.logins == [("user", "pass word")]


async def test_several_mails_over_one_connection(sink: MailSink) -> None:
    """A mail leaves nothing behind for the next one."""

    def two(client: smtplib.SMTP) -> None:
        client.send_message(message("first\n"))
        client.send_message(message("second\n"), to_addrs=["jordi@resident.example"])

    await with_client(sink, two)
    assert [received.recipients for received in sink.messages] == [(TO,), ("jordi@resident.example",)]


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ([b"VRFY maria"], b"502"),
        ([b""], b"502"),
        ([b"DATA"], b"503"),
        ([b"RCPT TO:<a@b>"], b"503"),
        ([b"MAIL FROM:a@b"], b"503"),
        ([b"MAIL FROM:<a@b>", b"RCPT TO:<>"], b"503"),
        ([b"MAIL FROM:<a@b>", b"MAIL FROM:<a@b>"], b"503"),
        ([b"mail from:<>", b"rcpt to:<a@b> NOTIFY=NEVER"], b"250"),
        ([b"AUTH PLAIN !"], b"501"),
        ([b"AUTH LOGIN AGEAYg=="], b"504"),
        ([b"NOOP"], b"250"),
        ([b"HELO there"], b"250"),
        ([b"QUIT"], b"221"),
    ],
)
async def test_what_it_does_not_support_it_refuses(sink: MailSink, said: list[bytes], answer: bytes) -> None:
    """And it never answers as if it had done it."""
    assert (await lines(sink, *said))[-1].startswith(answer)


async def test_a_client_that_leaves_in_the_middle_leaves_nothing(sink: MailSink) -> None:
    """Half a mail is no mail."""
    await lines(sink, b"MAIL FROM:<a@b>", b"RCPT TO:<a@b>", b"DATA")
    await with_client(sink, lambda client: client.noop())
    assert sink.messages == []


async def test_a_line_without_end_is_not_waited_for(sink: MailSink) -> None:
    """The connection is closed, and memory stays bounded."""
    reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(sink.address).port)
    writer.write(b"x" * 200_000)
    await writer.drain()
    assert (await reader.readline()).startswith(b"220")
    with contextlib.suppress(ConnectionError):  # what it had not read yet makes the end a reset
        assert await reader.read() == b""
    writer.close()


async def test_a_mail_that_is_too_large_is_refused_as_a_whole(sink: MailSink, monkeypatch: pytest.MonkeyPatch) -> None:
    """After its end, so that the client hears why."""
    monkeypatch.setattr("local.mail.SIZE_LIMIT_BYTES", 1000)
    reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(sink.address).port)
    for line in (b"MAIL FROM:<a@b>", b"RCPT TO:<a@b>", b"DATA", *[b"x" * 70] * 100, b"."):
        writer.write(line + b"\r\n")
    await writer.drain()
    answers = [await reader.readline() for _ in range(5)]
    assert answers[-1].startswith(b"552")
    assert sink.messages == []
    writer.close()
    await writer.wait_closed()


async def test_too_many_recipients_are_refused(sink: MailSink, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those before stay."""
    monkeypatch.setattr("local.mail.RECIPIENTS_LIMIT", 1)
    answers = await lines(sink, b"MAIL FROM:<a@b>", b"RCPT TO:<a@b>", b"RCPT TO:<c@d>")
    assert [answer[:3] for answer in answers] == [b"250", b"250", b"452"]


async def test_a_taken_port_is_named() -> None:
    """As every part of the local cloud does."""
    with listening_socket(0, name="test") as taken, pytest.raises(CannotStart, match="mail: port"):
        await MailSink(taken.getsockname()[1]).__aenter__()


async def test_it_ends_with_a_client_still_there() -> None:
    """Who says nothing does not keep it."""
    async with MailSink() as sink:
        reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(sink.address).port)
        await reader.readline()
    assert await reader.read() == b""
    writer.close()
