"""What we tell people: written with what caused it, claimed and sent by the worker."""

import datetime as dt
import uuid
from collections.abc import Mapping
from typing import Any

from django.db import connection, transaction
from django.db.models import F, Q, QuerySet
from psycopg.types.json import Json

from quarano.cockroach.transactions import retrying, retrying_transaction
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


SELECTED = """
, worded (rung, channel, language, version) AS (VALUES {versions})
INSERT INTO notifications_message (id, purpose, template, rung, channel, recipient,
  language, text_version, parameters, token, about, state, written_at, not_before,
  expires_at, attempts, segments, reference, problem)
SELECT gen_random_uuid(), d.purpose, %(folder)s || d.rung, d.rung, d.channel,
  d.recipient, d.language, COALESCE(w.version, %(shipped)s), %(parameters)s, '',
  d.about, 'waiting', %(now)s, %(now)s, d.expires_at, 0, 0, '', ''
FROM due d LEFT JOIN worded w ON w.rung = d.rung AND w.channel = d.channel
  AND w.language = d.language
ON CONFLICT (purpose) DO NOTHING
"""


def write_selected(
    selecting: str,
    values: Mapping[str, Any],
    *,
    folder: str,
    parameters: dict[str, Any],
    now: dt.datetime,
) -> int:
    """Put many messages into the outbox by one statement; return how many are new.

    `selecting` is a WITH clause whose last part `due` has the columns about, purpose,
    rung, channel, recipient, language and expires_at. The template of a rung is
    `<folder>/<rung>`; each notes the version in use, as with `write`.
    """
    found = texts.versions(f"{folder}/")
    rows = [
        (template.removeprefix(f"{folder}/"), channel, language, version)
        for (template, channel, language), version in found.items()
    ]
    given: dict[str, Any] = {
        "folder": f"{folder}/",
        "shipped": texts.SHIPPED,
        "parameters": Json(parameters),
        "now": now,
    }
    # Without a version of its own no row of an authority matches.
    for number, row in enumerate(rows or [("", "", "", "")]):
        given |= {f"worded_{number}_{place}": cell for place, cell in enumerate(row)}
    versions = ", ".join(
        "(" + ", ".join(f"%(worded_{number}_{place})s" for place in range(4)) + ")"
        for number in range(max(1, len(rows)))
    )
    with connection.cursor() as cursor:
        cursor.execute(
            selecting + SELECTED.format(versions=versions), {**values, **given}
        )
        written = int(cursor.rowcount)
    if written:
        schema_name = connection.schema_name
        transaction.on_commit(lambda: _hand_over(schema_name), robust=True)
    return written


def _hand_over(schema_name: str) -> None:
    from quarano.notifications.tasks import start

    start(schema_name)


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


def claimable(*, now: dt.datetime) -> QuerySet[Message]:
    """What is due and has not outlived its use."""
    return due(now=now).filter(_in_time(now))


def _in_time(now: dt.datetime) -> Q:
    return Q(expires_at__isnull=True) | Q(expires_at__gt=now)


@retrying
def claim(pk: uuid.UUID, *, now: dt.datetime) -> Message | None:
    """Take a message in hand for CLAIM; None where there is nothing to do any more."""
    taken = (
        claimable(now=now)
        .filter(pk=pk)
        .update(
            state=State.SENDING, claimed_until=now + CLAIM, attempts=F("attempts") + 1
        )
    )
    return Message.objects.get(pk=pk) if taken else None


@retrying_transaction
def claim_some(most: int, *, now: dt.datetime) -> list[Message]:
    """Take up to `most` messages aside, the longest due first, past what other workers
    have taken aside; each is begun before it is handed over.

    Whatever is not begun within CLAIM, others may take.
    """
    wanted = (
        claimable(now=now)
        .order_by("not_before", "pk")
        .select_for_update(skip_locked=True)
    )
    found = list(wanted[:most])
    until = now + CLAIM
    Message.objects.filter(pk__in=[one.pk for one in found]).update(
        state=State.SENDING, claimed_until=until
    )
    for one in found:
        one.state, one.claimed_until = State.SENDING, until
    return found


@retrying
def begin(message: Message, *, now: dt.datetime) -> bool:
    """Take a message that was taken aside in hand for CLAIM, unless it was cancelled,
    has outlived its use, or somebody else took it meanwhile."""
    taken = Message.objects.filter(
        _in_time(now),
        pk=message.pk,
        state=State.SENDING,
        claimed_until=message.claimed_until,
    ).update(claimed_until=now + CLAIM, attempts=F("attempts") + 1)
    if taken:
        message.attempts, message.claimed_until = message.attempts + 1, now + CLAIM
    return bool(taken)


@retrying(repeatable=True)
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


@retrying(repeatable=True)
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


@retrying(repeatable=True)
def expire(*, now: dt.datetime) -> int:
    """Cancel what has outlived its use; returns how many."""
    return Message.objects.filter(
        Q(state=State.WAITING) | Q(state=State.SENDING, claimed_until__lte=now),
        expires_at__lte=now,
    ).update(state=State.VOID, token="", claimed_until=None, problem="expired")
