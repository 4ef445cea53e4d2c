"""The mailbox to which undeliverable mail comes back, read over IMAP."""

import imaplib
import logging
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from django.conf import settings

from quarano.notifications.bounces import LONGEST

logger = logging.getLogger(__name__)

AT_ONCE = 200
SECONDS = 30


class Unreachable(Exception):
    """The mailbox cannot be read; the next run tries again."""


@contextmanager
def opened() -> Iterator[imaplib.IMAP4]:
    """The mailbox of the settings, its folder chosen; raises Unreachable."""
    host, port = settings.BOUNCE_IMAP_HOST, settings.BOUNCE_IMAP_PORT
    try:
        box: imaplib.IMAP4
        if settings.BOUNCE_IMAP_TLS:
            checked = ssl.create_default_context()
            box = imaplib.IMAP4_SSL(host, port, ssl_context=checked, timeout=SECONDS)
        else:
            box = imaplib.IMAP4(host, port, timeout=SECONDS)
        try:
            box.login(settings.BOUNCE_IMAP_USER, settings.BOUNCE_IMAP_PASSWORD)
            box.select(settings.BOUNCE_IMAP_FOLDER)
            yield box
        finally:
            with suppress(imaplib.IMAP4.error, OSError):
                box.logout()
    except (imaplib.IMAP4.error, OSError) as error:
        raise Unreachable(type(error).__name__) from error


def unseen(box: imaplib.IMAP4) -> Iterator[tuple[str, bytes]]:
    """Yield number and beginning of each mail that nobody has looked at."""
    _answer, found = box.uid("SEARCH", "UNSEEN")
    for number in (found[0] or b"").split()[:AT_ONCE]:
        name = number.decode()
        _answer, parts = box.uid("FETCH", name, f"(BODY.PEEK[]<0.{LONGEST}>)")
        for part in parts:
            if isinstance(part, tuple):
                yield name, part[1]


def done(box: imaplib.IMAP4, name: str, *, ours: bool) -> None:
    """Delete a bounce that is noted; leave any other mail, as seen, for a person."""
    box.uid("STORE", name, "+FLAGS", r"(\Seen \Deleted)" if ours else r"(\Seen)")
