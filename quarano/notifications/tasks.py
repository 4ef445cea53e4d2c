import datetime as dt
import uuid
from typing import Any

from celery import shared_task
from django.db import connection

from health_authorities.tasks import authority_task, in_authorities_with
from quarano import clock
from quarano.notifications import delivery, outbox

SWEPT_AT_ONCE = 2_000


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
        "AND (state = 'waiting' OR claimed_until <= %s)"
    )
    return sql, [now, now]
