"""Mail: the only module that speaks SMTP."""

import asyncio
import contextlib
from dataclasses import dataclass, field
from datetime import datetime
from email.errors import HeaderParseError
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Final, Self
from urllib.parse import unquote, urlsplit

SUBMISSION_PORT: Final = 587
TLS_SUBMISSION_PORT: Final = 465

SEND_TIMEOUT_S: Final = 30
"""Bound on sending one mail, connection included."""

_ANSWER_TIMEOUT_S: Final = 10
_QUIT_TIMEOUT_S: Final = 2


class NotSent(Exception):
    """The server did not take the mail, or did not say that it did. The reason holds no address and no text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """One plain-text mail to one address; sent again it is the same to the byte."""

    message_id: str
    """The part of the Message-ID before the @."""
    recipient: str
    subject: str
    body: str
    language: str
    written_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Mailer:
    """Sends through one SMTP server, with one connection per mail.

    `smtps` is TLS from the first byte. `smtp` must become TLS by STARTTLS before anything is said; only on loopback,
    where no wire can be listened to, it stays as it is.
    """

    host: str
    port: int
    sender: str
    implicit_tls: bool
    starttls: bool
    user: str | None = None
    password: str | None = field(default=None, repr=False)

    @classmethod
    def of(cls, url: str, *, sender: str, password: str | None) -> Self:
        """From an address such as `smtps://user@host:465`, checked by the settings."""
        from shared.settings import LOOPBACK_HOSTS  # noqa: PLC0415 - no cold start waits for it

        parts = urlsplit(url)
        host, implicit_tls = str(parts.hostname), parts.scheme == "smtps"
        return cls(
            host=host,
            port=parts.port or (TLS_SUBMISSION_PORT if implicit_tls else SUBMISSION_PORT),
            sender=sender,
            implicit_tls=implicit_tls,
            starttls=not implicit_tls and host not in LOOPBACK_HOSTS,
            user=unquote(parts.username) if parts.username else None,
            password=password,
        )

    async def send(self, mail: Mail) -> None:
        """Hand a mail to the server.

        Raises:
            NotSent: it refused, or did not confirm in time. It may have taken it all the same.
        """
        from aiosmtplib import SMTP, SMTPException  # noqa: PLC0415 - loaded where used

        message = self._message(mail)
        client = SMTP(
            hostname=self.host,
            port=self.port,
            use_tls=self.implicit_tls,
            start_tls=self.starttls,
            username=self.user,
            password=self.password,
            timeout=_ANSWER_TIMEOUT_S,
            local_hostname=self._domain,  # the default is this machine's name, which is nobody's business
        )
        try:
            async with asyncio.timeout(SEND_TIMEOUT_S):
                await client.connect()
                await client.send_message(message, sender=self.sender, recipients=[mail.recipient])
            with contextlib.suppress(SMTPException, OSError):  # it has taken the mail: how it parts does not matter
                await client.quit(timeout=_QUIT_TIMEOUT_S)
        except (SMTPException, OSError, ValueError) as error:
            raise NotSent(_reason(error)) from None  # the original repeats the address
        finally:
            client.close()

    @property
    def _domain(self) -> str:
        return self.sender.rpartition("@")[2]

    def _message(self, mail: Mail) -> EmailMessage:
        from email.headerregistry import Address  # noqa: PLC0415 - no cold start waits for the header parser

        message = EmailMessage()
        try:
            message["To"] = Address(addr_spec=mail.recipient)
        except (HeaderParseError, ValueError, IndexError) as error:
            raise NotSent(f"the address cannot be written to ({type(error).__qualname__})") from None
        message["From"] = Address(addr_spec=self.sender)
        message["Subject"] = mail.subject
        message["Date"] = format_datetime(mail.written_at)
        message["Message-ID"] = f"<{mail.message_id}@{self._domain}>"
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no answering machine replies to it
        message.set_content(mail.body, cte="quoted-printable")
        message["Content-Language"] = mail.language
        return message


def _reason(error: BaseException) -> str:
    """What kind of fault it was, with the server's code, but not its words: they may hold an address."""
    refusals = getattr(error, "recipients", None)
    code = getattr(refusals[0] if refusals else error, "code", None)
    return type(error).__qualname__ if code is None else f"{type(error).__qualname__} {code}"
