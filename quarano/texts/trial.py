"""A text sent to the official who words it, before anybody else gets it."""

import datetime as dt
import hashlib

from quarano.accounts.models import User
from quarano.audit import log
from quarano.cockroach.transactions import retrying_transaction
from quarano.notifications import outbox
from quarano.notifications.models import Message

OF_USE = dt.timedelta(hours=1)


class NoAddress(Exception):
    """The official's own account has no address for this channel."""


def address(user: User, channel: str) -> str:
    """Return the official's own address of a channel, empty where there is none."""
    if channel == Message.Channel.MAIL:
        return user.email or ""
    if channel == Message.Channel.SMS and user.mobile:
        return str(user.mobile.as_e164)
    return ""  # a letter is looked at, not sent


@retrying_transaction(repeatable=True)
def send(
    user: User, *, text: str, channel: str, of: str, by: User, now: dt.datetime
) -> Message | None:
    """Send a filled-in text to the official; raises NoAddress.

    `of` is the template that the text is for. None: the same was sent within this
    minute, so pressing twice sends once.
    """
    user = User.objects.select_for_update().get(pk=user.pk)
    recipient = address(user, channel)
    if not recipient:
        raise NoAddress
    digest = hashlib.sha256(f"{of} {channel} {text}".encode()).hexdigest()[:16]
    sent = outbox.write(
        f"trial:{user.pk}:{digest}:{now:%Y%m%d%H%M}",
        template="notifications/messages/trial",
        channel=channel,
        recipient=recipient,
        language=user.language,
        now=now,
        parameters={"text": text},
        expires_at=now + OF_USE,
    )
    if sent is not None:
        codes = {"text": of, "channel": channel}
        log.record("text.tried", user, by=by, now=now, codes=codes)
    return sent
