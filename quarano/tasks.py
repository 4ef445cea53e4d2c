"""Jobs that name every app."""

import datetime as dt

from celery import shared_task
from django.db import connection

from health_authorities.models import HealthAuthority
from health_authorities.tasks import authority_task, in_authorities_with
from quarano import clock, founding, placement, practice
from quarano.accounts import presence
from quarano.audit import chain
from quarano.cockroach.roles import as_owner
from quarano.metrics import tallies
from quarano.oversight import watch
from quarano.records import periods


@authority_task(public=True)
def seal() -> None:
    chain.seal(now=clock.now())


@shared_task(ignore_result=True)
def seal_all() -> None:
    in_authorities_with(chain.unsealed_query, seal, public=True)


@shared_task(ignore_result=True)
def found_requested() -> None:
    """On the queue `owner` only: it makes tables."""
    founding.carry_out_all(now=clock.now())


@shared_task(ignore_result=True)
def place_requested() -> None:
    """On the queue `owner` only: it changes where tables live."""
    placement.carry_out_all(now=clock.now())


@authority_task(public=True)
def erase_access_log() -> None:
    """On the queue `owner` only: nobody else may delete an event."""
    now = clock.now()
    before = periods.access_log_before(now=now)
    with as_owner():
        chain.erase(before=before, now=now)
    if isinstance(connection.tenant, HealthAuthority):
        watch.forget(before=before)


@shared_task(ignore_result=True)
def erase_access_log_all() -> None:
    oldest = clock.now() - dt.timedelta(days=28)
    in_authorities_with(
        lambda schema: chain.older_query(schema, oldest), erase_access_log, public=True
    )


@shared_task(ignore_result=True)
def tick() -> None:
    """Beat sent it and a worker did it: both are at work."""
    tallies.tick(now=clock.real().timestamp())


@authority_task
def watch_readings() -> None:
    now = clock.now()
    watch.look(now=now, since=now - watch.LATELY)


@shared_task(ignore_result=True)
def watch_readings_all() -> None:
    since = clock.now() - watch.LATELY
    in_authorities_with(
        lambda schema: watch.recent_query(schema, since), watch_readings
    )


@authority_task
def watch_missed() -> None:
    now = clock.now()
    watch.look(now=now, since=now - watch.LONG)


@shared_task(ignore_result=True)
def watch_missed_all() -> None:
    """What the minute's looks missed while no worker ran."""
    since = clock.now() - watch.LONG
    in_authorities_with(lambda schema: watch.recent_query(schema, since), watch_missed)


@shared_task(ignore_result=True)
def reset_practice() -> None:
    """On the queue `owner` only: it makes and drops tables."""
    practice.reset_due(now=clock.now())


@authority_task(public=True)
def erase_sessions() -> None:
    presence.erase_expired(now=clock.real())


@shared_task(ignore_result=True)
def erase_sessions_all() -> None:
    now = clock.real()
    in_authorities_with(
        lambda schema: presence.expired_query(schema, now), erase_sessions, public=True
    )
