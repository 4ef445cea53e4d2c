from collections.abc import Sequence
from typing import Any

from celery import shared_task

from cases import daily_rules
from cases import on_call as on_calls
from cases.duplicates import find_all
from health_authorities.tasks import authority_task, in_authorities_with
from quarano import clock


def open_monitorings(schema_name: str) -> tuple[str, Sequence[Any]]:
    """SQL that finds a row where an authority follows anybody."""
    sql = (
        f'SELECT 1 FROM "{schema_name}".cases_monitoring '  # noqa: S608 - a schema's name
        "WHERE status IN ('planned', 'open')"
    )
    return sql, []


@authority_task
def escalate() -> None:
    daily_rules.run(clock.now())


@shared_task(ignore_result=True)
def escalate_all() -> None:
    in_authorities_with(open_monitorings, escalate)


@authority_task
def find_duplicates() -> None:
    find_all(clock.now())


@shared_task(ignore_result=True)
def find_duplicates_all() -> None:
    in_authorities_with(open_monitorings, find_duplicates)


def open_emergencies(schema_name: str) -> tuple[str, Sequence[Any]]:
    """SQL that finds a row where somebody may have to be told, or told again."""
    sql = (
        f'SELECT 1 FROM "{schema_name}".cases_escalation '  # noqa: S608 - a schema's name
        "WHERE reason = 'emergency' AND settled_at IS NULL "
        f'UNION ALL SELECT 1 FROM "{schema_name}".cases_oncallalarm '
        "WHERE ended_at IS NULL"
    )
    return sql, []


@authority_task
def on_call() -> None:
    on_calls.run(now=clock.now())


@shared_task(ignore_result=True)
def on_call_all() -> None:
    in_authorities_with(open_emergencies, on_call)
