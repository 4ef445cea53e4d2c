"""A local mail server that delivers nowhere but into the demo's inbox."""

import asyncio
import datetime as dt
import email
import email.policy
import itertools
import json
import time
from dataclasses import dataclass
from email.message import EmailMessage
from email.parser import BytesParser

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from quarano.demo import folder
from quarano.demo.time import now

_count = itertools.count()


@dataclass(frozen=True)
class Letter:
    """A mail or text message that was really handed over."""

    name: str
    channel: str
    recipient: str
    subject: str
    body: str
    at: dt.datetime


def _put(channel: str, recipient: str, subject: str, body: str, at: str) -> None:
    place = folder.folder() / "inbox"
    place.mkdir(exist_ok=True)
    name = f"{time.time_ns()}-{next(_count)}.json"
    letter = {
        "channel": channel,
        "recipient": recipient,
        "subject": subject,
        "body": body,
        "at": at,
    }
    (place / f".{name}").write_text(json.dumps(letter))
    (place / f".{name}").rename(place / name)


def put_sms(recipient: str, body: str, *, at: dt.datetime | None = None) -> None:
    """Lay a text message into the inbox, as of that moment or of now."""
    _put("sms", recipient, "", body, (at or now()).isoformat())


def letters(*, recipient: str = "", limit: int = 100) -> list[Letter]:
    """Return the newest letters, newest first, of one recipient or of all."""
    place = folder.folder() / "inbox"
    names = sorted((path.name for path in place.glob("*.json")), reverse=True)
    found: list[Letter] = []
    for name in names:
        letter = read(name)
        if letter and (not recipient or letter.recipient == recipient):
            found.append(letter)
        if len(found) == limit:
            break
    return found


def read(name: str) -> Letter | None:
    """Return one letter by the name of its file."""
    place = folder.folder() / "inbox"
    path = place / name
    if path.parent != place or not path.exists():
        return None
    kept = json.loads(path.read_text())
    return Letter(name=name, **{**kept, "at": dt.datetime.fromisoformat(kept["at"])})


class Catcher:
    """Receives by SMTP; the date is the message's own, so that it tells demo time."""

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self,
        server: SMTP,
        session: Session,
        envelope: Envelope,
        address: str,
        options: list[str],
    ) -> str:
        # So that the demo shows what happens when an address does not exist.
        if address.endswith("@refused.example"):
            return "550 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 fine"

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        content = envelope.content or b""
        parser = BytesParser(EmailMessage, policy=email.policy.default)
        message = parser.parsebytes(
            content.encode() if isinstance(content, str) else content
        )
        part = message.get_body(("plain",))
        stamp = message["Date"].datetime if message["Date"] else None
        at = stamp or now()
        _put(
            "mail",
            ", ".join(envelope.rcpt_tos),
            str(message["Subject"] or ""),
            part.get_content() if part else "",
            at.isoformat(),
        )
        await asyncio.sleep(0)
        return "250 laid into the inbox"


def start_catcher(port: int) -> Controller:
    """Start receiving mail on a local port; `stop()` ends it."""
    controller = Controller(Catcher(), hostname="127.0.0.1", port=port)
    controller.start()
    return controller
