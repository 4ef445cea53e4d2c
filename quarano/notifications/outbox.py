"""What we tell people: written with what caused it, claimed and sent by the worker."""

import datetime as dt
import uuid
from typing import Any

from django.db import connection, transaction
from django.db.models import F, Q, QuerySet

from quarano.cockroach.transactions import retrying
from quarano.notifications import texts
from quarano.notifications.models import Message
from quarano.notifications.transports import Receipt

# A worker may hold a message that long; longer than any transport may take.
CLAIM = dt.timedelta(minutes=2)
FIRST_PAUSE = dt.timedelta(minutes=1)
LONGEST_PAUSE = dt.timedelta(hours=4)
ATTEMPTS = 10  # with the pauses between them some thirteen hours

State = Message.State
UNSENT = [State.WAITING, State.SENDING]


def write(
    purpose: str,
    *,
    template: str,
    channel: str,
    recipient: str,
    language: str,
    now: dt.datetime,
    about: uuid.UUID | None = None,
    rung: str = "",
    parameters: dict[str, Any] | None = None,
    token: str = "",
    not_before: dt.datetime | None = None,
    expires_at: dt.datetime | None = None,
) -> Message | None:
    """Put a message into the outbox, within the caller's transaction.

    None: this purpose is already written, so writing it twice is writing it once.
    The version of the text that is in use now is noted, and rendered however often the
    message is handed over. The worker renders `<template>.mail.txt` (first line the
    subject) or `<template>.sms.txt`, or the authority's own wording, with `authority`,
    all `parameters`, and what `token` holds: plain text becomes `token`, a JSON object
    (`{"token": …, "code": …}`) each of its names. With a parameter `path` such as
    '/enrolment/link/{token}/' the template gets `url`, the full address on the
    authority's host. `token` is stored encrypted and emptied once the message is sent,
    void or expired; never put secrets in parameters.
    """
    if Message.objects.filter(purpose=purpose).exists():
        return None
    message = Message.objects.create(
        purpose=purpose,
        template=template,
        channel=channel,
        recipient=recipient,
        language=language,
        text_version=texts.version(template, channel, language),
        about=about,
        rung=rung,
        parameters=parameters or {},
        token=token,
        written_at=now,
        not_before=not_before or now,
        expires_at=expires_at,
    )
    if message.not_before <= now and channel != Message.Channel.LETTER:
        schema_name, pk = connection.schema_name, message.pk
        transaction.on_commit(lambda: _enqueue(schema_name, pk), robust=True)
    return message


def _enqueue(schema_name: str, pk: uuid.UUID) -> None:
    # Without waiting for a broker that is away: the sweep finds the message.
    from quarano.notifications.tasks import deliver

    deliver.apply_async((schema_name, str(pk)), retry=False)


def void(*, now: dt.datetime, about: uuid.UUID | None = None, prefix: str = "") -> int:
    """Cancel what is unsent about a person and/or for purposes that start so.

    Returns how many. One that is being handed over this moment may still arrive.
    """
    if about is None and not prefix:
        raise ValueError("void() names a person or a purpose")
    unsent = Message.objects.filter(state__in=UNSENT, written_at__lte=now)
    if about is not None:
        unsent = unsent.filter(about=about)
    if prefix:
        unsent = unsent.filter(purpose__startswith=prefix)
    return unsent.update(state=State.VOID, token="", claimed_until=None)


def due(*, now: dt.datetime) -> QuerySet[Message]:
    """What may be handed over now, what a lost worker left behind included.

    Letters are taken by a print run (cases.letters), never by a worker.
    """
    return Message.objects.exclude(channel=Message.Channel.LETTER).filter(
        Q(state=State.WAITING) | Q(state=State.SENDING, claimed_until__lte=now),
        not_before__lte=now,
    )


@retrying
def claim(pk: uuid.UUID, *, now: dt.datetime) -> Message | None:
    """Take a message in hand for CLAIM; None where there is nothing to do any more."""
    taken = (
        due(now=now)
        .filter(Q(expires_at__isnull=True) | Q(expires_at__gt=now), pk=pk)
        .update(
            state=State.SENDING, claimed_until=now + CLAIM, attempts=F("attempts") + 1
        )
    )
    return Message.objects.get(pk=pk) if taken else None


@retrying
def sent(message: Message, receipt: Receipt | None = None, *, now: dt.datetime) -> None:
    """Note that the message was handed over; also where it was cancelled meanwhile.

    Where its report was faster it is sent already, and only the receipt is kept.
    """
    mine = Message.objects.filter(pk=message.pk)
    if receipt is not None and (receipt.reference or receipt.segments):
        mine.update(reference=receipt.reference, segments=receipt.segments)
    mine.filter(state__in=[*UNSENT, State.VOID]).update(
        state=State.SENT, sent_at=now, claimed_until=None, token="", problem=""
    )


@retrying
def failed(
    message: Message, *, problem: str, permanent: bool, now: dt.datetime
) -> None:
    """Note a failure: for good, or to be tried again after a pause that doubles."""
    mine = Message.objects.filter(
        pk=message.pk, state=State.SENDING, attempts=message.attempts
    )
    if permanent or message.attempts >= ATTEMPTS:
        mine.update(
            state=State.FAILED,
            failed_at=now,
            claimed_until=None,
            token="",
            problem=problem,
        )
        return
    pause = min(FIRST_PAUSE * 2 ** (message.attempts - 1), LONGEST_PAUSE)
    mine.update(
        state=State.WAITING,
        not_before=now + pause,
        claimed_until=None,
        problem=problem,
    )


def take_letters(pks: list[uuid.UUID], *, now: dt.datetime) -> list[Message]:
    """Take waiting letters in hand, within the caller's transaction; return them.

    In hand until they are sent or put back: no worker ever takes them over.
    """
    letters = list(
        Message.objects.select_for_update()
        .filter(pk__in=pks, channel=Message.Channel.LETTER, state=State.WAITING)
        .order_by("written_at", "pk")
    )
    for letter in letters:
        letter.state, letter.attempts = State.SENDING, letter.attempts + 1
        letter.save(update_fields=["state", "attempts"])
    return letters


def put_back_letters(pks: list[uuid.UUID]) -> int:
    """Let letters in hand wait again; returns how many."""
    return Message.objects.filter(
        pk__in=pks, channel=Message.Channel.LETTER, state=State.SENDING
    ).update(state=State.WAITING)


@retrying
def expire(*, now: dt.datetime) -> int:
    """Cancel what has outlived its use; returns how many."""
    return Message.objects.filter(
        Q(state=State.WAITING) | Q(state=State.SENDING, claimed_until__lte=now),
        expires_at__lte=now,
    ).update(state=State.VOID, token="", claimed_until=None, problem="expired")
