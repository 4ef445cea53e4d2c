import datetime as dt
import logging
import uuid
from typing import Any

from celery import shared_task
from django.conf import settings
from django.core.cache import cache
from django.db import connection

from health_authorities.tasks import authority_task, in_authorities_with
from quarano import clock
from quarano.notifications import bounces, delivery, mailbox, outbox, reports

# How many messages a worker hands over before others have their turn: many where it
# begins, so that what is little is done at once; few where there is a flood.
AT_FIRST, IN_TURN = 200, 10
LAST_OF_ALL = 9  # priority of a flood: whatever else waits goes before it
# A turn is never longer away than this, or others may begin in its place.
LANE = dt.timedelta(minutes=3)
logger = logging.getLogger(__name__)


@authority_task(public=True)
def deliver(pk: str) -> None:
    delivery.deliver(uuid.UUID(pk), now=clock.now())


@authority_task(public=True)
def sweep() -> None:
    now = clock.now()
    outbox.expire(now=now)
    if outbox.due(now=now).exists():
        start(connection.schema_name)


def start(schema_name: str) -> None:
    """Let a worker begin with what waits in the schema that is entered, unless as many
    workers as may are at it: they take whatever has come since."""
    for lane in range(settings.DELIVERY_LANES):
        turn = uuid.uuid4().hex
        if cache.add(f"delivery:{lane}", turn, LANE.total_seconds()):
            hand_over.apply_async((schema_name, lane, turn), retry=False)
            return


@authority_task(public=True)
def hand_over(lane: int, turn: str, again: bool = False) -> None:
    """Hand over some of what waits; where more does, queue behind everybody else."""
    place, schema_name = f"delivery:{lane}", connection.schema_name
    if cache.get(place) != turn:
        return  # it was away for so long that another began
    cache.set(place, turn, LANE.total_seconds())
    most = IN_TURN if again else AT_FIRST
    taken = outbox.claim_some(most, now=clock.now())
    for message in taken:
        delivery.deliver_claimed(message, now=clock.now())
    if len(taken) == most:
        start(schema_name)  # one more helps, where it may
        hand_over.apply_async(
            (schema_name, lane, turn, True), priority=LAST_OF_ALL, retry=False
        )
        return
    cache.delete(place)
    # What came while the place was taken had nobody begin.
    if outbox.claimable(now=clock.now()).exists():
        start(schema_name)


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
