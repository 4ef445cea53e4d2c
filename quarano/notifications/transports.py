"""How a rendered message leaves the house, or a TransportError."""

import datetime as dt
import smtplib
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from email.utils import format_datetime
from typing import Any, Protocol

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.utils.module_loading import import_string

from health_authorities.models import in_practice

MARK = "X-Quarano-Message"
# A connection to the mail server is used again within so many seconds, so many times.
IDLE_SECONDS, MOST_ON_ONE = 10.0, 500
CLOSING = 421  # the server has had enough of this connection (RFC 5321)


@dataclass(frozen=True)
class Rendered:
    """A message ready to be handed over: the same text, however often it is."""

    recipient: str
    subject: str
    body: str
    sender: str
    sender_name: str
    message_id: str
    date: dt.datetime
    # The same for every attempt, so that a gateway takes it once.
    key: str = ""
    # Where mail comes back to that cannot be delivered; empty: to the sender.
    return_path: str = ""
    # Names authority and message where the return path is lost on the way.
    mark: str = ""
    sms_sender: str = ""
    account: str = ""
    report_to: str = ""


@dataclass(frozen=True)
class Receipt:
    """What the other side calls the message, and what it is charged for."""

    reference: str = ""
    segments: int = 0


class TransportError(Exception):
    """A message was not taken. `permanent`: it never will be."""

    def __init__(self, problem: str, *, permanent: bool) -> None:
        super().__init__(problem)
        self.problem = problem
        self.permanent = permanent


class Transport(Protocol):
    def send(self, message: Rendered) -> Receipt | None:
        """Hand the message over; raises TransportError."""


def refuse_in_practice() -> None:
    """Raise TransportError in a practice authority, whatever the settings say."""
    if in_practice():
        raise TransportError("practice", permanent=True)


def transport(channel: str) -> Transport:
    """Return the transport that the settings name for a channel."""
    refuse_in_practice()
    found: Transport = import_string(settings.TRANSPORTS[channel])()
    return found


class Mail:
    """By SMTP, from the authority's own address."""

    def send(self, message: Rendered) -> None:
        refuse_in_practice()
        # In quotes: neither of these may end the name early.
        name = message.sender_name.replace('"', "").replace("\\", "")
        mail = EmailMessage(
            subject=message.subject,
            body=message.body,
            from_email=message.return_path or message.sender,
            to=[message.recipient],
            headers={
                "From": f'"{name}" <{message.sender}>' if name else message.sender,
                "Message-ID": message.message_id,
                "Date": format_date(message.date),
                "Auto-Submitted": "auto-generated",
                **({MARK: message.mark} if message.mark else {}),
            },
        )
        try:
            _send(mail)
        except smtplib.SMTPRecipientsRefused as error:
            codes = [code for code, _ in error.recipients.values()]
            gone = all(500 <= code < 600 for code in codes)
            raise TransportError("refused", permanent=gone) from None
        except smtplib.SMTPResponseException as error:
            # 535 and the like are our own log-in: not the recipient's fault.
            ours = isinstance(error, smtplib.SMTPAuthenticationError)
            gone = 500 <= error.smtp_code < 600 and not ours
            raise TransportError("refused", permanent=gone) from None
        except (smtplib.SMTPException, OSError):
            raise TransportError("unreachable", permanent=False) from None
        except (ValueError, UnicodeError):
            # A line break in a header, an address that no server could take.
            raise TransportError("address", permanent=True) from None


# --- A connection that is kept -------------------------------------------------------


@dataclass
class _Kept:
    """The connection to the mail server, and when it was used last."""

    server: tuple[Any, ...]
    connection: BaseEmailBackend
    used_at: float
    count: int = 0


_mine = threading.local()


def _server() -> tuple[Any, ...]:
    """What a connection depends on."""
    names = ("BACKEND", "HOST", "PORT", "HOST_USER", "HOST_PASSWORD", "USE_TLS")
    return tuple(getattr(settings, f"EMAIL_{name}") for name in names)


def _kept() -> _Kept | None:
    """The connection of this thread that can still be used, else none."""
    kept: _Kept | None = getattr(_mine, "kept", None)
    if kept is None:
        return None
    is_fresh = time.monotonic() - kept.used_at < IDLE_SECONDS
    if kept.server == _server() and is_fresh and kept.count < MOST_ON_ONE:
        return kept
    _let_go()
    return None


def _let_go() -> None:
    kept: _Kept | None = getattr(_mine, "kept", None)
    _mine.kept = None
    if kept is not None:
        with suppress(smtplib.SMTPException, OSError):
            kept.connection.close()


def _send(mail: EmailMessage) -> None:
    """Send by the connection that is open, or a new one where the server closed it."""
    kept = _kept()
    if kept is not None:
        try:
            _send_by(kept, mail)
        except smtplib.SMTPException as error:
            if not _is_over(error):
                raise
        else:
            return
    connection = get_connection(fail_silently=False)
    connection.open()
    _mine.kept = _Kept(_server(), connection, time.monotonic())
    _send_by(_mine.kept, mail)


def _send_by(kept: _Kept, mail: EmailMessage) -> None:
    mail.connection = kept.connection
    kept.used_at, kept.count = time.monotonic(), kept.count + 1
    try:
        mail.send()
    except OSError as error:  # an SMTPException is one too
        if _is_over(error):
            _let_go()
        raise


def _is_over(error: OSError) -> bool:
    """Whether the connection is of no more use, rather than this mail refused."""
    if isinstance(error, smtplib.SMTPResponseException):
        return error.smtp_code == CLOSING
    return not isinstance(error, smtplib.SMTPException) or isinstance(
        error, smtplib.SMTPServerDisconnected
    )


def format_date(moment: dt.datetime) -> str:
    """Return the moment as mail writes it, in UTC."""
    return format_datetime(moment.astimezone(dt.UTC))


class Console:
    """Text messages to standard output, for development.

    Elsewhere standard output is a log, where no code and no number may stand: there a
    message without a gateway has failed, and an official hears of it.
    """

    def send(self, message: Rendered) -> None:
        if not settings.DEVELOPMENT:
            raise TransportError("no_gateway", permanent=True)
        sys.stdout.write(f"SMS to {message.recipient}: {message.body}\n")
        sys.stdout.flush()
