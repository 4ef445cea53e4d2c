"""What the timetable runs each quarter of an hour."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

from celery import shared_task

from diaries import endings, escalation, owed, planning
from health_authorities.tasks import authority_task, in_authorities_with, local
from quarano import clock


@authority_task
def remind() -> None:
    planning.send_due(now=clock.now())


@authority_task
def escalate_missed() -> None:
    escalation.escalate_missed(now=clock.now())


@authority_task
def end() -> None:
    endings.end_due(now=clock.now())


def keeping(schema_name: str, now: dt.datetime) -> tuple[str, list[Any]]:
    """SQL that finds a row where anybody keeps a diary on that day."""
    shown, values = local(schema_name, now)
    sql = (
        f'SELECT 1 FROM "{schema_name}".cases_monitoring '  # noqa: S608 - a schema's name
        "WHERE status IN ('planned', 'open') AND enrolment = ANY(%s) "
        f"AND start <= CAST({shown} AS DATE)"
    )
    return sql, [list(owed.KEEPING), *values]


def awake(schema_name: str, now: dt.datetime) -> tuple[str, Sequence[Any]]:
    """SQL that finds a row where somebody keeps a diary and it is not quiet there."""
    sql, values = keeping(schema_name, now)
    shown, its = local(schema_name, now)
    quiet = (
        f'SELECT 1 FROM "{schema_name}".cases_routine r '  # noqa: S608 - a schema's name
        f"WHERE r.valid_from = (SELECT max(valid_from) FROM "
        f'"{schema_name}".cases_routine WHERE valid_from <= CAST({shown} AS DATE)) '
        f"AND CASE WHEN r.quiet_from <= r.quiet_until "
        f"THEN r.quiet_from <= CAST({shown} AS TIME) "
        f"AND CAST({shown} AS TIME) < r.quiet_until "
        f"ELSE CAST({shown} AS TIME) >= r.quiet_from "
        f"OR CAST({shown} AS TIME) < r.quiet_until END"
    )
    return f"{sql} AND NOT EXISTS ({quiet})", [*values, *(its * 5)]


def ending(schema_name: str, now: dt.datetime) -> tuple[str, Sequence[Any]]:
    """SQL that finds a row where a last day has come, or something is said of one."""
    shown, values = local(schema_name, now)
    sql = (
        f'SELECT 1 FROM "{schema_name}".cases_monitoring '  # noqa: S608 - a schema's name
        "WHERE status IN ('planned', 'open') "
        f"AND until <= CAST({shown} AS DATE) "
        f'UNION ALL SELECT 1 FROM "{schema_name}".cases_escalation '
        "WHERE settled_at IS NULL AND reason = ANY(%s)"
    )
    return sql, [*values, endings.TALKED_OF]


@shared_task(ignore_result=True)
def remind_all() -> None:
    now = clock.now()
    in_authorities_with(lambda schema: awake(schema, now), remind)


@shared_task(ignore_result=True)
def escalate_missed_all() -> None:
    now = clock.now()
    in_authorities_with(lambda schema: keeping(schema, now), escalate_missed)


@shared_task(ignore_result=True)
def end_all() -> None:
    now = clock.now()
    in_authorities_with(lambda schema: ending(schema, now), end)
