import datetime as dt
import logging
import uuid
from typing import Any

from celery import shared_task
from django.conf import settings
from django.db import connection

from health_authorities.tasks import authority_task, in_authorities_with
from quarano import clock
from quarano.notifications import bounces, delivery, mailbox, outbox, reports

SWEPT_AT_ONCE = 2_000
logger = logging.getLogger(__name__)


@authority_task(public=True)
def deliver(pk: str) -> None:
    delivery.deliver(uuid.UUID(pk), now=clock.now())


@authority_task(public=True)
def sweep() -> None:
    now = clock.now()
    outbox.expire(now=now)
    left = outbox.due(now=now).order_by("not_before").values_list("pk", flat=True)
    for pk in left[:SWEPT_AT_ONCE]:
        # The next sweep asks again, so what waited longer than that is dropped.
        deliver.apply_async((connection.schema_name, str(pk)), expires=55)


@shared_task(ignore_result=True)
def sweep_all() -> None:
    now = clock.now()
    in_authorities_with(lambda schema: unsent_query(schema, now), sweep, public=True)


def unsent_query(schema: str, now: dt.datetime) -> tuple[str, list[Any]]:
    """SQL that finds a message of that schema to be sent, repeated or expired."""
    sql = (
        f'SELECT 1 FROM "{schema}".notifications_message '  # noqa: S608 - a schema's name
        "WHERE state IN ('waiting', 'sending') AND not_before <= %s "
        "AND (state = 'waiting' OR claimed_until <= %s) "
        "AND (channel <> 'letter' OR expires_at <= %s)"
    )
    return sql, [now, now, now]


@authority_task(public=True)
def note_bounce(pk: str, outcome: str, reason: str) -> None:
    report = reports.Report(outcome, uuid.UUID(pk), reason=reason)
    reports.note(uuid.UUID(pk), report, now=clock.now())


@shared_task(ignore_result=True)
def read_mailbox() -> None:
    """Note what came back. Killed in between, a mail is read again, which changes
    nothing: it is deleted only after it was noted."""
    if not settings.BOUNCE_IMAP_HOST:
        return
    connection.set_schema_to_public()
    try:
        with mailbox.opened() as box:
            for name, raw in mailbox.unseen(box):
                found = bounces.read(raw)
                if found is not None:
                    told = found.report
                    # In this process: what a queue forgot would be lost.
                    note_bounce(found.schema, str(told.key), told.outcome, told.reason)
                mailbox.done(box, name, ours=found is not None)
            box.expunge()
    except mailbox.Unreachable as error:
        logger.error("the mailbox of bounces cannot be read: %s", error)
