"""A mail server for development: it takes every mail, keeps it as a file, and delivers nothing.

It speaks enough SMTP for a client that submits mail, and refuses the rest. In tests:

    async with MailSink() as sink:
        sink.refuse_next(2)     # the next two are told to come again later
        ...                     # send to sink.address
        sink.messages[0].parsed["Subject"]
"""

import argparse
import asyncio
import base64
import contextlib
import email.policy
import re
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from local.serving import LOOPBACK, listening_socket, serve

SIZE_LIMIT_BYTES: Final = 10 << 20
LINE_LIMIT_BYTES: Final = 64 << 10
RECIPIENTS_LIMIT: Final = 100
IDLE_SECONDS: Final = 120
LATER: Final = "451 4.3.0 Refused on demand; come again later"

_FROM: Final = re.compile(rb"FROM:\s*<([^<>\s\x00-\x1f]*)>", re.IGNORECASE)
_TO: Final = re.compile(rb"TO:\s*<([^<>\s\x00-\x1f]+)>", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Received:
    """One mail as it came."""

    sender: str
    recipients: tuple[str, ...]
    content: bytes

    @property
    def parsed(self) -> EmailMessage:
        """Headers and body."""
        return BytesParser(EmailMessage, policy=email.policy.default).parsebytes(self.content)

    def as_file(self) -> bytes:
        """The mail with its envelope in front, as mail servers write it into a mailbox."""
        envelope = [f"Return-Path: <{self.sender}>", *(f"Delivered-To: {recipient}" for recipient in self.recipients)]
        return "".join(f"{line}\r\n" for line in envelope).encode() + self.content


def kept_in(data: Path) -> list[EmailMessage]:
    """The mails in a sink's directory, in the order of their arrival."""
    parser = BytesParser(EmailMessage, policy=email.policy.default)
    return [parser.parsebytes(file.read_bytes()) for file in sorted(data.glob("*.eml"))]


class MailSink:
    """The server; `tls` makes every connection TLS from its first byte, `starttls` lets clients ask for it."""

    def __init__(
        self,
        port: int = 0,
        data: Path | None = None,
        *,
        tls: ssl.SSLContext | None = None,
        starttls: ssl.SSLContext | None = None,
    ) -> None:
        self.messages: list[Received] = []
        self.logins: list[tuple[str, str]] = []
        """User and password of every login; any are good."""
        self.address = ""
        self.starttls = starttls
        self._port = port
        self._data = data
        self._tls = tls
        self._refusals: list[str] = []
        self._sessions: set[asyncio.Task[None]] = set()

    def refuse_next(self, count: int, reply: str = LATER) -> None:
        """Answer the next recipients with a refusal."""
        self._refusals += [reply] * count

    async def __aenter__(self) -> Self:
        """Listen.

        Raises:
            CannotStart: the port is taken.
        """
        if self._data is not None:
            self._data.mkdir(parents=True, exist_ok=True)
        sock = listening_socket(self._port, name="mail")
        self._server = await asyncio.start_server(self._connected, sock=sock, ssl=self._tls, limit=LINE_LIMIT_BYTES)
        self.address = f"{'smtps' if self._tls else 'smtp'}://{LOOPBACK}:{sock.getsockname()[1]}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        for session in self._sessions:
            session.cancel()
        await asyncio.gather(*self._sessions, return_exceptions=True)
        await self._server.wait_closed()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        session = asyncio.current_task()
        if session is None:
            raise RuntimeError("asyncio runs every connection in a task of its own")
        self._sessions.add(session)
        try:
            # A client that leaves in the middle, says nothing for long or never ends its line is let go.
            with contextlib.suppress(
                asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError, TimeoutError
            ):
                await _Session(self, reader, writer).run()
        finally:
            self._sessions.discard(session)
            writer.close()

    def refusal(self) -> str | None:
        """What the next recipient is refused with, if it is."""
        return self._refusals.pop(0) if self._refusals else None

    def keep(self, received: Received) -> None:
        """Keep a mail; its file is there as a whole or not at all."""
        self.messages.append(received)
        if self._data is None:
            return
        name = f"{datetime.now(UTC):%Y%m%dT%H%M%S.%f}-{len(self.messages):04}"
        unfinished = self._data / f"{name}.part"
        unfinished.write_bytes(received.as_file())
        unfinished.rename(self._data / f"{name}.eml")


class _Session:
    """One connection."""

    def __init__(self, sink: MailSink, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._sink = sink
        self._reader = reader
        self._writer = writer
        self._sender: str | None = None
        self._recipients: list[str] = []
        self._verbs: dict[bytes, Callable[[bytes], Awaitable[str | None]]] = {
            b"EHLO": self._hello,
            b"HELO": self._start_anew,
            b"RSET": self._start_anew,
            b"NOOP": self._nothing,
            b"STARTTLS": self._secure,
            b"AUTH": self._login,
            b"MAIL": self._from,
            b"RCPT": self._to,
            b"DATA": self._content,
            b"QUIT": self._bye,
        }

    async def run(self) -> None:
        """Greet, and answer command by command."""
        await self._say("220 local mail sink: nothing is delivered")
        verb = b""
        while verb != b"QUIT":
            written, _, rest = (await self._line()).rstrip(b"\r\n").partition(b" ")
            verb = written.upper()
            answer = self._verbs.get(verb, self._unsupported)
            if reply := await answer(rest.strip()):
                await self._say(reply)

    async def _line(self) -> bytes:
        async with asyncio.timeout(IDLE_SECONDS):
            return await self._reader.readuntil(b"\r\n")

    async def _say(self, reply: str) -> None:
        self._writer.write(f"{reply}\r\n".encode())
        async with asyncio.timeout(IDLE_SECONDS):
            await self._writer.drain()

    async def _hello(self, _rest: bytes) -> str:
        self._reset()
        offers = [LOOPBACK, f"SIZE {SIZE_LIMIT_BYTES}", "8BITMIME", "SMTPUTF8", "AUTH PLAIN"]
        if self._may_upgrade:
            offers.append("STARTTLS")
        return "\r\n".join([*(f"250-{offer}" for offer in offers[:-1]), f"250 {offers[-1]}"])

    @property
    def _may_upgrade(self) -> bool:
        return self._sink.starttls is not None and self._writer.get_extra_info("ssl_object") is None

    async def _secure(self, _rest: bytes) -> str | None:
        if not self._may_upgrade or self._sink.starttls is None:
            return "502 5.5.1 Not supported here"
        await self._say("220 2.0.0 Go on in TLS")
        self._reset()
        await self._writer.start_tls(self._sink.starttls)
        return None

    async def _start_anew(self, _rest: bytes) -> str:
        self._reset()
        return "250 2.0.0 OK"

    async def _nothing(self, _rest: bytes) -> str:
        return "250 2.0.0 OK"

    async def _bye(self, _rest: bytes) -> str:
        return "221 2.0.0 Bye"

    async def _unsupported(self, _rest: bytes) -> str:
        return "502 5.5.1 Not supported here"

    def _reset(self) -> None:
        self._sender, self._recipients = None, []

    async def _login(self, rest: bytes) -> str:
        try:
            method, given = rest.split()
            _, user, password = base64.b64decode(given, validate=True).decode().split("\0")
        except ValueError:
            return "501 5.5.4 Only AUTH PLAIN with its answer in the same line"
        if method.upper() != b"PLAIN":
            return "504 5.5.4 Only AUTH PLAIN"
        self._sink.logins.append((user, password))
        return "235 2.7.0 Anyone is let in"

    async def _from(self, rest: bytes) -> str:
        path = _FROM.match(rest)
        if path is None or self._sender is not None:
            return "503 5.5.1 MAIL FROM:<address>, once"
        self._sender = path[1].decode(errors="replace")
        return "250 2.1.0 OK"

    async def _to(self, rest: bytes) -> str:
        path = _TO.match(rest)
        if path is None or self._sender is None:
            return "503 5.5.1 MAIL FROM first, then RCPT TO:<address>"
        if len(self._recipients) == RECIPIENTS_LIMIT:
            return "452 4.5.3 Too many recipients"
        if refusal := self._sink.refusal():
            return refusal
        self._recipients.append(path[1].decode(errors="replace"))
        return "250 2.1.5 OK"

    async def _content(self, _rest: bytes) -> str:
        if self._sender is None or not self._recipients:
            return "503 5.5.1 MAIL FROM and RCPT TO first"
        await self._say("354 End with a dot on a line of its own")
        content = bytearray()
        while (line := await self._line()) != b".\r\n":
            if len(content) <= SIZE_LIMIT_BYTES:
                content += line.removeprefix(b".")
        received = Received(self._sender, tuple(self._recipients), bytes(content))
        self._reset()
        if len(content) > SIZE_LIMIT_BYTES:
            return "552 5.3.4 The mail is too large"
        self._sink.keep(received)
        return "250 2.0.0 Kept, and not delivered"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command line."""
    parser.description = "Take every mail on 127.0.0.1, keep it as an .eml file, and deliver nothing."
    parser.add_argument("--port", type=int, default=1025, help="port on 127.0.0.1, 0 for any free one (%(default)s)")
    parser.add_argument("--data", type=Path, metavar="DIR", help="directory for the files; without it none are kept")


async def run(args: argparse.Namespace) -> int:
    """Serve until a signal."""
    return await serve("mail", _serving(args))


@contextlib.asynccontextmanager
async def _serving(args: argparse.Namespace) -> AsyncIterator[str]:
    async with MailSink(args.port, args.data) as sink:
        yield sink.address
